/**
 * From a tensor in a file to a `LayerOutcome`: reads on the main thread; widening, small matrices, the second stage of
 * large ones and fits in a leased worker; the Gram matrix of a large one and its reduction to band form, which are nearly
 * all products, on onnxruntime (which lives on the main thread only). Decides what is held in memory and what is streamed.
 */
import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint';
import { elementSize } from '../checkpoint/dtype';
import { reduceToBand, type Band } from '../linalg/bandReduction';
import { loadKernels } from '../linalg/kernels';
import type { MatrixProducts } from '../linalg/matrixProducts';
import { SymmetricSlabs } from '../linalg/symmetricSlabs';
import type { InspectSettings } from '../protocol';
import type { LayerGeometry } from '../spectral/matrices';
import { planFarms, type FarmsPlan } from './farmsPlan';
import { FarmsRun } from './farmsRun';
import { eigenvalueCost, gramCost, LayerProgress, REDUCTION_SHARE, WORKER_SIDE } from './layerProgress';
import type { LayerOutcome, LayerTask } from './workerMessages';
import type { WorkerLease, WorkerPool } from './workerPool';

/** A chunk of columns on its way to onnxruntime: large enough for the products to run at full speed. */
const CHUNK_BYTES = 32 * 1024 * 1024;

export class LayerError extends Error {
  override readonly name = 'LayerError';
  constructor(
    readonly code: 'limit',
    message: string,
  ) {
    super(message);
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
      );
    }
    const plan = layer && this.farmsPlan(layer, held, (this.share - (held ? bytes : 0)) / 2);
    const progress = this.progress(layer, side, plan);

    if (held) {
      const data = await this.context.checkpoint.read(tensor, rows, this.context.signal);
      await this.lease.call('begin', { task, bytes: data }, { transfer: [data.buffer] });
      const finite = await this.lease.call('statistics', null);
      if (finite && layer) await this.heldSpectra(layer, side, progress);
      if (finite && plan) await this.farms(plan, progress, held);
    } else {
      await this.lease.call('begin', { task });
      const gram = await this.stream(rows, perRow, layer, progress);
      if (gram && layer) {
        await this.eigenvalues(gram, progress);
        if (plan) await this.farms(plan, progress, held);
      }
    }
    return this.lease.call('finish', null);
  }

  private farmsPlan(layer: LayerGeometry, held: boolean, memory: number): FarmsPlan | undefined {
    const { farms } = this.context.settings;
    return farms.enabled ? planFarms(layer, farms, { held, memory }) : undefined;
  }

  private async farms(plan: FarmsPlan, progress: LayerProgress, held: boolean): Promise<void> {
    const { tolerance } = this.context.settings.farms;
    const run = new FarmsRun({ ...this.context, tolerance }, this.lease, this.tensor, held);
    await run.run(plan, progress);
  }

  private progress(layer: LayerGeometry | undefined, side: number, plan: FarmsPlan | undefined): LayerProgress {
    const farms = plan?.cost ?? 0;
    const total = layer ? layer.count * (gramCost(layer) + eigenvalueCost(side)) + farms : 1;
    return new LayerProgress(Math.max(total, Number.EPSILON), this.context.onProgress);
  }

  private async heldSpectra(layer: LayerGeometry, side: number, progress: LayerProgress): Promise<void> {
    if (side <= WORKER_SIDE) {
      const cost = layer.count * (gramCost(layer) + eigenvalueCost(side));
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
        progress.within('products', gramCost(layer)),
      );
      progress.finish(gramCost(layer));
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
      const gram = await this.gram(layer.cols, total, band, progress.within('products', gramCost(layer)));
      progress.finish(gramCost(layer));
      return (await this.lease.call('statistics', null)) ? gram : undefined;
    }
    for (let start = rows.start; start < rows.end; start += step) {
      await band(start, Math.min(start + step, rows.end));
      this.context.onProgress('statistics', (start - rows.start) / total);
    }
    return undefined;
  }
}

function megabytes(bytes: number): string {
  return String(Math.ceil(bytes / 1e6));
}
