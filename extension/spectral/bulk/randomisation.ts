/**
 * The randomisation test: a matrix's entries in random order keep their values and lose whatever they say together. What its
 * spectrum has and the shuffled one's has not was learned.
 *
 * @see WeightWatcher, `analyze(randomize=True)`, whose definitions these are
 */
import { largestOf } from '../../shared/extremes';
import { fitBulk, type BulkFit } from './bulk';
import { ALL_ZERO, missing, type Missing } from '../missing';
import type { EntryPlaces } from '../matrices';
import { upperBound } from '../tail/bounds';
import { mulberry32 } from '../seededRandom';

/** Entries that are moved between two checks: about 10 ms where most of them are far apart in memory. */
const ENTRIES_PER_CHECK = 2 ** 18;

/** Entries as unsigned integers of their size, so that any type is permuted without being read. */
type Cells = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

/**
 * Permutes the entries of each matrix among themselves (Fisher–Yates).
 *
 * @param bytes elements as stored, `elementBytes` each
 * @param check called now and then; may throw to stop, which leaves the bytes permuted in part
 * @returns the permuted bytes: the same ones, permuted in place, unless their alignment asks for a copy
 */
export function shuffleEntries(
  bytes: Uint8Array,
  elementBytes: number,
  matrices: readonly EntryPlaces[],
  seed: number,
  check: () => void = () => undefined,
): Uint8Array {
  const aligned = bytes.byteOffset % elementBytes === 0 ? bytes : bytes.slice();
  const cells = cellsOf(aligned, elementBytes);
  const random = mulberry32(seed);
  for (const { start, rows, cols, rowStep, colStep } of matrices) {
    const placeOf = (entry: number): number => {
      const row = Math.floor(entry / cols);
      return start + row * rowStep + (entry - row * cols) * colStep;
    };
    for (let entry = rows * cols - 1; entry > 0; entry--) {
      if (entry % ENTRIES_PER_CHECK === 0) check();
      const here = placeOf(entry);
      const there = placeOf(Math.floor(random() * (entry + 1)));
      const kept = cells[here]!;
      cells[here] = cells[there]!;
      cells[there] = kept;
    }
  }
  return aligned;
}

/** Times that the entries are shuffled unless asked otherwise. */
export const DEFAULT_SHUFFLES = 5;
export const LEAST_SHUFFLES = 2;
export const MOST_SHUFFLES = 100;

/**
 * Chance with which a random matrix's own λ₁ lies above what its shuffles predict, were λ₁ a normal number. As its upper tail
 * is longer than that, it is 4 to 5 % for 2 to 20 shuffles, and less for more.
 */
const LEVEL = 0.035;

/** The end of the range of shuffled matrices' largest eigenvalues. */
export interface RandomEdge {
  /** Mean of the shuffles' λ₁; `sd` is their standard deviation. */
  mean: number;
  sd: number;
  /** λ above this is no random matrix's: mean + t·sd·√(1 + 1/K), and no less than the largest λ₁ of a shuffle. */
  threshold: number;
}

/** @param largest λ₁ of each of at least two shuffles */
export function randomEdge(largest: readonly number[]): RandomEdge {
  const count = largest.length;
  const unit = powerOfTwoNear(largestOf(largest, 0));
  const scaled = largest.map((value) => value / unit);
  const scaledMean = scaled.reduce((sum, value) => sum + value, 0) / count;
  const mean = scaledMean * unit;
  const sd = unit * Math.sqrt(scaled.reduce((sum, value) => sum + (value - scaledMean) ** 2, 0) / (count - 1));
  const predicted = mean + studentQuantile(LEVEL, count - 1) * sd * Math.sqrt(1 + 1 / count);
  return { mean, sd, threshold: largestOf(largest, predicted) };
}

/** Numbers divided by it keep all their digits, and neither their sums nor their squares leave the range of a double. */
function powerOfTwoNear(value: number): number {
  return 2 ** Math.min(1000, Math.max(-1000, Math.floor(Math.log2(value))));
}

/** Value that Student's t of so many degrees of freedom exceeds with the given chance, below 1/2. */
export function studentQuantile(chance: number, freedom: number): number {
  let [low, high] = [0, Math.PI / 2];
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if ((1 - studentWithin(middle, freedom)) / 2 > chance) low = middle;
    else high = middle;
  }
  return Math.sqrt(freedom) * Math.tan((low + high) / 2);
}

/** Chance of |t| ≤ √freedom·tan θ. @see Abramowitz & Stegun 26.7.3 and 26.7.4 */
function studentWithin(theta: number, freedom: number): number {
  const [sine, cosine] = [Math.sin(theta), Math.cos(theta)];
  const odd = freedom % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k < freedom; k += 2) {
    term *= ((k - 1) / k) * cosine ** 2;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (theta + sine * sum) : sine * sum;
}

/** Keys are those of the metric table. */
export interface RandomisationMetrics {
  rand_distance: number | Missing;
  max_rand_eval: number;
  rand_edge_mean: number;
  rand_edge_sd: number;
  rand_num_spikes: number | Missing;
  num_above_rand: number;
}

/**
 * The metrics of the test. The distance is the mean over the shuffles, the number of spikes the median.
 *
 * @param eigenvalues λ ascending
 * @param shuffles λ of the shuffled matrices, as many, ascending; one array a shuffle, at least two of them
 * @param N larger side of each matrix
 * @param M smaller side
 */
export function randomisationMetrics(
  eigenvalues: Float64Array,
  shuffles: readonly Float64Array[],
  N: number,
  M: number,
): RandomisationMetrics {
  const edge = randomEdge(shuffles.map((values) => values.at(-1) ?? 0));
  const distance = (): number =>
    shuffles.reduce((sum, values) => sum + jensenShannonDistance(eigenvalues, values), 0) / shuffles.length;
  return {
    rand_distance: edge.mean > 0 ? distance() : ALL_ZERO,
    max_rand_eval: largestOf(shuffles.map((values) => values.at(-1) ?? 0)),
    rand_edge_mean: edge.mean,
    rand_edge_sd: edge.sd,
    rand_num_spikes: medianSpikes(shuffles.map((values) => fitBulk(values, N, M))),
    num_above_rand: eigenvalues.length - upperBound(eigenvalues, edge.threshold),
  };
}

function medianSpikes(bulks: readonly BulkFit[]): number | Missing {
  const spikes: number[] = [];
  for (const bulk of bulks) {
    if (bulk.status === 'failed') return missing(bulk.reason);
    spikes.push(bulk.num_spikes);
  }
  return spikes.sort((a, b) => a - b)[spikes.length >> 1]!;
}

/**
 * √ of the Jensen–Shannon divergence (in nats) of two spectra, each taken as the distribution λᵢ/Σλ over i. From 0 to √ln 2.
 *
 * @param p ascending, with a positive sum
 * @param q likewise, of the same length
 */
export function jensenShannonDistance(p: Float64Array, q: Float64Array): number {
  const unit = powerOfTwoNear(Math.max(p.at(-1) ?? 0, q.at(-1) ?? 0));
  const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value / unit, 0);
  const [totalP, totalQ] = [total(p), total(q)];
  let divergence = 0;
  for (let index = 0; index < p.length; index++) {
    const [a, b] = [p[index]! / unit / totalP, q[index]! / unit / totalQ];
    const mean = (a + b) / 2;
    // Each pair is ≥ 0 together: what rounding leaves of equal spectra must not become the root of a negative number.
    divergence += Math.max(0, (a > 0 ? a * Math.log(a / mean) : 0) + (b > 0 ? b * Math.log(b / mean) : 0)) / 2;
  }
  return Math.sqrt(divergence);
}

function cellsOf({ buffer, byteOffset, byteLength }: Uint8Array, elementBytes: number): Cells {
  const count = byteLength / elementBytes;
  switch (elementBytes) {
    case 1:
      return new Uint8Array(buffer, byteOffset, count);
    case 2:
      return new Uint16Array(buffer, byteOffset, count);
    case 4:
      return new Uint32Array(buffer, byteOffset, count);
    case 8:
      return new BigUint64Array(buffer, byteOffset, count);
    default:
      throw new RangeError(`elements of ${elementBytes} bytes are not shuffled`);
  }
}
