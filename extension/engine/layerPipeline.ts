/**
 * From a tensor in a file to a `LayerOutcome`: reads on the main thread; widening, small matrices, the second stage of
 * large ones and fits in a leased worker; the Gram matrix of a large one and its reduction to band form, which are nearly
 * all products, on onnxruntime (which lives on the main thread only). Decides what is held in memory, what is streamed, and
 * whether FARMS takes every window.
 */
import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint';
import { elementSize } from '../checkpoint/dtype';
import { reduceToBand, type Band } from '../linalg/bandReduction';
import { loadKernels } from '../linalg/kernels';
import type { MatrixProducts } from '../linalg/matrixProducts';
import { SymmetricSlabs } from '../linalg/symmetricSlabs';
import type { InspectSettings, Problem, TensorStatistics } from '../protocol';
import { adaptiveOrder, farmsWindows, type FarmsWindow } from '../spectral/farms';
import type { LayerGeometry } from '../spectral/matrices';
import type { LayerOutcome, LayerTask } from './workerMessages';
import type { WorkerLease, WorkerPool } from './workerPool';

/**
 * Up to this side the worker's own Gram kernel and one-stage reduction beat sending chunks to onnxruntime and a band back.
 */
export const WORKER_SIDE = 384;

/** A chunk of columns on its way to onnxruntime: large enough for the products to run at full speed. */
const CHUNK_BYTES = 32 * 1024 * 1024;

/** FARMS takes every window while that costs fewer operations than this (some seconds of one core). */
const FULL_FARMS_OPERATIONS = 2e10;

/** Windows between two looks at the bootstrap interval. */
const ADAPTIVE_BATCH = 4;

/**
 * In mode `auto` a layer takes no more windows than this, however wide its interval still is (an untrained matrix has
 * no tail to settle on); the interval shown says how sure its alpha is. Mode `adaptive` goes on to the tolerance.
 */
const AUTO_MAX_WINDOWS = 16;

/** Operations a second, for the share of each stage in the progress; only ratios matter. */
const PRODUCT_RATE = 5e10;
const ONE_STAGE_RATE = 6e9;
/** Of the two-stage eigenvalues' time, what the reduction to band form takes. */
const REDUCTION_SHARE = 0.7;

/** A layer that cannot be analysed, with what is known of it all the same. */
export class LayerError extends Error {
  override readonly name = 'LayerError';
  constructor(
    readonly code: 'limit',
    message: string,
    readonly statistics: TensorStatistics | null,
  ) {
    super(message);
  }

  toProblem(): Problem {
    return { code: this.code, message: this.message };
  }
}

export interface PipelineContext {
  checkpoint: Checkpoint;
  pool: WorkerPool;
  /** Loaded with the first layer that is large enough to gain from them. */
  products: () => Promise<MatrixProducts>;
  settings: InspectSettings;
  /** Bytes all layers in work may hold together. */
  memoryLimit: number;
  signal: AbortSignal;
  /** `fraction` of the layer's whole work. */
  onProgress: (stage: string, fraction: number) => void;
}

/** The expected cost of each stage, so that the progress of a layer moves evenly. */
class LayerProgress {
  private done = 0;
  constructor(
    private readonly total: number,
    private readonly report: (stage: string, fraction: number) => void,
  ) {}

  within(stage: string, cost: number): (fraction: number) => void {
    return (fraction) => this.report(stage, Math.min(1, (this.done + cost * fraction) / this.total));
  }

  finish(cost: number): void {
    this.done += cost;
  }
}

/**
 * Everything about one layer, or the statistics of a tensor without one.
 *
 * @throws CheckpointError from reading, LayerError where the layer does not fit in the memory limit, AbortError
 */
export async function analyseLayer(
  context: PipelineContext,
  tensor: TensorInfo,
  layer: LayerGeometry | undefined,
  noSpectrum?: string,
): Promise<LayerOutcome> {
  const large = layer !== undefined && Math.min(layer.rows, layer.cols) > WORKER_SIDE;
  const products = large ? await context.products() : undefined;
  const lease = await context.pool.lease(context.signal);
  try {
    const task = layerTask(context.settings, products, tensor, layer, noSpectrum);
    return await new LayerPipeline(context, lease, tensor, layer).run(task);
  } finally {
    lease.release();
  }
}

function layerTask(
  settings: InspectSettings,
  products: MatrixProducts | undefined,
  tensor: TensorInfo,
  layer: LayerGeometry | undefined,
  noSpectrum: string | undefined,
): LayerTask {
  const { name, shape, dtype, kernelLayout } = tensor;
  return {
    tensor: { name, shape: [...shape], dtype, kernelLayout },
    ...(layer && { layer }),
    ...(noSpectrum !== undefined && { noSpectrum }),
    settings,
    precision: products ? `${products.device.precision} ${products.device.provider}` : 'float64 wasm',
  };
}

/** Rows along the tensor's first axis that hold the layer. */
export function layerRows(tensor: TensorInfo, layer: LayerGeometry | undefined): { start: number; end: number } {
  if (layer?.expert !== undefined) return { start: layer.expert, end: layer.expert + 1 };
  return { start: 0, end: tensor.shape[0] ?? 1 };
}

class LayerPipeline {
  private readonly share: number;

  constructor(
    private readonly context: PipelineContext,
    private readonly lease: WorkerLease,
    private readonly tensor: TensorInfo,
    private readonly layer: LayerGeometry | undefined,
  ) {
    this.share = context.memoryLimit / context.pool.size;
  }

  async run(task: LayerTask): Promise<LayerOutcome> {
    const { layer, tensor } = this;
    const rows = layerRows(tensor, layer);
    const perRow = tensor.byteLength / Math.max(1, tensor.shape[0] ?? 1);
    const bytes = (rows.end - rows.start) * perRow;
    const side = layer ? Math.min(layer.rows, layer.cols) : 0;
    const gramBytes = side > WORKER_SIDE ? SymmetricSlabs.bytes(side) : 0;
    const held = bytes <= (this.share - gramBytes) / 2;
    const streamable = !layer || (layer.kind === 'matrix' && layer.rows >= layer.cols && gramBytes <= this.share);
    if (!held && !streamable) {
      throw new LayerError(
        'limit',
        `needs about ${megabytes(2 * bytes + gramBytes)} MB and a layer may use ${megabytes(this.share)} MB; ` +
          'raise the memory limit or lower the number of threads',
        await this.statistics(task, rows, perRow),
      );
    }
    const plan = layer && this.context.settings.farms.enabled ? this.farmsPlan(layer) : undefined;
    const progress = this.progress(layer, side, plan);

    if (held) {
      const data = await this.context.checkpoint.read(tensor, rows, this.context.signal);
      await this.lease.call('begin', { task, bytes: data }, { transfer: [data.buffer] });
      const hasSpectrum = await this.lease.call('statistics', null);
      if (hasSpectrum && layer) await this.heldSpectra(layer, side, progress);
      if (hasSpectrum && plan) await this.farms(plan, progress, true);
    } else {
      await this.lease.call('begin', { task });
      const gram = await this.stream(rows, perRow, layer, progress);
      if (gram && layer) {
        await this.eigenvalues(gram, progress);
        if (plan) await this.farms(plan, progress, false);
      }
    }
    return this.lease.call('finish', null);
  }

  /** Of a tensor that is too large to be held: nothing but its elements is looked at. */
  private async statistics(
    { layer: _, ...task }: LayerTask,
    rows: { start: number; end: number },
    perRow: number,
  ): Promise<TensorStatistics | null> {
    await this.lease.call('begin', { task });
    await this.stream(rows, perRow, undefined, this.progress(undefined, 0, undefined));
    return (await this.lease.call('finish', null)).result.statistics;
  }

  private progress(layer: LayerGeometry | undefined, side: number, plan: FarmsPlan | undefined): LayerProgress {
    const farms = plan?.cost ?? 0;
    const total = layer ? layer.count * (productCost(layer) + eigenvalueCost(side)) + farms : 1;
    return new LayerProgress(Math.max(total, Number.EPSILON), this.context.onProgress);
  }

  private async heldSpectra(layer: LayerGeometry, side: number, progress: LayerProgress): Promise<void> {
    if (side <= WORKER_SIDE) {
      const cost = layer.count * (productCost(layer) + eigenvalueCost(side));
      await this.lease.call('spectra', null, { onProgress: progress.within('eigenvalues', cost) });
      progress.finish(cost);
      return;
    }
    const long = Math.max(layer.rows, layer.cols);
    for (let matrix = 0; matrix < layer.count; matrix++) {
      const gram = await this.gram(
        side,
        long,
        (start, end) => this.lease.call('columns', { matrix, start, end }),
        progress.within('products', productCost(layer)),
      );
      progress.finish(productCost(layer));
      await this.eigenvalues(gram, progress);
    }
  }

  private async eigenvalues(gram: SymmetricSlabs, progress: LayerProgress): Promise<void> {
    const cost = eigenvalueCost(gram.n);
    const band = await this.reduce(gram, progress.within('eigenvalues', cost * REDUCTION_SHARE));
    progress.finish(cost * REDUCTION_SHARE);
    const onProgress = progress.within('eigenvalues', cost * (1 - REDUCTION_SHARE));
    await this.lease.call('eigenvalues', { band }, { transfer: [band.rows.buffer], onProgress });
    progress.finish(cost * (1 - REDUCTION_SHARE));
  }

  private async reduce(gram: SymmetricSlabs, onProgress: (fraction: number) => void): Promise<Band> {
    const { signal } = this.context;
    return reduceToBand(gram, { products: await this.context.products(), kernels: loadKernels(), signal, onProgress });
  }

  /**
   * Gram matrix of the smaller side from chunks of columns (side × (end − start)); the next chunk is prepared while the
   * present one is multiplied.
   */
  private async gram(
    side: number,
    long: number,
    chunk: (start: number, end: number) => Promise<Float64Array>,
    onProgress: (fraction: number) => void,
  ): Promise<SymmetricSlabs> {
    const products = await this.context.products();
    const gram = new SymmetricSlabs(side);
    const step = Math.max(1, Math.floor(CHUNK_BYTES / (8 * side)));
    let next: Promise<Float64Array> | undefined = chunk(0, Math.min(step, long));
    for (let start = 0; start < long; start += step) {
      const elements: Float64Array = await next!;
      const end = Math.min(start + step, long);
      next = end < long ? chunk(end, Math.min(end + step, long)) : undefined;
      // A cancel or a failed product must not leave the prepared chunk's rejection unheard.
      next?.catch(() => undefined);
      await gram.addGram(products, elements, end - start, this.context.signal);
      onProgress(end / long);
    }
    return gram;
  }

  /**
   * Reads the tensor in bands; statistics in the worker, products on the way.
   *
   * @returns the Gram matrix, undefined without a layer or with elements that are not finite
   */
  private async stream(
    rows: { start: number; end: number },
    perRow: number,
    layer: LayerGeometry | undefined,
    progress: LayerProgress,
  ): Promise<SymmetricSlabs | undefined> {
    const { checkpoint, signal } = this.context;
    const total = rows.end - rows.start;
    const widenedRow = (perRow / elementSize(this.tensor.dtype)) * 8;
    const step = Math.max(1, Math.floor(CHUNK_BYTES / widenedRow));
    const band = async (start: number, end: number): Promise<Float64Array> => {
      const bytes = await checkpoint.read(this.tensor, { start, end }, signal);
      return this.lease.call('nextRows', { bytes, keep: layer !== undefined }, { transfer: [bytes.buffer] });
    };
    if (layer) {
      const gram = await this.gram(layer.cols, total, band, progress.within('products', productCost(layer)));
      progress.finish(productCost(layer));
      return (await this.lease.call('statistics', null)) ? gram : undefined;
    }
    for (let start = rows.start; start < rows.end; start += step) {
      await band(start, Math.min(start + step, rows.end));
      this.context.onProgress('statistics', (start - rows.start) / total);
    }
    return undefined;
  }

  private farmsPlan(layer: LayerGeometry): FarmsPlan {
    const { farms } = this.context.settings;
    if (layer.kind === 'conv')
      return { kind: 'conv', cost: layer.count * eigenvalueCost(Math.min(layer.rows, layer.cols)) };
    const { windows, window } = farmsWindows(layer.rows, layer.cols, farms);
    const [rows, cols] = window;
    const side = Math.min(rows, cols);
    const operations = rows * cols * side + (4 / 3) * side ** 3;
    const full =
      farms.mode === 'full' || (farms.mode === 'auto' && operations * windows.length <= FULL_FARMS_OPERATIONS);
    const expected = full ? windows.length : Math.min(windows.length, 2 * ADAPTIVE_BATCH);
    const perWindow = productCost({ rows, cols }) + eigenvalueCost(side);
    return { kind: 'windows', windows, window, side, full, perWindow, cost: expected * perWindow };
  }

  private async farms(plan: FarmsPlan, progress: LayerProgress, held: boolean): Promise<void> {
    if (plan.kind === 'conv') {
      await this.lease.call('farms', null, { onProgress: progress.within('FARMS', plan.cost) });
      progress.finish(plan.cost);
      return;
    }
    const { windows, window, full } = plan;
    const { tolerance, mode: requested } = this.context.settings.farms;
    const order = full ? windows.map((_, index) => index) : adaptiveOrder(windows);
    if (!full && requested === 'auto') order.length = Math.min(order.length, AUTO_MAX_WINDOWS);
    const onProgress = progress.within('FARMS', plan.cost);
    let done = 0;
    for (const index of order) {
      const wantsEstimate = !full && (done + 1) % ADAPTIVE_BATCH === 0;
      const { alpha, interval } = await this.window(windows[index]!, wantsEstimate, held);
      done++;
      onProgress(Math.min(1, (done * plan.perWindow) / plan.cost));
      if (alpha !== null && interval && (interval[1] - interval[0]) / 2 <= tolerance * alpha) break;
    }
    const mode = done === windows.length ? 'full' : 'adaptive';
    await this.lease.call('finishFarms', { mode, total: windows.length, window });
    progress.finish(plan.cost);
  }

  private async window(
    window: FarmsWindow,
    estimate: boolean,
    held: boolean,
  ): Promise<{ alpha: number | null; interval: [number, number] | null }> {
    const { checkpoint, signal } = this.context;
    const side = Math.min(window.rows, window.cols);
    const rows = held
      ? undefined
      : await checkpoint.read(this.tensor, { start: window.row, end: window.row + window.rows }, signal);
    const call = { window, ...(rows && { rows }) };
    if (side <= WORKER_SIDE) return this.lease.call('windowSpectrum', { ...call, estimate });
    const elements = await this.lease.call('window', call, { transfer: rows ? [rows.buffer] : [] });
    const products = await this.context.products();
    const gram = new SymmetricSlabs(side);
    await gram.addGram(products, elements, elements.length / side, signal);
    const band = await this.reduce(gram, () => undefined);
    return this.lease.call('windowEigenvalues', { band, estimate }, { transfer: [band.rows.buffer] });
  }
}

type FarmsPlan =
  | { kind: 'conv'; cost: number }
  | {
      kind: 'windows';
      windows: FarmsWindow[];
      window: [number, number];
      side: number;
      full: boolean;
      perWindow: number;
      cost: number;
    };

/** Seconds, roughly, of the Gram products of one matrix. */
function productCost({ rows, cols }: { rows: number; cols: number }): number {
  const side = Math.min(rows, cols);
  return (rows * cols * side) / PRODUCT_RATE;
}

/** Seconds, roughly, of the eigenvalues of one n×n matrix. */
function eigenvalueCost(n: number): number {
  return ((4 / 3) * n ** 3) / (n <= WORKER_SIDE ? ONE_STAGE_RATE : REDUCTION_SHARE * PRODUCT_RATE);
}

function megabytes(bytes: number): string {
  return String(Math.ceil(bytes / 1e6));
}
