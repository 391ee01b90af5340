/** The view's end of the conversation with its host, and the state VS Code keeps for it while it is hidden. */
import { createMessageConnection } from 'vscode-jsonrpc/browser';
import { messageTransport, ownRequests, type PostMessageChannel } from '../extension/shared/messageTransport';
import type { ViewNotifications, ViewRequests } from '../extension/protocol';
import type { RememberedPlan } from './plan/planSettings';
import { caller, onNotification, type Caller, type NotificationHandlers } from '../extension/shared/rpc';

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

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

/** How the person left the view: survives hiding the tab, moving it and restarting the window. */
export interface RememberedView {
  sort: { column: string; descending: boolean } | null;
  tree: boolean;
  filter: string;
  collapsed: string[];
  columns: string[] | null;
  layer: string | null;
  tab: string;
  /** Unfolded. */
  overview: boolean;
  /** Key of the number that the map shows. */
  mapNumber: string | null;
  /** Share of the room that the table keeps beside, and above, the layer's view. */
  split: number;
  stackedSplit: number;
  /** The plan of the whole model; null before one was begun. */
  plan: RememberedPlan | null;
}

const initial: RememberedView = {
  sort: null,
  tree: true,
  filter: '',
  collapsed: [],
  columns: null,
  layer: null,
  tab: 'spectrum',
  overview: true,
  mapNumber: null,
  split: 0.44,
  // A whole plot fits below the table on an ordinary screen.
  stackedSplit: 0.34,
  plan: null,
};

export class ViewMemory {
  private view: RememberedView;

  constructor(private readonly api: VsCodeApi) {
    // VS Code hands back what `setState` was given, possibly by an older version of this page: missing keys get defaults.
    const saved = api.getState();
    this.view = { ...initial, ...(typeof saved === 'object' ? (saved as Partial<RememberedView>) : {}) };
  }

  get current(): Readonly<RememberedView> {
    return this.view;
  }

  remember(change: Partial<RememberedView>): void {
    this.view = { ...this.view, ...change };
    this.api.setState(this.view);
  }
}
