/**
 * The effect on a spectrum of rounding to the stored type. Rounded elements make W + E of W, and no singular value of W
 * + E tells W's closer than ‖E‖: equal ones come out this far apart, and zeros come out this large.
 *
 * E is taken for random, as rounding errors of unrelated numbers are: ‖E‖ = rms(E)·(√N + √M). For a floating-point type
 * rms(E) ≤ u/√3 times the rms of the elements, with u half of the type's ε.
 */
import { numericalZero, roundingOf } from '../shared/numericalZero';
import type { StoredRounding, TensorStatistics } from '../shared/layers';
import type { DType } from '../shared/tensors';

/** The rounding of numbers that were never stored: none. */
export const NOT_ROUNDED: StoredRounding = { type: 'float64', norm: 0 };

/** Unit roundoff u, and where numbers so small that they lose digits are apart. */
interface Precision {
  unit: number;
  step: number;
}

const FLOATS: Readonly<Partial<Record<DType, Precision>>> = {
  // Numbers computed in float64 (an orthogonal matrix by QR, say) are off by a few units, not by half of one.
  F64: { unit: 2 ** -50, step: 0 },
  F32: { unit: 2 ** -24, step: 2 ** -149 },
  F16: { unit: 2 ** -11, step: 2 ** -24 },
  BF16: { unit: 2 ** -8, step: 2 ** -133 },
  F8_E4M3: { unit: 2 ** -4, step: 2 ** -9 },
  F8_E5M2: { unit: 2 ** -3, step: 2 ** -16 },
  F8_E4M3FNUZ: { unit: 2 ** -4, step: 2 ** -10 },
  F8_E5M2FNUZ: { unit: 2 ** -3, step: 2 ** -17 },
  F8_E8M0: { unit: 1 / 2, step: 0 },
};

/**
 * Codes of b bits are 2^b levels over the range of their block, whose largest element is about 2.5 times its rms: the
 * error is 2.5·2^−b/√3 of the rms. With Gaussian elements, Q8_0, Q6_K, Q4_0, NF4, Q3_K and Q2_K come within a third of
 * this.
 */
const BLOCK_RANGE = 2.5;

/** More bits than this are no codes but another layout of an ordinary number. */
const MOST_CODE_BITS = 8;

export interface StoredElements {
  dtype: DType;
  /** As in `LayerResult`. */
  encoding?: string;
  /** Bits of an element with its share of scales, where it is encoded and that is known. */
  bits?: number;
}

/**
 * @param statistics of the matrix's elements; of a part's or an expert's those of its tensor do
 * @param rows of one matrix
 * @param cols of one matrix
 * @param scale what the spectrum's σ are multiplied by: √0.5 with `conv_norm`
 */
export function storedRounding(
  stored: StoredElements,
  statistics: TensorStatistics,
  rows: number,
  cols: number,
  scale = 1,
): StoredRounding {
  const { unit, step } = precisionOf(stored);
  const relative = unit * bulkSize(statistics);
  const rms = Math.hypot(relative, step / 2) / Math.sqrt(3);
  return { type: stored.encoding ?? stored.dtype, norm: scale * rms * (Math.sqrt(rows) + Math.sqrt(cols)) };
}

function precisionOf({ dtype, encoding, bits }: StoredElements): Precision {
  const plain = FLOATS[dtype] ?? FLOATS.F32!;
  if (encoding === undefined) return plain;
  // Scaled 8-bit floats: scales move the range, and the unit stays.
  const float = Object.keys(FLOATS).find((name) => encoding.split(' ')[0] === name);
  if (float !== undefined) return { unit: FLOATS[float as DType]!.unit, step: 0 };
  if (bits === undefined || bits > MOST_CODE_BITS + 1 || /\bsparse\b/.test(encoding)) return plain;
  return { unit: Math.max(plain.unit, BLOCK_RANGE * 2 ** -Math.max(1, Math.floor(bits))), step: 0 };
}

/** Root mean square of the elements but the largest: its rounding moves one direction and not the others. */
function bulkSize({ count, l2, min, max }: TensorStatistics): number {
  const largest = Math.max(Math.abs(min ?? 0), Math.abs(max ?? 0));
  const rest = (l2 ?? 0) ** 2 - largest ** 2;
  return count > 1 && rest > 0 ? Math.sqrt(rest / (count - 1)) : 0;
}

/**
 * True if some eigenvalues above zero differ by more than rounding explains: of the stored elements, and of float64.
 *
 * @param eigenvalues ascending
 * @param dimension smaller side of each matrix
 * @param zero values up to this are zeros
 */
export function hasSpread(
  eigenvalues: Float64Array,
  dimension: number,
  { norm }: StoredRounding,
  zero = numericalZero(eigenvalues, dimension),
): boolean {
  const largest = eigenvalues.at(-1) ?? 0;
  const least = eigenvalues.find((value) => value > Math.max(zero, norm ** 2)) ?? largest;
  return differ(least, largest, roundingOf(eigenvalues, dimension), 2 * norm);
}

/** True if λ below and above differ by more than `arithmetic`, and their σ by more than `sigma`. */
export function differ(below: number, above: number, arithmetic: number, sigma: number): boolean {
  return above - below > arithmetic && Math.sqrt(above) - Math.sqrt(Math.max(0, below)) > sigma;
}
