/**
 * FARMS of one layer: Gram matrices of its windows on onnxruntime, their eigenvalues in the layer's own worker and in every
 * other that is idle, and the end of an adaptive run.
 */
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint';
import { reduceToBandMatrix } from '../../linalg/eigen/bandReduction';
import { gramByProducts } from '../../linalg/gram/gramSum';
import { loadKernels } from '../../linalg/kernels/loadKernels';
import { SlidingGram, type ColumnSource } from '../../linalg/gram/slidingGram';
import type { SymmetricSlabs } from '../../linalg/gram/symmetricSlabs';
import type { MatrixProducts } from '../../linalg/products/productTypes';
import { runAdaptively } from '../../spectral/farms/adaptiveFarms';
import type { FarmsWindow } from '../../spectral/farms/farms';
import { abortable } from '../resources/abortable';
import { addColumns } from './addColumns';
import type { GramSide, SharedGrams, WindowsPlan } from './farmsPlan';
import { WORKER_SIDE } from './layerProgress';
import type { FarmsCalls, WorkerCalls } from '../worker/workerCalls';
import type { Answer, Remote } from '../worker/remote';
import type { WorkerLease, WorkerPool } from '../worker/workerPool';

export interface FarmsContext {
  checkpoint: Pick<Checkpoint, 'read'>;
  pool: WorkerPool;
  products: () => Promise<MatrixProducts>;
  tolerance: number;
  signal: AbortSignal;
}

export class FarmsRun<Done> {
  /** Ascending λ by index of the window. */
  private readonly spectra: Float64Array[] = [];
  /** Windows in work; those that failed stay. */
  private readonly running = new Set<Promise<void>>();
  private ownBusy = false;
  /** For the chunks of the next window. */
  private readonly spare: Float64Array[] = [];
  private solved = 0;

  /**
   * @param layer the layer in the worker, which holds its bytes if `held`
   * @param lease of that worker
   * @param chunk bytes of the columns of one window that are multiplied at once
   */
  constructor(
    private readonly context: FarmsContext,
    private readonly layer: Remote<FarmsCalls<Done>>,
    private readonly lease: WorkerLease,
    private readonly tensor: TensorInfo,
    private readonly held: boolean,
    private readonly chunk: number,
  ) {}

  /** @returns the layer's next stage in the worker */
  async run(plan: WindowsPlan, onProgress: (fraction: number) => void): Promise<Answer<Done>> {
    const onSolved = (): void => onProgress(Math.min(1, (++this.solved * plan.perWindow) / plan.cost));
    try {
      const { taken, last } = plan.full ? await this.every(plan, onSolved) : await this.adaptive(plan, onSolved);
      const { windows, window } = plan;
      const interval = last?.interval ?? null;
      const spectra = this.spectraOf(taken);
      return await this.layer.finishFarms({ spectra, interval, total: windows.length, window });
    } finally {
      // Nothing may still be at work in this layer's worker when the next layer gets it.
      await Promise.allSettled(this.running);
    }
  }

  private async every(plan: WindowsPlan, onSolved: () => void): Promise<{ taken: number[]; last: null }> {
    const taken = [...plan.windows.keys()];
    if (plan.shared) await this.shared(plan, plan.shared, onSolved);
    else await this.each(plan, taken, onSolved);
    return { taken, last: null };
  }

  private adaptive(plan: WindowsPlan, onSolved: () => void): ReturnType<typeof runAdaptively> {
    const { windows, limit, window } = plan;
    return runAdaptively({
      ...{ windows, limit, tolerance: this.context.tolerance },
      take: (indices) => this.each(plan, indices, onSolved),
      estimate: (indices) =>
        this.layer.farmsEstimate({ spectra: this.spectraOf(indices), total: windows.length, window }),
    });
  }

  private spectraOf(indices: readonly number[]): Float64Array[] {
    return indices.map((index) => this.spectra[index]!);
  }

  /** Every window, from sums that windows share. */
  private async shared(plan: WindowsPlan, { side, rows, spans }: SharedGrams, onSolved: () => void): Promise<void> {
    const { windows } = plan;
    const last = windows.at(-1)!;
    const whole = { row: 0, col: 0, rows: last.row + last.rows, cols: last.col + last.cols };
    const grams = new SlidingGram(await this.context.products(), rows, this.columns(whole, side));
    for (const [start, end] of spans) {
      await grams.moveTo(start, end, this.context.signal);
      for (const first of rows.starts) {
        const [row, col] = side === 'columns' ? [start, first] : [first, start];
        const index = windows.findIndex((window) => window.row === row && window.col === col);
        await this.solve(index, grams.window(first), onSolved);
      }
    }
    await Promise.all(this.running);
  }

  /** Windows one by one. */
  private async each(plan: WindowsPlan, indices: readonly number[], onSolved: () => void): Promise<void> {
    for (const index of indices) {
      const window = plan.windows[index]!;
      if (plan.inWorker) {
        const bytes = await this.bytesOf(window);
        const transfer = bytes ? [bytes.buffer] : [];
        this.spectra[index] = await this.layer.windowSpectrum({ window, ...(bytes && { bytes }) }, { transfer });
        onSolved();
        continue;
      }
      await this.solve(index, await this.gramOf(window), onSolved);
    }
    await Promise.all(this.running);
  }

  /** The Gram matrix of the window's smaller side. */
  private async gramOf(window: FarmsWindow): Promise<SymmetricSlabs> {
    const { products, signal } = this.context;
    const [side, long] = [Math.min(window.rows, window.cols), Math.max(window.rows, window.cols)];
    const chunk = this.columns(window, window.rows >= window.cols ? 'columns' : 'rows');
    const gram = gramByProducts(await products(), side);
    await addColumns(gram, { side, long, chunk }, { chunkBytes: this.chunk, signal, spare: this.spare });
    return gram.finish();
  }

  /** First stage of a window's eigenvalues here; resolves as soon as a worker has the second. */
  private async solve(index: number, gram: SymmetricSlabs, onSolved: () => void): Promise<void> {
    const { products, signal } = this.context;
    const call: Parameters<WorkerCalls['windowEigenvalues']>[0] =
      gram.n <= WORKER_SIDE
        ? { matrix: gram.toMatrix(), n: gram.n }
        : {
            bandMatrix: await reduceToBandMatrix(gram, { products: await products(), kernels: loadKernels(), signal }),
          };
    const transfer = ['bandMatrix' in call ? call.bandMatrix.rows.buffer : call.matrix.buffer];
    const { lease, release } = await this.freeWorker();
    const running = lease.calls
      .windowEigenvalues(call, { transfer })
      .finally(release)
      .then((eigenvalues) => {
        this.spectra[index] = eigenvalues;
        this.running.delete(running);
        onSolved();
      });
    this.running.add(running);
    // Heard when all windows are awaited.
    running.catch(() => undefined);
  }

  /** An idle worker of the pool, else the layer's own, which others wait for to read the layer's bytes. */
  private async freeWorker(): Promise<{ lease: WorkerLease; release: () => void }> {
    for (;;) {
      const idle = this.context.pool.leaseIdle(this.context.signal);
      if (idle) return { lease: idle, release: () => idle.release() };
      if (!this.ownBusy) {
        this.ownBusy = true;
        return { lease: this.lease, release: () => (this.ownBusy = false) };
      }
      await Promise.race(this.running);
    }
  }

  /** A part of the matrix as a Gram matrix along one of its sides wants it. */
  private columns(part: FarmsWindow, side: GramSide): ColumnSource {
    const { row, col, rows, cols } = part;
    return async (start, end, into) => {
      const turned = side === 'columns';
      const cut = turned
        ? { row: row + start, col, rows: end - start, cols }
        : { row, col: col + start, rows, cols: end - start };
      const bytes = await this.bytesOf(cut);
      const transfer = [...(bytes ? [bytes.buffer] : []), ...(into ? [into.buffer] : [])];
      const call = { part: cut, turned, ...(bytes && { bytes }), ...(into && { into }) };
      return this.layer.part(call, { transfer });
    };
  }

  /** A part's whole rows, unless the worker holds the tensor. */
  private async bytesOf({ row, rows }: FarmsWindow): Promise<Uint8Array | undefined> {
    if (this.held) return undefined;
    const { checkpoint, signal } = this.context;
    return abortable(checkpoint.read(this.tensor, { start: row, end: row + rows }, signal), signal);
  }
}
