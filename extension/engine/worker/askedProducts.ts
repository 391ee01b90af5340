/**
 * The worker's side of its products: methods compute without a pause, so a call sends its matrices to the main thread and
 * sleeps until the answer is there, waking to look for a cancel. @see ProductServer
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { Interval } from '../../linalg/kernels/bandMatrix';
import type { Poll } from '../../linalg/kernels/kernels';
import type { ProductHost } from '../../linalg/kernels/kernels';
import type { Multiply } from '../../linalg/products/productTypes';
import type { ServedCalls } from './productServer';
import type { AnswerState, ProductAnswer, ProductQuestion } from './workerMessages';

/** A cancel is seen within this time. */
const PATIENCE_MS = 50;

/** Progress as the main thread counts it. */
export const PROGRESS_STEPS = 10_000;

export class AskedProducts implements ProductHost {
  private asked = 0;
  /** What operands travel in. It comes back with each answer: new memory costs more than what is copied into it. */
  private lent: ArrayBuffer[] = [];

  constructor(
    private readonly port: MessagePort,
    private readonly state: AnswerState,
    private readonly cancelled: () => boolean,
  ) {}

  readonly multiply: ProductHost['multiply'] = (a, b, m, n, k, transA, transB) => {
    const left = this.copied(a, 0);
    const right = b === a ? left : this.copied(b, 1);
    const operands: Parameters<Multiply> = [left, right, m, n, k, transA, transB];
    const { product, lent } = this.ask('multiply', { operands }, b === a ? [left] : [left, right]);
    this.lent = lent;
    return product;
  };

  /** Gives back the memory that is kept from one product to the next. */
  forget(): void {
    this.lent = [];
  }

  private copied(x: Float64Array, place: 0 | 1): Float64Array {
    const known = this.lent[place];
    const copy = new Float64Array(
      known && known.byteLength >= x.byteLength ? known : new ArrayBuffer(x.byteLength),
      0,
      x.length,
    );
    copy.set(x);
    return copy;
  }

  beginGram(n: number): void {
    this.ask('beginGram', { n }, []);
  }

  addGram(x: Float64Array, k: number): Float64Array {
    return this.ask('addGram', { x, k }, [x]);
  }

  reduce(poll: Poll): ReturnType<ProductHost['reduce']> {
    return this.ask('reduce', null, [], poll);
  }

  hold(x: Float64Array, count: number, damped: Interval): void {
    this.ask('hold', { x, count, damped }, [x]);
  }

  filter(degree: number, poll: Poll): void {
    this.ask('filter', { degree }, [], poll);
  }

  overlaps(): Float64Array {
    return this.ask('overlaps', null, []);
  }

  imageOverlaps(): Float64Array {
    return this.ask('imageOverlaps', null, []);
  }

  combine(coefficients: Float64Array): void {
    this.ask('combine', { coefficients }, []);
  }

  choose(coefficients: Float64Array): void {
    this.ask('choose', { coefficients }, []);
  }

  residuals(values: Float64Array): Float64Array {
    return this.ask('residuals', { values }, []);
  }

  transform(k: number, poll: Poll): Float64Array {
    return this.ask('transform', { k }, [], poll);
  }

  /** @throws DOMException `AbortError` when cancelled; the error of the main thread */
  private ask<Call extends keyof ServedCalls>(
    call: Call,
    params: Parameters<ServedCalls[Call]>[0],
    handedOver: readonly Float64Array[],
    poll?: Poll,
  ): Awaited<ReturnType<ServedCalls[Call]>> {
    const { port, state } = this;
    const id = ++this.asked;
    Atomics.store(state, 1, 0);
    port.postMessage(
      { id, call, params } satisfies ProductQuestion,
      handedOver.map(({ buffer }) => buffer as ArrayBuffer),
    );
    for (let last = Atomics.load(state, 0); last !== id; last = Atomics.load(state, 0)) {
      if (this.cancelled()) throw new DOMException('The compression was cancelled', 'AbortError');
      poll?.(Atomics.load(state, 1) / PROGRESS_STEPS);
      Atomics.wait(state, 0, last, PATIENCE_MS);
    }
    for (;;) {
      const received = receiveMessageOnPort(port);
      if (!received) throw new Error('an answer of the main thread is missing');
      const message = received.message as unknown as ProductAnswer;
      // Those of calls that were cancelled.
      if (message.id !== id) continue;
      if ('error' in message) throw rebuilt(message.error);
      return message.result as Awaited<ReturnType<ServedCalls[Call]>>;
    }
  }
}

function rebuilt({ name, message }: { name: string; message: string }): Error {
  if (name === 'AbortError') return new DOMException(message, name);
  return name === 'RangeError' ? new RangeError(message) : new Error(message);
}
