/** The view's end of the conversation with its host. */
import { createMessageConnection } from 'vscode-jsonrpc/browser';
import { messageTransport, ownRequests, type PostMessageChannel } from '../extension/shared/messageTransport';
import type { ViewNotifications, ViewRequests } from '../extension/protocol';
import { ViewMemory, type VsCodeApi } from './viewMemory';
import { caller, onNotification, type Caller, type NotificationHandlers } from '../extension/shared/rpc';

declare function acquireVsCodeApi(): VsCodeApi & { postMessage(message: unknown): void };

export type Host = Caller<ViewRequests>;

/** Connects to the host; may be called once in the life of the page. */
export function connect(handlers: NotificationHandlers<ViewNotifications>): { host: Host; memory: ViewMemory } {
  const api = acquireVsCodeApi();
  const channel: PostMessageChannel = {
    post: (message) => api.postMessage(message),
    listen: (receive) => {
      const onMessage = (event: MessageEvent<unknown>): void => receive(event.data);
      window.addEventListener('message', onMessage);
      return { dispose: () => window.removeEventListener('message', onMessage) };
    },
  };
  const { reader, writer } = messageTransport(ownRequests(channel, pageName()));
  const connection = createMessageConnection(reader, writer);
  onNotification<ViewNotifications>(connection, handlers);
  connection.listen();
  return { host: caller<ViewRequests>(connection), memory: new ViewMemory(api) };
}

/** Differs between pages; `randomUUID` exists only where the page came over https. */
function pageName(): string {
  return crypto.getRandomValues(new Uint32Array(2)).join('-');
}
