/**
 * A layer that is stored as two thin factors (a LoRA pair): spectrum and statistics from the factors in a leased worker,
 * the product never in memory whole; and how large it is beside the weight that it is added to.
 */
import type { FactorProduct, TensorInfo } from '../../checkpoint/checkpoint';
import { elementSize } from '../../checkpoint/elements/dtype';
import { energyRule } from '../../shared/ranks/energyShares';
import { FactorPair } from '../../shared/ranks/factorPair';
import type { FactoredLayer, InspectSettings, LayerResult } from '../../shared/layers';
import type { LayerGeometry } from '../../spectral/matrices';
import { abortable } from '../resources/abortable';
import { LayerError, type LayerSource } from './layerInput';
import { taskTensor } from '../worker/layerResult';
import type { LayerOutcome } from '../worker/layerRecords';
import type { WorkerLease, WorkerPool } from '../worker/workerPool';
import { beyondLimit } from '../resources/megabytes';

/** Bytes of the base weight that are read at a time. */
const BAND_BYTES = 8 * 1024 * 1024;

/** Copies of the factors in float64 while they are made triangular, beside the stored ones. */
const COPIES = 3;

/** Why there is no FARMS alpha though FARMS is on. */
const NO_WINDOWS = 'a product that is not stored has no windows to take';

/** Share of the energy that counts as all that matters. */
const ENERGY = 0.95;

export interface FactoredContext extends LayerSource {
  pool: WorkerPool;
  signal: AbortSignal;
  onProgress: (stage: string, fraction: number) => void;
}

/** @throws CheckpointError from reading, LayerError where the factors do not fit in the memory limit, AbortError */
export async function analyseProduct(
  context: FactoredContext,
  tensor: TensorInfo,
  product: FactorProduct,
  layer: LayerGeometry,
): Promise<LayerOutcome> {
  const { checkpoint, memory, pool, signal } = context;
  const bytes = workingBytes(product);
  if (bytes > memory.limit) {
    throw new LayerError('limit', `its factors need ${beyondLimit(bytes, memory.limit)}`);
  }
  const reservation = await memory.reserve(bytes, signal);
  try {
    context.onProgress('reading', 0);
    const read = async ({ tensor: factor }: FactorProduct['left']): Promise<Uint8Array> =>
      abortable(checkpoint.read(factor, undefined, signal), signal);
    const [left, right] = [await read(product.left), await read(product.right)];
    const lease = await pool.lease(signal);
    try {
      const task = { tensor: taskTensor(tensor), layer, settings: plainSettings(context.settings) };
      const { rank, scale } = product;
      const call = {
        task,
        left: { bytes: left, dtype: product.left.tensor.dtype, transposed: product.left.transposed },
        right: { bytes: right, dtype: product.right.tensor.dtype, transposed: product.right.transposed },
        ...{ rank, scale },
      };
      const onProgress = (fraction: number): void => context.onProgress('eigenvalues', fraction);
      const made = await lease.calls.multiply(call, { transfer: [left.buffer, right.buffer], onProgress });
      const outcome = await made.finish({ precision: 'float64 wasm' });
      compareWithFactors(outcome.result, product, layer);
      if (context.settings.farms.enabled) {
        outcome.result.missing = { ...outcome.result.missing, farms_alpha: NO_WINDOWS };
      }
      outcome.result.factored = await factoredLayer(outcome, product, lease, signal);
      return outcome;
    } finally {
      lease.release();
    }
  } finally {
    reservation.release();
  }
}

function workingBytes({ left, right }: FactorProduct): number {
  const stored = left.tensor.byteLength + right.tensor.byteLength;
  const count = (tensor: TensorInfo): number => tensor.byteLength / elementSize(tensor.dtype);
  return BAND_BYTES + stored + 8 * COPIES * (count(left.tensor) + count(right.tensor));
}

/** FARMS would look at windows of a matrix that has no more than `rank` directions; entries cannot be shuffled unformed. */
function plainSettings(settings: InspectSettings): InspectSettings {
  return { ...settings, randomise: false, farms: { ...settings.farms, enabled: false } };
}

/** A smaller pair would stand in place of the stored one, not of a whole matrix: it is smaller at every rank below that. */
function compareWithFactors(result: LayerResult, { rank }: FactorProduct, { rows, cols }: LayerGeometry): void {
  const { break_even, ...ranks } = result.ranks;
  const pair = new FactorPair(rows, cols, new FactorPair(rows, cols).parameters(rank));
  for (const suggestion of Object.values(ranks)) {
    // Rules that look at the sizes of the whole matrix may ask for more than it can have.
    suggestion.rank = Math.min(rank, suggestion.rank);
    suggestion.parameters = pair.parameters(suggestion.rank);
    suggestion.ratio = pair.ratio(suggestion.rank);
  }
  result.ranks = ranks;
  if (break_even) result.missing = { ...result.missing, rank_break_even: 'it is stored as a pair of factors already' };
}

async function factoredLayer(
  { result }: LayerOutcome,
  { left, right, rank, scale, base }: FactorProduct,
  lease: WorkerLease,
  signal: AbortSignal,
): Promise<FactoredLayer> {
  const directions = result.ranks[energyRule(ENERGY)]?.rank;
  const factors: [string, string] = [left.tensor.name, right.tensor.name];
  const frame = { factors, rank, scale, ...(directions !== undefined && { directions }) };
  const { norm } = result.metrics;
  if (!base || norm === null || norm === undefined) return frame;
  const { checkpoint, tensor } = base;
  const rows = tensor.shape[0] ?? 1;
  const step = Math.max(1, Math.floor((BAND_BYTES * rows) / Math.max(1, tensor.byteLength)));
  let square = 0;
  for (let start = 0; start < rows; start += step) {
    const band = { start, end: Math.min(rows, start + step) };
    const bytes = await abortable(checkpoint.read(tensor, band, signal), signal);
    square += await lease.calls.squares({ bytes, dtype: tensor.dtype }, { transfer: [bytes.buffer] });
  }
  const relative = square > 0 && Number.isFinite(square) ? Math.sqrt(norm / square) : null;
  return { ...frame, base: { path: checkpoint.path, tensor: tensor.name, relative_norm: relative } };
}
