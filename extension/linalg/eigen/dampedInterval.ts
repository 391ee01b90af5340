/**
 * Which part of a band matrix's spectrum a filter damps to find its k leading vectors: from 0 to an eigenvalue a little
 * beyond the k-th. Found by counting, at places between which spectra are taken as straight lines in logarithms.
 */
import type { BandMatrix, Interval } from '../kernels/bandMatrix';
import type { Kernels } from '../kernels/kernels';
import { eigenvaluesAbove } from './bandInertia';

/** The damped interval ends at an eigenvalue whose place among the extra vectors is in this range. */
const PLACES = [0.6, 0.95] as const;
/** And the value that stands for the k-th is among the first of them: how far it is away tells how fast the filter is. */
const KEPT_PLACES = [0, 0.2] as const;
/** Counts until a place is found; more only help where many eigenvalues are nearly equal. */
const MOST_COUNTS = 16;
/** Each count shortens the range by this share at least. */
const LEAST_CUT = 0.05;
/** The end of the interval, as a share of more equal eigenvalues than there are extra vectors. */
const BELOW_PLATEAU = 0.8;

/** Eigenvalues below this share of the largest are rounding noise: any vectors will do. */
export const NOISE = 1e-13;
const ABOVE_NOISE = 10;

export interface Bounds {
  /** At least the first eigenvalue, and at most 1.5 times as much. */
  readonly largest: number;
  /** About the k-th, not above it. */
  readonly kept: number;
  readonly damped: Interval;
}

/**
 * @param extra vectors that the iteration holds beyond k
 * @returns undefined for a zero matrix
 */
export function dampedInterval(
  band: BandMatrix,
  k: number,
  extra: number,
  { kernels, poll }: { kernels: Kernels; poll: () => void },
): Bounds | undefined {
  let largest = norm(band);
  if (!(largest > 0)) return undefined;
  const counts = new Counts(largest, (shift) => {
    poll();
    return eigenvaluesAbove(band, shift, kernels);
  });
  while (counts.above(largest / 1.5) === 0) largest /= 1.5;
  const [least, most] = places(k, extra, PLACES);
  const noise = NOISE * largest;
  for (let depth = 1; ; depth *= 2) {
    const at = Math.max(noise, largest * 2 ** -depth);
    if (counts.above(at) >= least) break;
    // Fewer than are asked for: the rest may be any, and one product with the matrix leaves nothing of it.
    if (at === noise) return { largest, kept: ABOVE_NOISE * noise, damped: { low: 0, high: noise } };
  }
  const end = counts.find(least, most);
  // Many eigenvalues are nearly equal here, and all of them serve.
  if (end.above > most) return { largest, kept: end.at, damped: { low: 0, high: BELOW_PLATEAU * end.at } };
  const kept = counts.find(...places(k, extra, KEPT_PLACES));
  return { largest, kept: kept.at, damped: { low: 0, high: end.at } };
}

function places(k: number, extra: number, [first, last]: readonly [number, number]): [number, number] {
  return [k + Math.floor(first * extra), k + Math.floor(last * extra)];
}

interface Place {
  readonly at: number;
  /** Eigenvalues above it. */
  readonly above: number;
}

class Counts {
  private readonly known: Place[];

  /** @param bound no eigenvalue is above it */
  constructor(
    bound: number,
    private readonly count: (shift: number) => number,
  ) {
    this.known = [{ at: bound, above: 0 }];
  }

  above(at: number): number {
    const above = this.count(at);
    this.known.push({ at, above });
    return above;
  }

  /**
   * A place with `least` … `most` eigenvalues above it; with more than that if many are nearly equal. By false position;
   * an end that stays counts half as much each time, so that both come nearer.
   *
   * @param least 1 or more; a place with so many must be known
   * @see Dowell & Jarratt 1971 (the Illinois rule)
   */
  find(least: number, most: number): Place {
    const aim = (least + most) / 2;
    let stay = 0;
    for (let step = 0; ; step++) {
      const low = this.known.filter(({ above }) => above >= least).reduce((a, b) => (a.at > b.at ? a : b));
      const high = this.known.filter(({ at }) => at > low.at).reduce((a, b) => (a.at < b.at ? a : b));
      if (low.above <= most || step === MOST_COUNTS) return low;
      // Steps that the upper end has stayed for, or, negative, the lower one.
      const beyond = Math.log(low.above / aim) * 2 ** Math.min(0, stay);
      const missing = Math.log(aim / Math.max(0.5, high.above)) * 2 ** Math.min(0, -stay);
      const share = Math.min(1 - LEAST_CUT, Math.max(LEAST_CUT, beyond / (beyond + missing)));
      const enough = this.above(low.at * (high.at / low.at) ** share) >= least;
      stay = enough ? Math.max(0, stay) + 1 : Math.min(0, stay) - 1;
    }
  }
}

/** ‖B‖_∞ */
function norm({ rows, n, width }: BandMatrix): number {
  const sums = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (let j = Math.max(0, i - width); j <= i; j++) {
      const element = Math.abs(rows[i * (width + 1) + j - i + width]!);
      sums[i] = sums[i]! + element;
      if (j < i) sums[j] = sums[j]! + element;
    }
  }
  return sums.reduce((most, sum) => Math.max(most, sum), 0);
}
