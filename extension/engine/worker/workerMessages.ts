/** The messages between the engine's main thread and a worker thread. `WorkerCalls` says which calls there are. */
import type { StageId } from './remote';

export type WorkerRequest =
  /** @param stage number of the stage that is asked, 0 for `WorkerCalls` */
  | { id: number; stage: number; call: string; params: unknown }
  /** Forgets the layer, finished or not. */
  | { id: number; end: true };

export type WorkerAnswer = { result: unknown } | { stage: StageId };

/** `progress` is the share of the running call that is done. */
export type WorkerReply = { id: number } & (
  WorkerAnswer | { error: { name: string; message: string; code?: string } } | { progress: number }
);
