/** Singular vectors of one layer on demand: the largest few, or all where they fit, and how they are spread. */
import { largestOf } from '../../shared/extremes';
import type { RowBands } from '../../linalg/singular/rowBandProducts';
import { leastCapacity, type SingularTools } from '../../linalg/singular/leadingPairs';
import { topTriplets, tripletBytes, usualCapacity } from '../../linalg/singular/singularTriplets';
import type { LayerVectors, SingularVectors } from '../../shared/layers';
import { vectorMetrics } from '../../spectral/metrics/vectorMetrics';
import { EngineError } from '../layer/engineLayer';
import type { EngineDocument } from '../document/engineDocument';
import { BAND_ELEMENTS, held, storedMatrix, widenedBands, type StoredMatrix } from '../layer/layerMatrix';
import { leasedWork } from './leasedWork';
import type { ComputingParts } from './requestParts';
import { LayerError } from '../layer/layerInput';
import type { WorkerLease } from '../worker/workerPool';
import { smallestOf } from '../../shared/extremes';
import { beyondLimit } from '../resources/megabytes';

/** ‖Wᵀu − σv‖/σ₁ at which the iteration stops: σ is then right to all digits, a vector to this over its distance to others. */
const TOLERANCE = 1e-9;

/** Bands in memory at a time where the matrix is not held: one in use, one read ahead, with their stored bytes. */
const BANDS = 3;
/** Up to this share of the limit may be taken lightly: other layers go on beside it. */
const BESIDE_OTHERS = 1 / 2;

/** Results that are kept for the view that asks again with another ordering, of so many layers. */
const LAYERS_KEPT = 4;

/**
 * The `count` largest triplets, all of them without it or where there are fewer.
 *
 * @throws EngineError `no-spectrum`; LayerError `limit` where they do not fit in the memory limit; CheckpointError;
 *   DOMException `AbortError`
 */
export async function singularVectors(
  parts: ComputingParts,
  document: EngineDocument,
  name: string,
  count: number | undefined,
  signal: AbortSignal,
): Promise<SingularVectors> {
  const layer = document.layer(name);
  if (!layer.geometry) {
    throw new EngineError('no-spectrum', `${name} has no singular vectors: ${layer.noSpectrum ?? 'no matrix'}`);
  }
  const stored = storedMatrix(document.checkpoint, layer);
  const all = Math.min(stored.rows, stored.cols);
  const k = count === undefined ? all : Math.min(count, all);
  const known = document.vectors.get(name);
  if (known && known.singularValues.length >= k) return firstOf(known, k);
  const plan = planned(stored, k, name, parts.memory.limit);
  const products = await parts.hardware.products();
  const needed = { what: `singular vectors of ${name}`, bytes: plan.memory };
  const { left, right, singularValues, residuals } = await leasedWork(parts, needed, signal, (lease) =>
    tripletsOf(widenedBands(stored, layer.tensor, name, lease), k, { products, solve: solveIn(lease), signal }, plan),
  );
  const { rows, cols } = stored;
  const found = { layer: name, rows, cols, singularValues, left, right, residuals };
  if (count !== undefined) {
    document.vectors.delete(name);
    document.vectors.set(name, found);
    for (const oldest of [...document.vectors.keys()].slice(0, -LAYERS_KEPT)) document.vectors.delete(oldest);
  }
  return found;
}

/** @throws as `singularVectors` */
export async function layerVectors(
  parts: ComputingParts,
  document: EngineDocument,
  name: string,
  count: number,
  signal: AbortSignal,
): Promise<LayerVectors> {
  const started = performance.now();
  const found = await singularVectors(parts, document, name, count, signal);
  const { rows, cols, singularValues, residuals, left, right } = found;
  const vectors = Array.from(singularValues, (sigma, i) => ({
    sigma,
    residual: residuals[i]!,
    left: vectorMetrics(left.subarray(i * rows, (i + 1) * rows)),
    right: vectorMetrics(right.subarray(i * cols, (i + 1) * cols)),
  }));
  const note = residualNote(singularValues, residuals);
  return {
    layer: name,
    rows,
    cols,
    vectors,
    ...(note !== undefined && { note }),
    elapsed: performance.now() - started,
  };
}

/**
 * What was reached, in words, where that is not the residual that the iteration goes for; undefined where it is.
 *
 * @param singularValues descending
 * @param residuals measured, of each
 */
export function residualNote(singularValues: ArrayLike<number>, residuals: ArrayLike<number>): string | undefined {
  const largest = singularValues[0] ?? 0;
  const missed = Array.from(residuals).filter((residual) => !(residual <= TOLERANCE * largest));
  if (missed.length === 0) return undefined;
  const worst = (largestOf(missed) / largest).toPrecision(2);
  return (
    `${missed.length} of ${residuals.length} singular vectors have a residual above the ${TOLERANCE}·σ₁ that is aimed at, ` +
    `the largest ${worst}·σ₁: their σ are right to about the square of that, the vectors to that over the distance to the next σ`
  );
}

/** The largest eigenpairs of small symmetric matrices, in the worker: the main thread goes on answering. */
export function solveIn(lease: WorkerLease): SingularTools['solve'] {
  return (matrix, n, k) => lease.calls.eigenvectors({ matrix, n, k }, { transfer: [matrix.buffer] });
}

interface Plan {
  held: boolean;
  /** Vectors of a Krylov basis. */
  capacity: number;
  /** Bytes in all. */
  memory: number;
}

/**
 * What is held follows from the limit alone, and so do the numbers: the matrix and a large basis where others can
 * still work beside them, else less of it.
 *
 * @throws LayerError `limit`
 */
function planned({ rows, cols, rowsTogether }: StoredMatrix, k: number, name: string, limit: number): Plan {
  const [long, short] = [Math.max(rows, cols), Math.min(rows, cols)];
  const plan = (held: boolean, capacity: number): Plan => {
    const beside = held ? tripletBytes(long, short, k, capacity) : tripletBytes(rows, cols, k, capacity);
    return { held, capacity, memory: beside + 8 * (held ? rows * cols : BANDS * Math.min(BAND_ELEMENTS, rows * cols)) };
  };
  const whole = [plan(true, usualCapacity(short, k)), plan(true, leastCapacity(k))];
  const streamed = [plan(false, usualCapacity(cols, k)), plan(false, leastCapacity(k))];
  const plans = rowsTogether < rows ? [...whole, ...streamed] : whole;
  const found =
    plans.find(({ memory }) => memory <= BESIDE_OTHERS * limit) ??
    plans.reverse().find(({ memory }) => memory <= limit);
  if (found) return found;
  const least = smallestOf(plans.map(({ memory }) => memory));
  throw new LayerError(
    'limit',
    `the ${k} largest singular vectors of ${name} need ${beyondLimit(least, limit)} or ask for fewer vectors`,
  );
}

async function tripletsOf(
  matrix: RowBands,
  k: number,
  tools: SingularTools & { signal: AbortSignal },
  plan: Plan,
): Promise<Pick<SingularVectors, 'singularValues' | 'left' | 'right' | 'residuals'>> {
  const options = { tolerance: TOLERANCE, capacity: plan.capacity };
  if (!plan.held) return topTriplets(matrix, k, tools, options);
  const { bands, transposed } = await held(matrix, tools.signal);
  const { left, right, ...rest } = await topTriplets(bands, k, tools, options);
  return transposed ? { left: right, right: left, ...rest } : { left, right, ...rest };
}

function firstOf(known: SingularVectors, k: number): SingularVectors {
  return {
    ...known,
    singularValues: known.singularValues.slice(0, k),
    residuals: known.residuals.slice(0, k),
    left: known.left.slice(0, k * known.rows),
    right: known.right.slice(0, k * known.cols),
  };
}
