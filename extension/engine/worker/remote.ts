/**
 * The calls of a worker thread as its lease makes them: the same names and parameters, answers as promises. An answer
 * that is a stage of a layer comes as the calls of that stage.
 */

export interface CallOptions {
  /** Buffers that are handed over instead of copied. */
  transfer?: ArrayBufferLike[];
  onProgress?: (fraction: number) => void;
}

/** What a call that returns R in the worker answers with. */
export type Answer<R> = R extends { readonly stage: string } ? Remote<R> : R;

type RemoteCall<F> = F extends () => infer R
  ? (params?: undefined, options?: CallOptions) => Promise<Answer<R>>
  : F extends (params: infer P, ...rest: never[]) => infer R
    ? (params: P, options?: CallOptions) => Promise<Answer<R>>
    : F;

export type Remote<T> = { [K in keyof T]: RemoteCall<T[K]> };

/** A stage as messages name it. */
export interface StageId {
  /** Counts the stages of a worker thread; 0 stands for the calls that are legal at any time. */
  number: number;
  name: string;
}

export type Send = (
  stage: StageId,
  call: string,
  params: unknown,
  options: CallOptions | undefined,
) => Promise<unknown>;

/** @param send makes the call in the worker, and answers with what `Remote` promises */
export function remote<T extends object>(stage: StageId, send: Send): Remote<T> {
  return new Proxy({} as Remote<T>, {
    get: (_, name) => {
      if (name === 'stage') return stage.name;
      // A promise asks what it is resolved with for `then`.
      if (typeof name === 'symbol' || name === 'then') return undefined;
      return (params: unknown, options?: CallOptions) => send(stage, name, params, options);
    },
  });
}
