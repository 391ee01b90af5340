/**
 * From a tensor in a file to a `LayerOutcome`: reads on the main thread; widening, small matrices, the second stage of
 * large ones and fits in a leased worker; the Gram matrix of a large one and its reduction to band form, which are nearly
 * all products, on onnxruntime (which lives on the main thread only). Decides what is held in memory and what is streamed.
 */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import { elementSize } from '../../checkpoint/elements/dtype';
import { reduceToBandMatrix, type BandMatrix } from '../../linalg/eigen/bandReduction';
import { CheckedGram } from '../../linalg/gram/gramCheck';
import { DeviceError, type GramDevice } from '../../linalg/devices/gramDevice';
import { gramByProducts, type GramSum } from '../../linalg/gram/gramSum';
import { loadKernels } from '../../linalg/kernels/loadKernels';
import type { SymmetricSlabs } from '../../linalg/gram/symmetricSlabs';
import type { MatrixProducts } from '../../linalg/products/productTypes';
import type { InspectSettings } from '../../shared/layers';
import type { LayerGeometry } from '../../spectral/matrices';
import { DEFAULT_SHUFFLES } from '../../spectral/bulk/randomisation';
import { abortable } from '../resources/abortable';
import { addColumns, type Columns } from './addColumns';
import { reasonOf, type Devices } from '../resources/devices';
import { analyseProduct } from './factoredLayer';
import { planFarms, type FarmsPlan } from './farmsPlan';
import { FarmsRun } from './farmsRun';
import { resolvesSmall } from './layerExactness';
import { LayerError, layerInput, type LayerInput, type LayerSource } from './layerInput';
import { announced, eigenvalueCost, gramCost, LayerProgress, REDUCTION_SHARE, WORKER_SIDE } from './layerProgress';
import { taskTensor, unreadableResult } from '../worker/layerResult';
import type { ReadAhead } from './readAhead';
import type { LayerOutcome, LayerTask } from '../worker/workerMessages';
import type { WorkerLease, WorkerPool } from '../worker/workerPool';

export interface PipelineContext extends LayerSource {
  pool: WorkerPool;
  /** Loaded with the first layer that is large enough to gain from them. */
  products: () => Promise<MatrixProducts>;
  devices: Pick<Devices, 'forOrder' | 'lost'>;
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
  if (tensor.product && layer) return analyseProduct(context, tensor, tensor.product, layer);
  if (tensor.unreadable !== undefined) return { result: unreadableResult(tensor), ...noArrays() };
  const side = layer ? Math.min(layer.rows, layer.cols) : 0;
  if (side > WORKER_SIDE) {
    // Whatever this waits for, a trial or a library, keeps no memory and no worker from others.
    await abortable(context.products(), signal);
    await abortable(context.devices.forOrder(side), signal);
  }
  const reading = ahead ? ahead.take(signal) : Promise.resolve(undefined);
  const read = reading
    .then((input) => input ?? layerInput(context, tensor, layer, signal))
    .catch((error: unknown) => refused(error, context, tensor, layer));
  const input = await announced(read, () => context.onProgress('reading', 0));
  try {
    const lease = await context.pool.lease(signal);
    try {
      const task = layerTask(context.settings, tensor, layer, noSpectrum);
      return await new LayerPipeline(context, lease, tensor, layer, input).run(task);
    } finally {
      lease.release();
    }
  } finally {
    input.release();
  }
}

function noArrays(): Omit<LayerOutcome, 'result'> {
  const none = new Float64Array(0);
  return { eigenvalues: none, farmsEigenvalues: none, rankEigenvalues: none };
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
  tensor: TensorInfo,
  layer: LayerGeometry | undefined,
  noSpectrum: string | undefined,
): LayerTask {
  return {
    tensor: taskTensor(tensor),
    ...(layer && { layer }),
    ...(noSpectrum !== undefined && { noSpectrum }),
    settings,
  };
}

/** The columns of a matrix whose elements may turn out not to be finite. */
interface LayerColumns extends Columns {
  /** False where the chunks held NaN or Inf. */
  finite: () => Promise<boolean>;
}

class LayerPipeline {
  /** Arithmetic of the layer's Gram matrices; more than one where a device was given up between them. */
  private readonly precisions = new Set<string>();
  private readonly notes = new Set<string>();

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
      const finite = await this.lease.call('statistics', null);
      const hasSpectrum = finite && layer !== undefined && !(await this.lease.call('zeroSpectra', null));
      if (hasSpectrum) {
        await this.heldSpectra(layer, side, progress);
        // Of larger matrices, and of streamed ones, the result says which eigenvalues are uncertain.
        if (resolvesSmall(layer, input.plan.chunk)) await this.lease.call('resolveSmall', null);
      }
      if (hasSpectrum && plan) await this.farms(plan, progress);
      for (let shuffle = 0; hasSpectrum && shuffle < shuffleCount(this.context.settings); shuffle++) {
        await this.lease.call('shuffle', null);
        await this.heldSpectra(layer, side, progress);
      }
    } else {
      await this.lease.call('begin', { task });
      const finite = await this.stream(layer, progress);
      const hasSpectrum = finite && layer !== undefined && !(await this.lease.call('zeroSpectra', null));
      if (hasSpectrum && plan) await this.farms(plan, progress);
    }
    const note = [...this.notes].join('; ');
    const precision = [...this.precisions].join(', ');
    const finishing = this.lease.call('finish', { precision, ...(note && { precisionNote: note }) });
    return announced(finishing, () => this.context.onProgress('fits', 1));
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
    const { held, chunk } = this.input.plan;
    const run = new FarmsRun({ ...this.context, tolerance }, this.lease, this.tensor, held, chunk);
    await run.run(plan, progress);
  }

  private progress(layer: LayerGeometry | undefined, side: number, plan: FarmsPlan | undefined): LayerProgress {
    const farms = plan?.cost ?? 0;
    const spectra = 1 + shuffleCount(this.context.settings);
    const total = layer ? spectra * layer.count * (gramCost(layer) + eigenvalueCost(side)) + farms : 1;
    return new LayerProgress(Math.max(total, Number.EPSILON), this.context.onProgress);
  }

  private async heldSpectra(layer: LayerGeometry, side: number, progress: LayerProgress): Promise<void> {
    if (side <= WORKER_SIDE) {
      const cost = layer.count * (gramCost(layer) + eigenvalueCost(side));
      await this.lease.call('spectra', null, { onProgress: progress.within('eigenvalues', cost) });
      this.precisions.add('float64 wasm');
      progress.finish(cost);
      return;
    }
    for (let matrix = 0; matrix < layer.count; matrix++) {
      const columns: LayerColumns = {
        side,
        long: Math.max(layer.rows, layer.cols),
        chunk: (start, end, into) =>
          this.lease.call('columns', { matrix, start, end, ...(into && { into }) }, { transfer: buffersOf(into) }),
        finite: () => Promise.resolve(true),
      };
      await this.spectrum(columns, gramCost(layer), progress);
    }
  }

  /**
   * Eigenvalues of one matrix by way of its Gram matrix: the device's where there is one and its result is exact
   * enough, else the CPU's.
   *
   * @returns false where the matrix holds NaN or Inf and has no eigenvalues
   */
  private async spectrum(columns: LayerColumns, cost: number, progress: LayerProgress): Promise<boolean> {
    const device = await this.context.devices.forOrder(columns.side);
    if (device) {
      const answer = await this.deviceSpectrum(device, columns, cost, progress);
      if (typeof answer === 'boolean') return answer;
      this.notes.add(`computed on the CPU instead of ${device.provider}: ${answer}`);
    }
    const products = await this.context.products();
    const gram = gramByProducts(products, columns.side);
    await this.addAll(gram, columns, progress.within('products', cost));
    progress.finish(cost);
    if (!(await columns.finite())) return false;
    await this.eigenvalues(await gram.finish(), progress);
    this.precisions.add(`${products.device.precision} ${products.device.provider}`);
    return true;
  }

  /** @returns whether the matrix is finite, or why the device's result cannot be used */
  private async deviceSpectrum(
    device: GramDevice,
    columns: LayerColumns,
    cost: number,
    progress: LayerProgress,
  ): Promise<boolean | string> {
    const { signal, devices } = this.context;
    const checked = new CheckedGram(device.begin(columns.side), await this.context.products(), columns.side);
    let answer;
    try {
      await this.addAll(checked, columns, progress.within('products', cost));
      if (!(await columns.finite())) return false;
      answer = await checked.finish(signal);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      await devices.lost(device, error);
      return reasonOf(error);
    }
    progress.finish(cost);
    await this.eigenvalues(answer.gram, progress);
    const problem = await this.lease.call('accept', { errorBound: answer.errorBound });
    if (problem !== null) {
      progress.finish(-cost - eigenvalueCost(columns.side)); // to be done again
      return problem;
    }
    this.precisions.add(`${device.precision} ${device.provider}`);
    return true;
  }

  private async eigenvalues(gram: SymmetricSlabs, progress: LayerProgress): Promise<void> {
    const cost = eigenvalueCost(gram.n);
    const bandMatrix = await this.reduce(gram, progress.within('eigenvalues', cost * REDUCTION_SHARE));
    progress.finish(cost * REDUCTION_SHARE);
    const onProgress = progress.within('eigenvalues', cost * (1 - REDUCTION_SHARE));
    await this.lease.call('eigenvalues', { bandMatrix }, { transfer: [bandMatrix.rows.buffer], onProgress });
    progress.finish(cost * (1 - REDUCTION_SHARE));
  }

  private async reduce(gram: SymmetricSlabs, onProgress: (fraction: number) => void): Promise<BandMatrix> {
    const { signal } = this.context;
    return reduceToBandMatrix(gram, {
      products: await this.context.products(),
      kernels: loadKernels(),
      signal,
      onProgress,
    });
  }

  private addAll(gram: Pick<GramSum, 'add'>, columns: Columns, onProgress: (fraction: number) => void): Promise<void> {
    return addColumns(gram, columns, {
      chunkBytes: this.input.plan.chunk,
      signal: this.context.signal,
      onProgress,
    });
  }

  /**
   * Reads the tensor in bands; statistics in the worker, products on the way.
   *
   * @returns whether there are eigenvalues: not without a layer, and not with elements that are not finite
   */
  private async stream(layer: LayerGeometry | undefined, progress: LayerProgress): Promise<boolean> {
    const { tensor } = this;
    const { rows, chunk: chunkBytes } = this.input.plan;
    const total = rows.end - rows.start;
    const widenedRow = (8 * tensor.byteLength) / elementSize(tensor.dtype) / Math.max(1, tensor.shape[0] ?? 1);
    const step = Math.max(1, Math.floor(chunkBytes / widenedRow));
    // Where a device fails half-way, the CPU begins again with rows of which some are in the statistics already.
    let counted = rows.start;
    const chunk = async (start: number, end: number, into?: Float64Array): Promise<Float64Array> => {
      const bytes = await this.read(start, end);
      const call = { bytes, keep: layer !== undefined, again: start < counted, ...(into && { into }) };
      counted = Math.max(counted, end);
      return this.lease.call('nextRows', call, { transfer: [bytes.buffer, ...buffersOf(into)] });
    };
    if (layer) {
      const finite = (): Promise<boolean> => this.lease.call('statistics', null);
      return this.spectrum({ side: layer.cols, long: total, chunk, finite }, gramCost(layer), progress);
    }
    for (let start = rows.start; start < rows.end; start += step) {
      await chunk(start, Math.min(start + step, rows.end));
      this.context.onProgress('statistics', (start - rows.start) / total);
    }
    return false;
  }
}

function shuffleCount({ randomise, shuffles = DEFAULT_SHUFFLES }: InspectSettings): number {
  return randomise ? shuffles : 0;
}

function buffersOf(array: Float64Array | undefined): ArrayBufferLike[] {
  return array ? [array.buffer] : [];
}
