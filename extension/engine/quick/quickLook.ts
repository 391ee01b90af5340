/**
 * A quick look at one large matrix: exact statistics, FARMS on some small windows, and estimates of its spectrum from its
 * products with a few random vectors. It takes a few percent of the time that the spectrum takes.
 */
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint';
import type { MatrixProducts } from '../../linalg/products/productTypes';
import type { SingleProducts } from '../../linalg/products/singleProducts';
import { krylovRun } from '../../linalg/singular/krylovRun';
import type { QuickLook } from '../../shared/estimates';
import type { FarmsResult } from '../../shared/layers';
import { spectralEstimates } from '../../spectral/estimates/spectralEstimates';
import type { LayerGeometry } from '../../spectral/matrices';
import { mulberry32 } from '../../spectral/seededRandom';
import { FarmsRun } from '../layer/farmsRun';
import { LayerError, layerRows, type LayerSource } from '../layer/layerInput';
import { abortable } from '../resources/abortable';
import { taskTensor } from '../worker/layerResult';
import type { Remote } from '../worker/remote';
import type { QuickLayer } from '../worker/workerCalls';
import type { WorkerLease, WorkerPool } from '../worker/workerPool';
import { quickFarms, QUICK_LIMITS, QUICK_SEED, quickWindows } from './quickPlan';
import { SingleOperator, type SingleBand, type SingleBands } from './singleOperator';
import { beyondLimit } from '../resources/megabytes';

/** Elements of a band: products run at full speed, and no one of them holds messages up. */
const BAND_ELEMENTS = 2 ** 23;

/** Bands in memory at a time where the matrix is not held: one in use, one read ahead, each with its stored bytes. */
const BANDS = 3;

/** A matrix is held in float32 up to this share of the limit: others are to run beside it. */
const HELD_SHARE = 1 / 2;

/** Copies of the Krylov basis at a time, in float64. */
const BASES = 2;

export interface QuickContext extends LayerSource {
  pool: WorkerPool;
  products: () => Promise<MatrixProducts>;
  singles: () => Promise<SingleProducts>;
  signal: AbortSignal;
  /** `fraction` of the whole look. */
  onProgress: (stage: string, fraction: number) => void;
}

/** Shares of the time, about. */
const READ_SHARE = 0.25;
const KRYLOV_SHARE = 0.45;

/** @throws CheckpointError from reading, LayerError where not even bands fit in the memory limit, AbortError */
export async function lookQuickly(
  context: QuickContext,
  tensor: TensorInfo,
  layer: LayerGeometry,
): Promise<Omit<QuickLook, 'elapsed'>> {
  const { pool, memory, signal, settings } = context;
  const { held, bytes } = plannedMemory(layer, memory.limit);
  const reservation = await memory.reserve(bytes, signal);
  try {
    const lease = await pool.lease(signal);
    try {
      const task = {
        tensor: taskTensor(tensor),
        layer,
        settings: { ...settings, farms: quickWindows(settings.farms) },
      };
      const stage = await lease.calls.look({ task });
      const matrix = new QuickMatrix(context, tensor, layer, stage, held);
      await matrix.count();
      const { statistics, obstacle } = await stage.counted();
      const frame = {
        ...{ layer: layer.name, tensor: tensor.slice?.of.name ?? tensor.name, statistics },
        ...{ seed: QUICK_SEED, vectors: QUICK_LIMITS.block, steps: QUICK_LIMITS.steps },
      };
      if (obstacle !== null) return { ...frame, reason: obstacle, estimates: {}, singularValues: [], farms: null };
      const norm = (statistics.l2 ?? 0) ** 2;
      const { metrics, singularValues } = await estimated(context, matrix, norm);
      const exact = (value: number): { value: number; low: number; high: number } => ({
        value,
        low: value,
        high: value,
      });
      const estimates = { norm: exact(norm), log_norm: exact(Math.log10(norm)), ...metrics };
      const farms = await windowed(context, matrix, stage, lease);
      return { ...frame, estimates, singularValues, farms };
    } finally {
      lease.release();
    }
  } finally {
    reservation.release();
  }
}

/** Held where others still have room beside it; what fits follows from the limit alone. */
function plannedMemory({ name, rows, cols, expert }: LayerGeometry, limit: number): { held: boolean; bytes: number } {
  const side = Math.min(rows, cols);
  const basis = 8 * BASES * side * QUICK_LIMITS.block * QUICK_LIMITS.steps;
  // The rows of an expert can only be read together.
  const band = expert === undefined ? Math.max(cols, Math.min(BAND_ELEMENTS, rows * cols)) : rows * cols;
  const streamed = basis + (4 + 8) * BANDS * band;
  const whole = streamed + 4 * rows * cols;
  if (whole <= HELD_SHARE * limit) return { held: true, bytes: whole };
  if (streamed <= limit) return { held: false, bytes: streamed };
  throw new LayerError('limit', `a quick look at ${name} needs ${beyondLimit(streamed, limit)}`);
}

async function estimated(
  context: QuickContext,
  matrix: QuickMatrix,
  squaredNorm: number,
): Promise<ReturnType<typeof spectralEstimates>> {
  const operator = new SingleOperator(await context.singles(), matrix, context.signal);
  let applied = 0;
  const apply: typeof operator.images = async (x, count) => {
    context.onProgress('quick look', READ_SHARE + (KRYLOV_SHARE * applied++) / QUICK_LIMITS.steps);
    return operator.images(x, count);
  };
  const problem = { n: operator.n, apply, products: await context.products(), random: mulberry32(QUICK_SEED) };
  return spectralEstimates(await krylovRun(problem, QUICK_LIMITS), squaredNorm);
}

/** FARMS on some small windows; null where it is off. */
async function windowed(
  context: QuickContext,
  matrix: QuickMatrix,
  stage: Remote<QuickLayer>,
  lease: WorkerLease,
): Promise<FarmsResult | null> {
  const { farms: settings } = context.settings;
  if (!settings.enabled) return null;
  const plan = quickFarms(matrix.layer, settings);
  const { tensor } = matrix;
  const source = { ...context, checkpoint: matrix, tolerance: settings.tolerance };
  const run = new FarmsRun(source, stage, lease, tensor, false, 8 * BAND_ELEMENTS);
  const begun = READ_SHARE + KRYLOV_SHARE;
  return run.run(plan, (fraction) => context.onProgress('quick look', begun + (1 - begun) * fraction));
}

/** The matrix in float32: held, or read anew with each pass. */
class QuickMatrix implements SingleBands, Pick<Checkpoint, 'read'> {
  readonly rows: number;
  readonly cols: number;
  private readonly kept: SingleBand[] = [];
  private readonly step: number;
  private readonly first: number;

  constructor(
    private readonly context: QuickContext,
    readonly tensor: TensorInfo,
    readonly layer: LayerGeometry,
    private readonly stage: Remote<QuickLayer>,
    private readonly held: boolean,
  ) {
    this.rows = layer.rows;
    this.cols = layer.cols;
    this.first = layer.expert === undefined ? 0 : layerRows(tensor, layer).start;
    this.step = layer.expert === undefined ? Math.max(1, Math.floor(BAND_ELEMENTS / layer.cols)) : layer.rows;
  }

  /** Reads it once, for the statistics. */
  async count(): Promise<void> {
    for await (const band of this.streamed(true)) {
      if (this.held) this.kept.push(band);
      this.context.onProgress('quick look', (READ_SHARE * (band.start + band.rows)) / this.rows);
    }
  }

  bands(): AsyncIterable<SingleBand> | Iterable<SingleBand> {
    return this.held ? this.kept : this.streamed(false);
  }

  /** Rows in float32, for windows. */
  async read(_: TensorInfo, rows: { start: number; end: number }): Promise<Uint8Array> {
    const { cols } = this;
    const part = new Float32Array((rows.end - rows.start) * cols);
    const add = ({ start, rows: count, elements }: SingleBand): void => {
      const [from, to] = [Math.max(start, rows.start), Math.min(start + count, rows.end)];
      if (from >= to) return;
      part.set(elements.subarray((from - start) * cols, (to - start) * cols), (from - rows.start) * cols);
    };
    if (this.held) this.kept.forEach(add);
    else for await (const band of this.streamed(false, rows)) add(band);
    return new Uint8Array(part.buffer);
  }

  /** The next band is read while one is used. */
  private async *streamed(counted: boolean, rows = { start: 0, end: this.rows }): AsyncGenerator<SingleBand> {
    const { step } = this;
    let next: Promise<SingleBand> | undefined;
    const load = (start: number): Promise<SingleBand> | undefined => {
      if (start >= rows.end) return undefined;
      const loading = this.load(start, Math.min(start + step, this.rows), counted);
      loading.catch(() => undefined); // heard where it is awaited, if it still is
      return loading;
    };
    try {
      next = load(Math.floor(rows.start / step) * step);
      while (next) {
        const band = await next;
        next = load(band.start + band.rows);
        yield band;
      }
    } finally {
      await next?.catch(() => undefined); // nothing is left running in the worker
    }
  }

  private async load(start: number, end: number, counted: boolean): Promise<SingleBand> {
    const { checkpoint, signal } = this.context;
    const range = this.layer.expert === undefined ? { start, end } : { start: this.first, end: this.first + 1 };
    const bytes = await abortable(checkpoint.read(this.tensor, range, signal), signal);
    const elements = await this.stage.rows({ bytes, counted }, { transfer: [bytes.buffer] });
    return { start, rows: end - start, elements };
  }
}
