/**
 * JSON-RPC messages over a pair of functions "post" and "listen": `postMessage` between a webview and its host, from
 * either end. Messages go through as objects, so that typed arrays arrive as typed arrays.
 */
import { AbstractMessageReader, AbstractMessageWriter, Message } from 'vscode-jsonrpc';
import type {
  DataCallback,
  Disposable,
  MessageReader,
  MessageWriter,
  NotificationMessage,
  RequestMessage,
} from 'vscode-jsonrpc';

export interface PostMessageChannel {
  /** Sends one message; a promise of `false` says that nobody was there to receive it. */
  post(message: Message): unknown;
  /** Calls `receive` for every message that arrives, until disposed. */
  listen(receive: (message: unknown) => void): Disposable;
}

/** The two ends `createMessageConnection` asks for. */
export function messageTransport(channel: PostMessageChannel): { reader: MessageReader; writer: MessageWriter } {
  return { reader: new ChannelReader(channel), writer: new ChannelWriter(channel) };
}

/**
 * A channel whose requests are told apart from those of earlier pages in the same webview. VS Code builds a page anew
 * when its tab is shown again; an answer meant for the page before would else be taken for one of ours.
 *
 * @param page differs between the pages of a webview
 */
export function ownRequests(channel: PostMessageChannel, page: string): PostMessageChannel {
  const prefix = `${page}/`;
  const toUs = (id: unknown): number | undefined =>
    typeof id === 'string' && id.startsWith(prefix) ? Number(id.slice(prefix.length)) : undefined;
  return {
    post: (message) => {
      if (Message.isRequest(message)) {
        const request: RequestMessage = { ...message, id: prefix + String(message.id) };
        return channel.post(request);
      }
      if (isCancel(message)) {
        const cancel: NotificationMessage = { ...message, params: { id: prefix + String(message.params.id) } };
        return channel.post(cancel);
      }
      return channel.post(message);
    },
    listen: (receive) =>
      channel.listen((message) => {
        if (!isMessage(message) || !Message.isResponse(message)) receive(message);
        else if (toUs(message.id) !== undefined) receive({ ...message, id: toUs(message.id) });
      }),
  };
}

class ChannelReader extends AbstractMessageReader implements MessageReader {
  constructor(private readonly channel: PostMessageChannel) {
    super();
  }

  listen(callback: DataCallback): Disposable {
    return this.channel.listen((message) => {
      // Other scripts and VS Code itself also post to a webview's window: what is not JSON-RPC is not for us.
      if (isMessage(message)) callback(message);
    });
  }
}

class ChannelWriter extends AbstractMessageWriter implements MessageWriter {
  private failures = 0;

  constructor(private readonly channel: PostMessageChannel) {
    super();
  }

  async write(message: Message): Promise<void> {
    try {
      await this.channel.post(message);
    } catch (error) {
      this.failures += 1;
      this.fireError(error, message, this.failures);
      throw error;
    }
  }

  end(): void {
    this.fireClose();
  }
}

/** A cancellation names its request in its parameters. */
function isCancel(message: Message): message is NotificationMessage & { params: { id: number } } {
  return Message.isNotification(message) && message.method === '$/cancelRequest';
}

function isMessage(message: unknown): message is Message {
  return typeof message === 'object' && message !== null && 'jsonrpc' in message && message.jsonrpc === '2.0';
}
