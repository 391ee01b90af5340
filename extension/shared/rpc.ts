/**
 * Typed calls over a `vscode-jsonrpc` MessageConnection: callers and handlers are derived from the interfaces of
 * `protocol.ts`, so that a message's name, parameters and result are checked on both sides. The same code serves
 * host ↔ engine (IPC) and host ↔ webview (postMessage); each process makes its own connection.
 *
 * Those who answer requests find theirs in `rpcHandlers.ts`. This file loads nothing, so that an extension that has
 * nothing to do yet loads no RPC.
 */
import type { CancellationToken, Disposable, MessageConnection } from 'vscode-jsonrpc';
import type { Problem } from './tensors';

export type ParamsOf<R, K extends keyof R> = R[K] extends { params: infer P } ? P : never;
type ResultOf<R, K extends keyof R> = R[K] extends { result: infer T } ? T : never;

export interface Caller<R> {
  /**
   * Sends a request and waits for its answer.
   *
   * @throws ResponseError whose `data` is the `Problem` (see `problemOf`) where the other side failed, was cancelled
   *   through `token`, or the connection ended before it answered
   */
  request<K extends keyof R & string>(
    method: K,
    params: ParamsOf<R, K>,
    token?: CancellationToken,
  ): Promise<ResultOf<R, K>>;
}

/** One function for every request of `R`. */
export type Handlers<R> = {
  [K in keyof R]: (params: ParamsOf<R, K>, token: CancellationToken) => ResultOf<R, K> | Promise<ResultOf<R, K>>;
};

export interface Notifier<N> {
  /** Sends a notification; resolves when it was handed to the transport. */
  notify<K extends keyof N & string>(method: K, params: N[K]): Promise<void>;
}

/** One function for every notification of `N`. */
export type NotificationHandlers<N> = { [K in keyof N]: (params: N[K]) => void };

export function caller<R>(connection: MessageConnection): Caller<R> {
  return {
    request: (method, params, token) =>
      token ? connection.sendRequest(method, params, token) : connection.sendRequest(method, params),
  };
}

export function notifier<N>(connection: MessageConnection): Notifier<N> {
  return { notify: (method, params) => connection.sendNotification(method, params) };
}

/** Listens to every notification of `N`; disposing the result stops listening. */
export function onNotification<N>(connection: MessageConnection, handlers: NotificationHandlers<N>): Disposable {
  return allOf(namesOf(handlers).map((method) => connection.onNotification(method, handlers[method])));
}

/** What went wrong, for people: the other side's `Problem` where there is one, else the error's own message. */
export function problemOf(error: unknown): Problem {
  // A ResponseError, known by what it carries: its class would load all of vscode-jsonrpc.
  if (error instanceof Error && 'data' in error && isProblem(error.data)) return error.data;
  if (carriesProblem(error)) return error.toProblem();
  if (error instanceof Error) {
    return { code: error.name === 'AbortError' ? 'cancelled' : 'internal', message: error.message };
  }
  return { code: 'internal', message: String(error) };
}

function carriesProblem(error: unknown): error is { toProblem(): Problem } {
  return error instanceof Error && 'toProblem' in error && typeof error.toProblem === 'function';
}

function isProblem(data: unknown): data is Problem {
  return typeof data === 'object' && data !== null && 'code' in data && 'message' in data;
}

export function namesOf<T extends object>(handlers: T): (keyof T & string)[] {
  return Object.keys(handlers) as (keyof T & string)[];
}

export function allOf(registrations: Disposable[]): Disposable {
  return {
    dispose: () => {
      for (const registration of registrations) registration.dispose();
    },
  };
}
