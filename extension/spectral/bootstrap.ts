/** How sure the alpha of some FARMS windows is: a bootstrap over the windows, seeded and fast enough to run after every few. */
import type { FitRule } from '../protocol';
import { poolEigenvalues } from './farms';
import { fitPowerLaw } from './powerLaw';

const RESAMPLES = 200;

/** Of the normal distribution, at 97.5 %. */
const NORMAL_QUANTILE = 1.959964;

/** Values of all windows together that the resamples are drawn from; more are thinned evenly by rank. */
const MAX_VALUES = 60_000;

/** Values of one resample that are fitted; more are thinned likewise. Thinning moves every resample's alpha alike. */
const MAX_FITTED = 1000;

/** Where fewer resamples than this share could be fitted, nothing is known about alpha. */
const MIN_FITTED_SHARE = 0.5;

/**
 * 95 % interval for the alpha of the pooled windows: windows are drawn with replacement and each drawn set is fitted;
 * the spread of those alphas, laid around the alpha of all values. A bootstrap of k windows alone would be too sure of
 * itself: its spread is widened by √(k/(k−1)), and Student's quantile takes the normal one's place.
 *
 * @param perWindowEigenvalues ascending, one array a window
 * @param seed makes it repeatable
 * @returns ±Infinity for fewer than 2 windows or where the fits fail
 */
export function bootstrapInterval(
  perWindowEigenvalues: readonly Float64Array[],
  rule: FitRule,
  seed: number,
): [number, number] {
  const windows = perWindowEigenvalues.length;
  const unknown: [number, number] = [-Infinity, Infinity];
  if (windows < 2) return unknown;
  const pool = new WindowPool(perWindowEigenvalues);
  const fit = (values: Float64Array): number | null => fitPowerLaw(values, rule, { zeroFilter: false }).alpha;
  const all = fit(poolEigenvalues(perWindowEigenvalues));
  if (all === null) return unknown;

  const random = mulberry32(seed);
  const alphas: number[] = [];
  for (let resample = 0; resample < RESAMPLES; resample++) {
    const times = new Uint32Array(windows);
    for (let draw = 0; draw < windows; draw++) times[Math.floor(random() * windows)]!++;
    const alpha = fit(pool.resample(times));
    if (alpha !== null) alphas.push(alpha);
  }
  if (alphas.length < MIN_FITTED_SHARE * RESAMPLES) return unknown;
  const mean = alphas.reduce((sum, alpha) => sum + alpha, 0) / alphas.length;
  const variance = alphas.reduce((sum, alpha) => sum + (alpha - mean) ** 2, 0) / (alphas.length - 1);
  const half = studentQuantile(windows - 1) * Math.sqrt((variance * windows) / (windows - 1));
  return [all - half, all + half];
}

/**
 * 97.5 % quantile of Student's t, by its expansion around the normal's: to 1 % from 3 degrees of freedom on.
 *
 * @see Abramowitz & Stegun 26.7.5
 */
function studentQuantile(freedom: number): number {
  const z = NORMAL_QUANTILE;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / freedom + second / freedom ** 2 + third / freedom ** 3;
}

/** The values of all windows in ascending order, each with the window it is from. */
class WindowPool {
  private readonly values: Float64Array;
  private readonly window: Uint32Array;

  constructor(perWindow: readonly Float64Array[]) {
    const share = Math.ceil(MAX_VALUES / perWindow.length);
    const thinned = perWindow.map((values) => thin(values, share));
    const count = thinned.reduce((sum, { length }) => sum + length, 0);
    const values = new Float64Array(count);
    const owner = new Uint32Array(count);
    let offset = 0;
    for (const [index, spectrum] of thinned.entries()) {
      values.set(spectrum, offset);
      owner.fill(index, offset, offset + spectrum.length);
      offset += spectrum.length;
    }
    const order = new Uint32Array(values.length).map((_, index) => index);
    order.sort((a, b) => values[a]! - values[b]! || a - b);
    this.values = Float64Array.from(order, (index) => values[index]!);
    this.window = Uint32Array.from(order, (index) => owner[index]!);
  }

  /** Every window's values as often as `times` says, ascending, thinned evenly to what is fitted. */
  resample(times: Uint32Array): Float64Array {
    const { values, window } = this;
    let total = 0;
    for (let index = 0; index < values.length; index++) total += times[window[index]!]!;
    const count = Math.min(total, MAX_FITTED);
    const step = total / count;
    const result = new Float64Array(count);
    let passed = 0;
    let next = 0;
    for (let index = 0; index < values.length && next < count; index++) {
      passed += times[window[index]!]!;
      while (next < count && passed > (next + 0.5) * step - 0.5) result[next++] = values[index]!;
    }
    return result;
  }
}

function thin(values: Float64Array, count: number): Float64Array {
  if (values.length <= count) return values;
  return Float64Array.from(
    { length: count },
    (_, index) => values[Math.floor(((index + 0.5) / count) * values.length)]!,
  );
}

/** Small seeded generator of numbers in [0, 1). @see Tommy Ettinger's mulberry32, public domain */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
