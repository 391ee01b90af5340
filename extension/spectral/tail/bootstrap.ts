/** How sure the alpha of some FARMS windows is: a bootstrap over the windows, seeded and fast enough to run after every few. */
import { withExactZeros } from '../../shared/numericalZero';
import type { FitRule, StoredRounding } from '../../shared/layers';
import { fitFarmsWindows, fitPooled, poolEigenvalues } from '../farms/farms';
import { mulberry32 } from '../seededRandom';
import { NOT_ROUNDED } from '../storedRounding';

const RESAMPLES = 100;

/** Quantile of the normal distribution at 97.5 %. */
const NORMAL_QUANTILE = 1.959964;

/** Values of all windows together that the resamples are drawn from; more are thinned evenly by rank. */
const MAX_VALUES = 60_000;

/** Values of one resample that are fitted; more are thinned likewise, which moves alpha by less than 0.05 %. */
const MAX_FITTED = 4000;

/** If fewer resamples than this share could be fitted, nothing is known about alpha. */
const MIN_FITTED_SHARE = 0.5;

/** Null where the fit failed, or too few windows could be fitted to say how sure alpha is. */
export interface FarmsEstimate {
  alpha: number | null;
  /** 95 % interval around it. */
  interval: [number, number] | null;
}

/**
 * Alpha of some windows, and how far it may lie from that of all: windows are drawn with replacement and each drawn set is
 * fitted.
 *
 * All of it is reckoned in ln(alpha − 1): alpha − 1 is the rate of the tail's logarithms, whose error is in proportion to it,
 * so that an interval that is wide stays above 1 and reaches as far up as fits do.
 *
 * The interval is as wide as these alphas lie from the alpha of all values, root mean square and not only their spread:
 * where xmin jumps with the number of values that are fitted, resamples (which hold fewer different windows) fall to one
 * side, as the windows taken do beside all of them. Added is what alpha would still move until all windows are taken, did it
 * move on as it does from half of each draw to the whole: KS takes later tails the more values there are.
 *
 * Under KS the interval also holds every alpha that was drawn, from whole draws and halves. It looks for xmin among all values,
 * and where two tails fit about equally well, all windows may settle on the one that the windows taken rarely settle on.
 *
 * A bootstrap of k windows alone would be too sure of itself: it is widened by √(k/(k−1)), and Student's quantile takes
 * the normal one's place. There is no correction for the share of windows that was taken: jumps do not average out.
 *
 * @param spectra ascending, one a window
 * @param total windows that there are
 * @param seed makes it repeatable
 * @param check called before each of the resamples; may throw to stop
 * @param rounding of a window
 */
export function estimateAlpha(
  spectra: readonly Float64Array[],
  total: number,
  rule: FitRule,
  seed: number,
  check: () => void = () => undefined,
  rounding: StoredRounding = NOT_ROUNDED,
): FarmsEstimate {
  const windows = spectra.length;
  const side = spectra[0]?.length ?? 0;
  const { alpha } = fitFarmsWindows(poolEigenvalues(spectra), rule, side, rounding);
  if (alpha === null || windows < 2) return { alpha, interval: null };

  const pool = new WindowPool(spectra);
  const random = mulberry32(seed);
  const fit = (draws: readonly number[]): number | null => {
    const values = pool.resample(draws, Math.ceil((MAX_FITTED * draws.length) / windows));
    return fitPooled(values, rule, side, rounding).alpha;
  };
  const centre = Math.log(alpha - 1);
  let fitted = 0;
  let squares = 0;
  let moved = 0;
  let [least, most] = [centre, centre];
  for (let resample = 0; resample < RESAMPLES; resample++) {
    check();
    const draws = Array.from({ length: windows }, () => Math.floor(random() * windows));
    const whole = fit(draws);
    const half = fit(draws.slice(0, Math.ceil(windows / 2)));
    if (whole === null || half === null) continue;
    const [ofWhole, ofHalf] = [Math.log(whole - 1), Math.log(half - 1)];
    fitted++;
    squares += (ofWhole - centre) ** 2;
    moved += ofWhole - ofHalf;
    if (rule !== 'KS') continue;
    least = Math.min(least, ofWhole, ofHalf);
    most = Math.max(most, ofWhole, ofHalf);
  }
  if (fitted < MIN_FITTED_SHARE * RESAMPLES) return { alpha, interval: null };
  const spread = studentQuantile(windows - 1) * Math.sqrt((squares / fitted) * (windows / (windows - 1)));
  const trend = Math.abs(moved / fitted) * Math.log2(total / windows);
  const low = Math.min(least, centre - spread - trend);
  const high = Math.max(most, centre + spread + trend);
  return { alpha, interval: [1 + Math.exp(low), 1 + Math.exp(high)] };
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
  private readonly windows: number;

  constructor(perWindow: readonly Float64Array[]) {
    this.windows = perWindow.length;
    const share = Math.ceil(MAX_VALUES / perWindow.length);
    const thinned = perWindow.map((values) => thin(withExactZeros(values), share));
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

  /** The values of the windows drawn, ascending, thinned evenly to `most`. */
  resample(draws: readonly number[], most: number): Float64Array {
    const { values, window } = this;
    const times = new Uint32Array(this.windows);
    for (const drawn of draws) times[drawn]!++;
    let total = 0;
    for (let index = 0; index < values.length; index++) total += times[window[index]!]!;
    const count = Math.min(total, most);
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
