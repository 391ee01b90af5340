/**
 * Worker threads for widening, kernels and fits. A lease gives one worker to one layer; cancelling sets a flag in
 * shared memory that the kernels' callers poll, so that a worker stays usable after a cancel. A worker that dies takes
 * only its layer with it.
 */
import path from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { MatrixProducts } from '../../linalg/products/productTypes';
import { abortable } from '../resources/abortable';
import { PROGRESS_STEPS } from './askedProducts';
import { ProductServer, type ServedCalls } from './productServer';
import { remote, type CallOptions, type Send } from './remote';
import type { WorkerCalls } from './workerCalls';
import type { AnswerState, ProductAnswer, ProductQuestion } from './workerMessages';
import type { WorkerAnswer, WorkerReply, WorkerRequest, WorkerStart } from './workerMessages';

interface Pending {
  resolve: (answer: WorkerAnswer) => void;
  reject: (error: Error) => void;
  onProgress: CallOptions['onProgress'];
}

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

/** An error that happened inside a worker, with the code it had there. */
class WorkerError extends Error {
  constructor(
    name: string,
    message: string,
    readonly code?: string,
  ) {
    super(message);
    this.name = name;
  }
}

class PooledWorker {
  readonly cancelFlag = new Int32Array(new SharedArrayBuffer(4));
  private readonly worker: Worker;
  private readonly pending = new Map<number, Pending>();
  private readonly answerState: AnswerState = new Int32Array(new SharedArrayBuffer(8));
  private nextId = 1;
  dead: Error | undefined;
  /** Answers the worker's questions for products while it is leased with some. */
  server: ServedCalls | undefined;

  constructor(script: string) {
    const { port1, port2 } = new MessageChannel();
    const start: WorkerStart = { cancelFlag: this.cancelFlag, questions: port2, answerState: this.answerState };
    this.worker = new Worker(script, { workerData: start, transferList: [port2] });
    this.worker.unref();
    let answered = Promise.resolve();
    port1.on('message', (question: ProductQuestion) => {
      const { server } = this;
      // In order: a question that was cancelled must not be answered after the next one.
      answered = answered.then(async () => {
        const { answer, handedOver } = await this.answer(server, question);
        // The worker sleeps until it is told, and takes the message then.
        port1.postMessage(answer, handedOver);
        Atomics.store(this.answerState, 0, question.id);
        Atomics.notify(this.answerState, 0);
      });
    });
    port1.unref();
    this.worker.on('message', (reply: WorkerReply) => {
      const pending = this.pending.get(reply.id);
      if (!pending) return;
      if ('progress' in reply) {
        pending.onProgress?.(reply.progress);
        return;
      }
      this.pending.delete(reply.id);
      if (this.pending.size === 0 && !this.dead) this.worker.unref();
      if ('error' in reply) pending.reject(new WorkerError(reply.error.name, reply.error.message, reply.error.code));
      else pending.resolve(reply);
    });
    this.worker.on('error', (error) => this.fail(error instanceof Error ? error : new Error(String(error))));
    this.worker.on('exit', (code) => this.fail(new Error(`a worker thread ended with code ${code}`)));
  }

  private async answer(
    server: ServedCalls | undefined,
    { id, call, params }: ProductQuestion,
  ): Promise<{ answer: ProductAnswer; handedOver: ArrayBuffer[] }> {
    const onProgress = (fraction: number): void => {
      Atomics.store(this.answerState, 1, Math.round(fraction * PROGRESS_STEPS));
    };
    try {
      if (!server) throw new Error('a worker asked for products without a lease that has some');
      const result = await server[call](params as never, onProgress);
      return { answer: { id, result }, handedOver: transferable(result) };
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      return { answer: { id, error: { name, message } }, handedOver: [] };
    }
  }

  private fail(error: Error): void {
    this.dead ??= error;
    for (const { reject } of this.pending.values()) reject(this.dead);
    this.pending.clear();
  }

  ask(request: Unnumbered<WorkerRequest>, { transfer = [], onProgress }: CallOptions = {}): Promise<WorkerAnswer> {
    if (this.dead) return Promise.reject(this.dead);
    const id = this.nextId++;
    return new Promise<WorkerAnswer>((resolve, reject) => {
      this.pending.set(id, { resolve, reject, onProgress });
      this.worker.ref();
      this.worker.postMessage({ id, ...request }, transfer as ArrayBuffer[]);
    });
  }

  async terminate(): Promise<void> {
    this.dead ??= new Error('the worker thread was ended');
    // A process with nothing else to wait for would end before its caller has gone on.
    this.worker.ref();
    await this.worker.terminate();
  }
}

/** Buffers that an answer hands over instead of copying. */
function transferable(result: Awaited<ReturnType<ServedCalls[keyof ServedCalls]>>): ArrayBuffer[] {
  if (result instanceof Float64Array) return [result.buffer as ArrayBuffer];
  return result && 'lent' in result ? [result.product.buffer as ArrayBuffer, ...result.lent] : [];
}

/** Exclusive use of one worker until `release`. */
export class WorkerLease {
  constructor(
    private readonly worker: PooledWorker,
    private readonly signal: AbortSignal,
    private readonly giveBack: (worker: PooledWorker) => void,
  ) {
    Atomics.store(worker.cancelFlag, 0, 0);
    signal.addEventListener('abort', this.cancel);
  }

  private readonly cancel = (): void => {
    Atomics.store(this.worker.cancelFlag, 0, 1);
  };

  private readonly send: Send = async (stage, call, params, options) => {
    this.signal.throwIfAborted();
    const hosted = this.worker.server !== undefined;
    const asked = this.worker.ask({ stage: stage.number, call, params, hosted }, options);
    const answer = await abortable(asked, this.signal);
    return 'stage' in answer ? remote(answer.stage, this.send) : answer.result;
  };

  /**
   * Each call throws the signal's reason as soon as it is cancelled, whatever the worker is at, and a WorkerError for
   * errors inside the worker.
   */
  readonly calls = remote<WorkerCalls>({ number: 0, name: 'any' }, this.send);

  /** Lets the worker's compression use these products until `release`. */
  serve(products: MatrixProducts): void {
    this.worker.server = new ProductServer(products, this.signal);
  }

  /** The worker is free again once it has ended what it was at: it answers in order. */
  release(): void {
    const giveBack = (): void => {
      this.signal.removeEventListener('abort', this.cancel);
      this.worker.server = undefined;
      this.giveBack(this.worker);
    };
    this.worker.ask({ end: true }).then(giveBack, giveBack);
  }
}

export class WorkerPool {
  private readonly idle: PooledWorker[] = [];
  private readonly waiting: ((worker: PooledWorker) => void)[] = [];
  private readonly all = new Set<PooledWorker>();

  /** @param size threads at most; they start when first needed */
  constructor(
    readonly size: number,
    private readonly script = path.join(__dirname, 'worker.js'),
  ) {}

  async lease(signal: AbortSignal): Promise<WorkerLease> {
    signal.throwIfAborted();
    const worker = await this.next(signal);
    return new WorkerLease(worker, signal, (returned) => this.giveBack(returned));
  }

  /** A worker that no layer waits for, to be given back soon; undefined where all are taken. */
  leaseIdle(signal: AbortSignal): WorkerLease | undefined {
    signal.throwIfAborted();
    const worker = this.idle.pop() ?? (this.all.size < this.size ? this.start() : undefined);
    return worker && new WorkerLease(worker, signal, (returned) => this.giveBack(returned));
  }

  private next(signal: AbortSignal): Promise<PooledWorker> {
    const idle = this.idle.pop();
    if (idle) return Promise.resolve(idle);
    if (this.all.size < this.size) return Promise.resolve(this.start());
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
        reject(signal.reason as Error);
      };
      const waiter = (worker: PooledWorker): void => {
        // One signal may outlive hundreds of layers.
        signal.removeEventListener('abort', abort);
        resolve(worker);
      };
      this.waiting.push(waiter);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  private start(): PooledWorker {
    const worker = new PooledWorker(this.script);
    this.all.add(worker);
    return worker;
  }

  private giveBack(worker: PooledWorker): void {
    let usable = worker;
    if (worker.dead) {
      this.all.delete(worker);
      if (this.waiting.length === 0) return;
      usable = this.start();
    }
    const waiter = this.waiting.shift();
    if (waiter) waiter(usable);
    else this.idle.push(usable);
  }

  async terminate(): Promise<void> {
    await Promise.all([...this.all].map((worker) => worker.terminate()));
    this.all.clear();
    this.idle.length = 0;
  }
}
