/**
 * From a tensor in a file to a `LayerOutcome`: reads on the main thread; widening, small matrices, the second stage of
 * large ones and fits in a leased worker; the Gram matrix of a large one and its reduction to band form, which are nearly
 * all products, on onnxruntime (which lives on the main thread only). Decides what is held in memory and what is streamed.
 */
import type { TensorInfo } from '../checkpoint/checkpoint';
import { elementSize } from '../checkpoint/dtype';
import { reduceToBand, type Band } from '../linalg/bandReduction';
import { loadKernels } from '../linalg/kernels';
import type { MatrixProducts } from '../linalg/matrixProducts';
import { SymmetricSlabs } from '../linalg/symmetricSlabs';
import type { InspectSettings } from '../protocol';
import type { LayerGeometry } from '../spectral/matrices';
import { abortable } from './abortable';
import { planFarms, type FarmsPlan } from './farmsPlan';
import { FarmsRun } from './farmsRun';
import { CHUNK_BYTES, LayerError, layerInput, type LayerInput, type LayerSource } from './layerInput';
import { announced, eigenvalueCost, gramCost, LayerProgress, REDUCTION_SHARE, WORKER_SIDE } from './layerProgress';
import type { ReadAhead } from './readAhead';
import type { LayerOutcome, LayerTask } from './workerMessages';
import type { WorkerLease, WorkerPool } from './workerPool';

export interface PipelineContext extends LayerSource {
  pool: WorkerPool;
  /** Loaded with the first layer that is large enough to gain from them. */
  products: () => Promise<MatrixProducts>;
  signal: AbortSignal;
  /** `fraction` of the layer's whole work. */
  onProgress: (stage: string, fraction: number) => void;
}

/**
 * Everything about one layer, or the statistics of a tensor without one.
 *
 * @param ahead the layer's input, where it was begun to be got before
 * @throws CheckpointError from reading, LayerError where the layer does not fit in the memory limit, AbortError
 */
export async function analyseLayer(
  context: PipelineContext,
  tensor: TensorInfo,
  layer: LayerGeometry | undefined,
  noSpectrum?: string,
  ahead?: ReadAhead,
): Promise<LayerOutcome> {
  const { signal } = context;
  const large = layer !== undefined && Math.min(layer.rows, layer.cols) > WORKER_SIDE;
  const products = large ? await abortable(context.products(), signal) : undefined;
  const reading = ahead ? ahead.take(signal) : Promise.resolve(undefined);
  const read = reading
    .then((input) => input ?? layerInput(context, tensor, layer, signal))
    .catch((error: unknown) => refused(error, context, tensor, layer));
  const input = await announced(read, () => context.onProgress('reading', 0));
  try {
    const lease = await context.pool.lease(signal);
    try {
      const task = layerTask(context.settings, products, tensor, layer, noSpectrum);
      return await new LayerPipeline(context, lease, tensor, layer, input).run(task);
    } finally {
      lease.release();
    }
  } finally {
    input.release();
  }
}

/** @throws the error; where the layer does not fit, with its statistics: they are made band by band and fit always */
async function refused(
  error: unknown,
  context: PipelineContext,
  tensor: TensorInfo,
  layer: LayerGeometry | undefined,
): Promise<never> {
  // The rows of one expert alone are nothing without its layer.
  if (!(error instanceof LayerError) || layer === undefined || layer.expert !== undefined) throw error;
  const { result } = await analyseLayer(context, tensor, undefined);
  throw new LayerError(error.code, error.message, result.statistics);
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

class LayerPipeline {
  constructor(
    private readonly context: PipelineContext,
    private readonly lease: WorkerLease,
    private readonly tensor: TensorInfo,
    private readonly layer: LayerGeometry | undefined,
    private readonly input: LayerInput,
  ) {}

  async run(task: LayerTask): Promise<LayerOutcome> {
    const { layer, input } = this;
    const side = layer ? Math.min(layer.rows, layer.cols) : 0;
    const plan = layer && this.farmsPlan(layer);
    const progress = this.progress(layer, side, plan);

    if (input.bytes) {
      const { bytes } = input;
      const counting = this.lease.call('begin', { task, bytes }, { transfer: [bytes.buffer] });
      await announced(counting, () => this.context.onProgress('statistics', 0));
      const hasSpectrum = await this.lease.call('statistics', null);
      if (hasSpectrum && layer) await this.heldSpectra(layer, side, progress);
      if (hasSpectrum && plan) await this.farms(plan, progress);
      if (hasSpectrum && layer && this.context.settings.randomise) {
        await this.lease.call('shuffle', null);
        await this.heldSpectra(layer, side, progress);
      }
    } else {
      await this.lease.call('begin', { task });
      const gram = await this.stream(layer, progress);
      if (gram && layer) {
        await this.eigenvalues(gram, progress);
        if (plan) await this.farms(plan, progress);
      }
    }
    return announced(this.lease.call('finish', null), () => this.context.onProgress('fits', 1));
  }

  private read(start: number, end: number): Promise<Uint8Array> {
    const { checkpoint, signal } = this.context;
    return abortable(checkpoint.read(this.tensor, { start, end }, signal), signal);
  }

  private farmsPlan(layer: LayerGeometry): FarmsPlan | undefined {
    const { farms } = this.context.settings;
    const { held, working } = this.input.plan;
    return farms.enabled ? planFarms(layer, farms, { held, memory: working }) : undefined;
  }

  private async farms(plan: FarmsPlan, progress: LayerProgress): Promise<void> {
    const { tolerance } = this.context.settings.farms;
    const { held } = this.input.plan;
    const run = new FarmsRun({ ...this.context, tolerance }, this.lease, this.tensor, held);
    await run.run(plan, progress);
  }

  private progress(layer: LayerGeometry | undefined, side: number, plan: FarmsPlan | undefined): LayerProgress {
    const farms = plan?.cost ?? 0;
    const spectra = this.context.settings.randomise ? 2 : 1;
    const total = layer ? spectra * layer.count * (gramCost(layer) + eigenvalueCost(side)) + farms : 1;
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
        (start, end, into) =>
          this.lease.call('columns', { matrix, start, end, ...into }, { transfer: buffersOf(into) }),
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
   * present one is multiplied, in the array of the one before: fresh memory costs more time than the products.
   */
  private async gram(
    side: number,
    long: number,
    chunk: (start: number, end: number, into?: Reusable) => Promise<Float64Array>,
    onProgress: (fraction: number) => void,
  ): Promise<SymmetricSlabs> {
    const products = await this.context.products();
    const gram = new SymmetricSlabs(side);
    const step = Math.max(1, Math.floor(CHUNK_BYTES / (8 * side)));
    let next: Promise<Float64Array> | undefined = chunk(0, Math.min(step, long));
    let done: Reusable | undefined;
    for (let start = 0; start < long; start += step) {
      const elements: Float64Array = await next!;
      const end = Math.min(start + step, long);
      next = end < long ? chunk(end, Math.min(end + step, long), done) : undefined;
      // A cancel or a failed product must not leave the prepared chunk's rejection unheard.
      next?.catch(() => undefined);
      await gram.addGram(products, elements, end - start, this.context.signal);
      done = { into: new Float64Array(elements.buffer) };
      onProgress(end / long);
    }
    return gram;
  }

  /**
   * Reads the tensor in bands; statistics in the worker, products on the way.
   *
   * @returns the Gram matrix, undefined without a layer or with elements that are not finite
   */
  private async stream(layer: LayerGeometry | undefined, progress: LayerProgress): Promise<SymmetricSlabs | undefined> {
    const { tensor } = this;
    const { rows } = this.input.plan;
    const total = rows.end - rows.start;
    const widenedRow = (8 * tensor.byteLength) / elementSize(tensor.dtype) / Math.max(1, tensor.shape[0] ?? 1);
    const step = Math.max(1, Math.floor(CHUNK_BYTES / widenedRow));
    const band = async (start: number, end: number, into?: Reusable): Promise<Float64Array> => {
      const bytes = await this.read(start, end);
      const call = { bytes, keep: layer !== undefined, ...into };
      return this.lease.call('nextRows', call, { transfer: [bytes.buffer, ...buffersOf(into)] });
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

/** An array whose elements are not needed any more. */
interface Reusable {
  into: Float64Array;
}

function buffersOf(reusable: Reusable | undefined): ArrayBufferLike[] {
  return reusable ? [reusable.into.buffer] : [];
}
