/** Orthogonal matrices as they come out of a file: their singular values differ by the rounding of its type, and by nothing else. */
import assert from 'node:assert/strict';
import { decodeFloat } from '../../../extension/checkpoint/elements/dtype';
import { gram } from '../../../extension/linalg/gram/gram';
import { kernelTwin } from '../../../extension/linalg/kernels/kernelTwin';
import { withExactZeros } from '../../../extension/shared/numericalZero';
import { symmetricEigenvalues } from '../../../extension/linalg/eigen/symmetricEigenvalues';
import type { FitRule, StoredRounding } from '../../../extension/shared/layers';
import type { DType } from '../../../extension/shared/tensors';
import { determinantTail } from '../../../extension/spectral/bulk/bulk';
import { fitPowerLaw } from '../../../extension/spectral/tail/powerLaw';
import { StatisticsAccumulator } from '../../../extension/spectral/metrics/statistics';
import { storedRounding } from '../../../extension/spectral/storedRounding';
import { uniform } from '../../harness/numbers/hardSpectra';

const RULES: readonly FitRule[] = ['KS', 'xmin_mid', 'xmin_peak'];

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
}

/** Columns made orthonormal, twice (Gram–Schmidt). */
function orthonormal(rows: number, cols: number, seed: number): Float64Array {
  const random = uniform(seed);
  const columns = Array.from({ length: cols }, () => Float64Array.from({ length: rows }, () => normal(random)));
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  for (const [index, column] of columns.entries()) {
    for (let pass = 0; pass < 2; pass++) {
      for (const other of columns.slice(0, index)) {
        const share = dot(column, other);
        column.forEach((value, i) => (column[i] = value - share * other[i]!));
      }
    }
    const length = Math.sqrt(dot(column, column));
    column.forEach((value, i) => (column[i] = value / length));
  }
  return Float64Array.from({ length: rows * cols }, (_, at) => columns[at % cols]![Math.floor(at / cols)]!);
}

/** The DCT-II basis: rounding errors of its few different entries are not random. */
function cosines(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return Math.sqrt((i === 0 ? 1 : 2) / n) * Math.cos((Math.PI * (((2 * j + 1) * i) % (4 * n))) / (2 * n));
  });
}

/** All numbers of an 8- or 16-bit float, ascending. */
function numbersOf(bits: number, exponent: number, fraction: number, finite: boolean): Float64Array {
  const all = Array.from({ length: 2 ** bits }, (_, code) => decodeFloat(code, exponent, fraction, { finite }));
  return Float64Array.from(new Set(all.filter(Number.isFinite))).sort();
}

function nearest(numbers: Float64Array): (value: number) => number {
  return (value) => {
    let [low, high] = [0, numbers.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (numbers[middle]! <= value) low = middle;
      else high = middle;
    }
    return value - numbers[low]! < numbers[high]! - value ? numbers[low]! : numbers[high]!;
  };
}

/** Symmetric codes of so many bits in blocks of 32, as GGUF's Q8_0 has them. */
function codes(bits: number): (matrix: Float64Array) => Float64Array {
  const levels = 2 ** (bits - 1) - 1;
  return (matrix) =>
    matrix.map((value, at) => {
      const block = matrix.subarray(at - (at % 32), at - (at % 32) + 32);
      const scale = block.reduce((most, element) => Math.max(most, Math.abs(element)), 0) / levels;
      return scale > 0 ? scale * Math.round(value / scale) : 0;
    });
}

const each =
  (round: (value: number) => number) =>
  (matrix: Float64Array): Float64Array =>
    matrix.map(round);

interface Stored {
  dtype: DType;
  encoding?: string;
  bits?: number;
  round: (matrix: Float64Array) => Float64Array;
}

const TYPES: Readonly<Record<string, Stored>> = {
  F64: { dtype: 'F64', round: (matrix) => matrix },
  F32: { dtype: 'F32', round: each(Math.fround) },
  F16: { dtype: 'F16', round: each(nearest(numbersOf(16, 5, 10, false))) },
  BF16: { dtype: 'BF16', round: each(nearest(numbersOf(16, 8, 7, false))) },
  F8_E4M3: { dtype: 'F8_E4M3', round: each(nearest(numbersOf(8, 4, 3, true))) },
  F8_E5M2: { dtype: 'F8_E5M2', round: each(nearest(numbersOf(8, 5, 2, false))) },
  Q8_0: { dtype: 'F32', encoding: 'Q8_0', bits: 8.5, round: codes(8) },
  Q4_0: { dtype: 'F32', encoding: 'Q4_0', bits: 4.5, round: codes(4) },
};

function spectrum(matrix: Float64Array, rows: number, cols: number): Float64Array {
  const { matrix: product, n } = gram(matrix, rows, cols, kernelTwin);
  return withExactZeros(symmetricEigenvalues(product, n, { kernels: kernelTwin }));
}

function roundingOf(
  { dtype, encoding, bits }: Stored,
  matrix: Float64Array,
  rows: number,
  cols: number,
): StoredRounding {
  const statistics = new StatisticsAccumulator();
  statistics.add(matrix);
  const stored = { dtype, ...(encoding !== undefined && { encoding }), ...(bits !== undefined && { bits }) };
  return storedRounding(stored, statistics.result(), rows, cols);
}

const MATRICES: Readonly<Record<string, [rows: number, cols: number, matrix: Float64Array]>> = {
  square: [96, 96, orthonormal(96, 96, 1)],
  tall: [320, 64, orthonormal(320, 64, 2)],
  narrow: [512, 16, orthonormal(512, 16, 3)],
  scaled: [96, 96, orthonormal(96, 96, 4).map((value) => 3.7 * value)],
  cosines: [128, 128, cosines(128)],
};

describe('rounding of the stored type', () => {
  for (const [type, stored] of Object.entries(TYPES)) {
    it(`leaves an orthogonal matrix without a spread: ${type}`, () => {
      for (const [name, [rows, cols, exact]] of Object.entries(MATRICES)) {
        const matrix = stored.round(exact);
        const eigenvalues = spectrum(matrix, rows, cols);
        const rounding = roundingOf(stored, matrix, rows, cols);
        for (const rule of RULES) {
          const fit = fitPowerLaw(eigenvalues, rule, { zeroFilter: rule === 'KS', rounding });
          assert.equal(fit.alpha, null, `${name}, ${rule}: alpha ${fit.alpha}`);
          assert.match(fit.reason!, new RegExp(`no spread beyond the rounding of ${type}$`), `${name}, ${rule}`);
        }
        assert.equal(determinantTail(eigenvalues, cols, rounding), undefined, name);
      }
    });

    it(`leaves a random matrix its alpha: ${type}`, () => {
      const random = uniform(11);
      const matrix = stored.round(Float64Array.from({ length: 200 * 100 }, () => 0.05 * normal(random)));
      const eigenvalues = spectrum(matrix, 200, 100);
      const rounding = roundingOf(stored, matrix, 200, 100);
      for (const rule of RULES) {
        const fit = fitPowerLaw(eigenvalues, rule, { zeroFilter: rule === 'KS', rounding });
        const plain = fitPowerLaw(eigenvalues, rule, { zeroFilter: rule === 'KS' });
        assert.equal(fit.status, 'success', `${rule}: ${fit.reason}`);
        assert.deepEqual(fit, plain, rule);
      }
      assert.ok(determinantTail(eigenvalues, 100, rounding)! > 1);
    });
  }

  for (const type of ['F16', 'BF16'] as const) {
    it(`makes no tail out of the zeros of a matrix of low rank: ${type}`, () => {
      const random = uniform(5);
      const [rows, cols, rank] = [128, 96, 8];
      const factor = (length: number): Float64Array =>
        Float64Array.from({ length: length * rank }, () => normal(random));
      const [left, right] = [factor(rows), factor(cols)];
      const exact = Float64Array.from({ length: rows * cols }, (_, at) => {
        const [i, j] = [Math.floor(at / cols), at % cols];
        let sum = 0;
        for (let k = 0; k < rank; k++) sum += left[i * rank + k]! * right[j * rank + k]!;
        return sum;
      });
      const matrix = TYPES[type]!.round(exact);
      const eigenvalues = spectrum(matrix, rows, cols);
      const rounding = roundingOf(TYPES[type]!, matrix, rows, cols);
      for (const rule of ['xmin_mid', 'xmin_peak'] as const) {
        // Before, what rounding left of the zeros was fitted: alpha about 1.3.
        assert.equal(fitPowerLaw(eigenvalues, rule, { zeroFilter: false }).status, 'success');
        const fit = fitPowerLaw(eigenvalues, rule, { zeroFilter: false, rounding });
        assert.match(fit.reason!, new RegExp(`needs 10 eigenvalues above the rounding of ${type} and finds 8 of 96`));
      }
    });
  }

  it('of one huge element is not that of the others', () => {
    const random = uniform(8);
    const matrix = Float64Array.from({ length: 128 * 128 }, (_, i) => (i === 77 ? 1e4 : 0.02 * normal(random)));
    const rounded = TYPES.BF16!.round(matrix);
    const { norm } = roundingOf(TYPES.BF16!, rounded, 128, 128);
    assert.ok(norm < 0.01 * 0.02 * 2 * Math.sqrt(128), `${norm}`);
  });
});
