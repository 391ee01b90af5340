/**
 * From a tensor in a file to a `LayerOutcome`: reads on the main thread; widening, small matrices, the second stage of
 * large ones and fits in a leased worker; the products of large matrices on onnxruntime, by `productSpectrum.ts`.
 */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import { elementSize } from '../../checkpoint/elements/dtype';
import type { InspectSettings } from '../../shared/layers';
import type { LayerGeometry } from '../../spectral/matrices';
import { DEFAULT_SHUFFLES } from '../../spectral/bulk/randomisation';
import { abortable } from '../resources/abortable';
import { analyseProduct } from './factoredLayer';
import { planFarms, type FarmsPlan } from './farmsPlan';
import { FarmsRun } from './farmsRun';
import { resolvesSmall } from './layerExactness';
import { LayerError, layerInput, type LayerInput, type LayerSource } from './layerInput';
import { announced, eigenvalueCost, gramCost, LayerProgress, WORKER_SIDE } from './layerProgress';
import { taskTensor, unreadableResult } from '../worker/layerResult';
import type { ReadAhead } from './readAhead';
import { ProductSpectrum, type Processors } from './productSpectrum';
import type { LayerOutcome, LayerPrecision, LayerTask, TensorTask } from '../worker/layerRecords';
import type { Answer, Remote } from '../worker/remote';
import type { FarmsCalls, HeldMatrices, LastStage, StreamedMatrix, StreamedRows } from '../worker/workerCalls';
import type { WorkerLease, WorkerPool } from '../worker/workerPool';

export interface PipelineContext extends LayerSource, Processors {
  pool: WorkerPool;
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
      const task = tensorTask(context.settings, tensor, layer, noSpectrum);
      return await new LayerPipeline(context, lease, tensor, input, task).run();
    } finally {
      lease.release();
    }
  } finally {
    input.reservation.release();
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

function tensorTask(
  settings: InspectSettings,
  tensor: TensorInfo,
  layer: LayerGeometry | undefined,
  noSpectrum: string | undefined,
): TensorTask {
  return {
    tensor: taskTensor(tensor),
    ...(layer && { layer }),
    ...(noSpectrum !== undefined && { noSpectrum }),
    settings,
  };
}

/** A stage that the layer may end at. */
type Finishing = Pick<Remote<LastStage>, 'finish'>;

class LayerPipeline {
  /** Arithmetic of the layer's Gram matrices; more than one where a device was given up between them. */
  private readonly precisions = new Set<string>();
  private readonly notes = new Set<string>();

  constructor(
    private readonly context: PipelineContext,
    private readonly lease: WorkerLease,
    private readonly tensor: TensorInfo,
    private readonly input: LayerInput,
    private readonly task: TensorTask,
  ) {}

  async run(): Promise<LayerOutcome> {
    const { input, task } = this;
    const { layer } = task;
    const farms = layer && this.farmsPlan(layer);
    const progress = this.progress(layer, farms);
    let last: Finishing;
    if (input.bytes) last = await this.held(input.bytes, farms, progress);
    else if (layer) last = await this.streamed({ ...task, layer }, farms, progress);
    else last = await this.counted();
    return announced(last.finish(this.precision()), () => this.context.onProgress('fits', 1));
  }

  private async held(bytes: Uint8Array, farms: FarmsPlan | undefined, progress: LayerProgress): Promise<Finishing> {
    const { task } = this;
    const counting = this.lease.calls.hold({ task, bytes }, { transfer: [bytes.buffer] });
    const held = await announced(counting, () => this.context.onProgress('statistics', 0));
    if (held.stage === 'last') return held;
    const layer = task.layer!; // only a layer has matrices
    const spectra = await this.heldSpectra(held, layer, progress);
    // For larger matrices, and streamed ones, the result says which eigenvalues are uncertain.
    if (resolvesSmall(layer, this.input.plan.chunk)) await spectra.resolveSmall();
    let known;
    if (farms?.kind === 'conv') {
      known = await spectra.convFarms(undefined, { onProgress: progress.within('FARMS', farms.cost) });
      progress.finish(farms.cost);
    } else known = farms ? await this.farms(spectra, farms, progress) : spectra;
    for (let shuffle = 0; shuffle < shuffleCount(this.context.settings); shuffle++) {
      known = await this.heldSpectra(await known.shuffle(), layer, progress);
    }
    return known;
  }

  private async heldSpectra<Solved>(
    matrices: Remote<HeldMatrices<Solved>>,
    layer: LayerGeometry,
    progress: LayerProgress,
  ): Promise<Answer<Solved>> {
    const side = smallerSide(layer);
    if (side <= WORKER_SIDE) {
      const cost = layer.count * (gramCost(layer) + eigenvalueCost(side));
      const spectra = await matrices.spectra(undefined, { onProgress: progress.within('eigenvalues', cost) });
      this.precisions.add('float64 wasm');
      progress.finish(cost);
      return spectra;
    }
    for (let matrix = 0; matrix < layer.count; matrix++) {
      await this.products(layer, progress).spectrum({
        side,
        long: Math.max(layer.rows, layer.cols),
        chunk: (start, end, into) =>
          matrices.columns({ matrix, start, end, ...(into && { into }) }, { transfer: buffersOf(into) }),
        counted: () => Promise.resolve(matrices),
      });
    }
    return matrices.solved();
  }

  /** Reads the matrix in bands of rows; statistics in the worker, products on the way. */
  private async streamed(task: LayerTask, farms: FarmsPlan | undefined, progress: LayerProgress): Promise<Finishing> {
    const { layer } = task;
    const { start: first, end: last } = this.input.plan.rows;
    let rows: Remote<StreamedRows> | Remote<StreamedMatrix> = await this.lease.calls.stream({ task });
    const matrix = await this.products(layer, progress).spectrum({
      side: layer.cols,
      long: last - first,
      chunk: async (start, end, into) => {
        const bytes = await this.read(start, end);
        const transfer = [bytes.buffer, ...buffersOf(into)];
        return rows.nextRows({ start, bytes, ...(into && { into }) }, { transfer });
      },
      counted: async () => {
        if (rows.stage === 'matrix') return rows; // its rows came once more
        const counted = await rows.counted();
        if (counted.stage === 'matrix') rows = counted;
        return counted;
      },
    });
    if (matrix.stage === 'last') return matrix;
    const spectra = await matrix.solved();
    if (spectra.stage === 'last' || !farms) return spectra;
    if (farms.kind === 'conv') throw new Error(`${layer.name} is a convolution, which is never streamed`);
    return this.farms(spectra, farms, progress);
  }

  /** Reads a tensor without a spectrum in bands. */
  private async counted(): Promise<Finishing> {
    const { tensor, task } = this;
    const { rows, chunk } = this.input.plan;
    const widenedRow = (8 * tensor.byteLength) / elementSize(tensor.dtype) / Math.max(1, tensor.shape[0] ?? 1);
    const step = Math.max(1, Math.floor(chunk / widenedRow));
    const counting = await this.lease.calls.count({ task });
    for (let start = rows.start; start < rows.end; start += step) {
      const bytes = await this.read(start, Math.min(start + step, rows.end));
      await counting.add({ bytes }, { transfer: [bytes.buffer] });
      this.context.onProgress('statistics', (start - rows.start) / (rows.end - rows.start));
    }
    return counting;
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

  /** FARMS of a matrix. */
  private async farms<Done>(
    layer: Remote<FarmsCalls<Done>>,
    plan: Exclude<FarmsPlan, { kind: 'conv' }>,
    progress: LayerProgress,
  ): Promise<Answer<Done>> {
    const { tolerance } = this.context.settings.farms;
    const { held, chunk } = this.input.plan;
    const run = new FarmsRun({ ...this.context, tolerance }, layer, this.lease, this.tensor, held, chunk);
    const done =
      plan.kind === 'whole'
        ? await layer.wholeFarms({ window: plan.window })
        : await run.run(plan, progress.within('FARMS', plan.cost));
    progress.finish(plan.cost);
    return done;
  }

  private products(layer: LayerGeometry, progress: LayerProgress): ProductSpectrum {
    const { precisions, notes } = this;
    return new ProductSpectrum(this.context, this.input.plan.chunk, gramCost(layer), progress, { precisions, notes });
  }

  private progress(layer: LayerGeometry | undefined, plan: FarmsPlan | undefined): LayerProgress {
    const farms = plan?.cost ?? 0;
    const spectra = 1 + shuffleCount(this.context.settings);
    const total = layer ? spectra * layer.count * (gramCost(layer) + eigenvalueCost(smallerSide(layer))) + farms : 1;
    return new LayerProgress(Math.max(total, Number.EPSILON), this.context.onProgress);
  }

  private precision(): LayerPrecision {
    const note = [...this.notes].join('; ');
    return { precision: [...this.precisions].join(', '), ...(note && { precisionNote: note }) };
  }
}

function smallerSide({ rows, cols }: LayerGeometry): number {
  return Math.min(rows, cols);
}

function shuffleCount({ randomise, shuffles = DEFAULT_SHUFFLES }: InspectSettings): number {
  return randomise ? shuffles : 0;
}

function buffersOf(array: Float64Array | undefined): ArrayBufferLike[] {
  return array ? [array.buffer] : [];
}
