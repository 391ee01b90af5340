/** The messages between the engine's main thread and a worker thread. `WorkerCalls` says which calls there are. */
import type { MessagePort } from 'node:worker_threads';
import type { ServedCalls } from './productServer';
import type { StageId } from './remote';

export type WorkerRequest =
  /**
   * @param stage number of the stage that is asked, 0 for `WorkerCalls`
   * @param hosted the main thread answers questions for products
   */
  | { id: number; stage: number; call: string; params: unknown; hosted: boolean }
  /** Forgets the layer, finished or not. */
  | { id: number; end: true };

export type WorkerAnswer = { result: unknown } | { stage: StageId };

/** `progress` is the share of the running call that is done. */
export type WorkerReply = { id: number } & (
  WorkerAnswer | { error: { name: string; message: string; code?: string } } | { progress: number }
);

/** What a worker asks of the main thread and waits for. */
export interface ProductQuestion {
  id: number;
  call: keyof ServedCalls;
  params: unknown;
}

export type ProductAnswer = { id: number } & ({ result: unknown } | { error: { name: string; message: string } });

/** In memory that both threads see: the id of the last question that was answered, and the progress of the one asked. */
export type AnswerState = Int32Array<SharedArrayBuffer>;

export interface WorkerStart {
  cancelFlag: Int32Array;
  /** Questions go out and answers come in here. */
  questions: MessagePort;
  answerState: AnswerState;
}
