/**
 * The randomisation test: a matrix's entries in random order keep their values and lose whatever they say together. What its
 * spectrum has and the shuffled one's has not was learned.
 *
 * @see WeightWatcher, `analyze(randomize=True)`, whose definitions these are
 */
import { fitBulk } from './bulk';
import type { EntryPlaces } from './matrices';
import { upperBound } from './powerLaw';
import { mulberry32 } from './seededRandom';

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

/**
 * The metrics of the test; keys are those of the metric table.
 *
 * @param eigenvalues λ ascending
 * @param randomised λ of the shuffled matrices, as many, ascending
 * @param N larger side of each matrix
 * @param M smaller side
 */
export function randomisationMetrics(
  eigenvalues: Float64Array,
  randomised: Float64Array,
  N: number,
  M: number,
): Record<string, number | null> {
  const largest = randomised.at(-1) ?? 0;
  return {
    rand_distance: largest > 0 ? jensenShannonDistance(eigenvalues, randomised) : null,
    max_rand_eval: largest,
    rand_num_spikes: fitBulk(randomised, N, M).num_spikes,
    num_above_rand: eigenvalues.length - upperBound(eigenvalues, largest),
  };
}

/**
 * √ of the Jensen–Shannon divergence (in nats) of two spectra, each taken as the distribution λᵢ/Σλ over i. From 0 to √ln 2.
 *
 * @param p ascending, with a positive sum
 * @param q likewise, of the same length
 */
export function jensenShannonDistance(p: Float64Array, q: Float64Array): number {
  const [totalP, totalQ] = [p, q].map((values) => values.reduce((sum, value) => sum + value, 0)) as [number, number];
  let divergence = 0;
  for (let index = 0; index < p.length; index++) {
    const [a, b] = [p[index]! / totalP, q[index]! / totalQ];
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
