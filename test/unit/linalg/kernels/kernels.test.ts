import assert from 'node:assert/strict';
import { kernelTwin } from '../../../../extension/linalg/kernels/kernelTwin';
import { type Kernels } from '../../../../extension/linalg/kernels/kernels';
import { tridiagonalEigenvalues } from '../../../../extension/linalg/eigen/tridiagonalEigenvalues';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import {
  frobenius,
  fromElements,
  jacobiEigenvalues,
  largestDifference,
  naiveProduct,
  randomMatrix,
  randomSymmetric,
} from '../../../harness/numbers/denseReference';

/** Around every block size (2, 4, 8, 32, 256) and none of them. */
const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 31, 32, 33, 35, 63, 64, 65, 97, 128, 131, 200];

const implementations: [string, () => Kernels][] = [
  ['wasm', loadKernels],
  ['twin', () => kernelTwin],
];

for (const [name, kernelsOf] of implementations) {
  describe(`kernels: ${name}`, () => {
    it('reduces A to T with A = Q·T·Qᵀ and orthogonal Q', () => {
      for (const n of SIZES) {
        const a = randomSymmetric(n, n);
        const { reduced, q } = reduce(kernelsOf(), a, n);
        assert.ok(largestDifference(naiveProduct(q, q, n, n, n, true), identity(n)) < 1e-13 * Math.sqrt(n), `QᵀQ ${n}`);
        // Rows of q are Q·e_i, so the matrix is Qᵀ.
        const back = naiveProduct(naiveProduct(q, reduced, n, n, n, true), q, n, n, n);
        assert.ok(largestDifference(back, a) < 1e-14 * (1 + frobenius(a)), `QTQᵀ of order ${n}`);
      }
    });

    it('reduces the rows of a panel by reflectors that keep their products', () => {
      for (const [count, width] of [
        [1, 1],
        [1, 9],
        [4, 4],
        [5, 2],
        [7, 40],
        [16, 61],
        [32, 33],
      ] as const) {
        const block = randomMatrix(count, width, count + width);
        const reduced = block.slice();
        const { betas, scales } = kernelsOf().reduceBandPanel(reduced, count, width);
        // L·H(0)·…·H(count−1) is the block again: reflectors are their own inverses.
        const back = Float64Array.from(reduced);
        for (let k = 0; k < count; k++) {
          const pivot = width - count + k;
          for (let j = 0; j <= pivot; j++) back[k * width + j] = j === pivot ? betas[k]! : 0;
        }
        for (let k = 0; k < count; k++) {
          const pivot = width - count + k;
          if (pivot < 0) continue;
          const v = reduced.slice(k * width, k * width + pivot + 1);
          assert.equal(v[pivot], 1);
          for (let i = 0; i < count; i++) {
            const row = back.subarray(i * width, i * width + pivot + 1);
            const factor = scales[k]! * row.reduce((sum, value, j) => sum + value * v[j]!, 0);
            v.forEach((value, j) => (row[j] = row[j]! - factor * value));
          }
        }
        assert.ok(largestDifference(back, block) < 1e-14 * width, `${count} × ${width}`);
      }
    });

    it('reduces a band to a tridiagonal matrix with the same eigenvalues', () => {
      for (const [n, width] of [
        [1, 1],
        [2, 1],
        [3, 2],
        [9, 1],
        [10, 3],
        [33, 32],
        [64, 8],
        [131, 16],
        [200, 33],
      ] as const) {
        const full = randomSymmetric(n, n + width);
        const dense = fromElements(n, (i, j) => (Math.abs(i - j) <= width ? full[i * n + j]! : 0));
        const band = Float64Array.from({ length: n * (width + 1) }, (_, p) => {
          const i = Math.floor(p / (width + 1));
          const j = i - width + (p % (width + 1));
          return j < 0 ? NaN : dense[i * n + j]!;
        });
        const eigenvalues = tridiagonalEigenvalues(kernelsOf().tridiagonaliseBand(band, n, width));
        const expected = jacobiEigenvalues(dense, n);
        assert.ok(largestDifference(eigenvalues, expected) < 1e-13 * frobenius(dense), `order ${n}, width ${width}`);
      }
    });

    it('reads the lower triangle only', () => {
      const n = 45;
      const full = randomSymmetric(n, 3);
      const lower = fromElements(n, (i, j) => (j <= i ? full[i * n + j]! : NaN));
      assert.deepEqual(kernelsOf().tridiagonalise(lower, n, false), kernelsOf().tridiagonalise(full, n, false));
    });

    it('multiplies in every orientation', () => {
      const shapes = [
        [1, 1, 1],
        [3, 5, 2],
        [4, 4, 4],
        [17, 33, 9],
        [40, 1, 300],
        [1, 40, 513],
        [66, 35, 260],
      ] as const;
      for (const [m, n, k] of shapes) {
        for (const transA of [false, true]) {
          for (const transB of [false, true]) {
            const a = randomMatrix(m, k, m + k);
            const b = randomMatrix(k, n, k + n);
            const product = kernelsOf().multiply(a, b, m, n, k, transA, transB);
            const expected = naiveProduct(a, b, m, n, k, transA, transB);
            assert.ok(largestDifference(product, expected) < 1e-15 * k + 1e-15, `${m} ${n} ${k} ${transA} ${transB}`);
          }
        }
      }
    });

    it('forms the Gram matrix of either side', () => {
      for (const [rows, cols] of [
        [1, 1],
        [5, 3],
        [3, 5],
        [33, 66],
        [300, 37],
        [37, 301],
      ] as const) {
        const x = randomMatrix(rows, cols, rows + cols);
        const columns = naiveProduct(x, x, cols, cols, rows, true, false);
        const side = naiveProduct(x, x, rows, rows, cols, false, true);
        assert.ok(largestDifference(kernelsOf().gram(x, rows, cols, 'columns'), columns) < 1e-13);
        assert.ok(largestDifference(kernelsOf().gram(x, rows, cols, 'rows'), side) < 1e-13);
      }
    });

    it('gives the same numbers whatever was computed before', () => {
      const n = 70;
      const first = kernelsOf().tridiagonalise(randomSymmetric(n, 8), n, false);
      kernelsOf().tridiagonalise(randomSymmetric(131, 9), 131, false);
      kernelsOf().gram(randomMatrix(90, 110, 1), 90, 110, 'rows');
      assert.deepEqual(kernelsOf().tridiagonalise(randomSymmetric(n, 8), n, false), first);
    });
  });
}

describe('kernels: wasm and twin', () => {
  it('find the same tridiagonal matrix to rounding', () => {
    // Small orders only: T itself, unlike its eigenvalues, may drift apart by more than rounding as rows add up.
    for (const n of [1, 2, 3, 6, 12]) {
      const a = randomSymmetric(n, 40 + n);
      const wasm = loadKernels().tridiagonalise(a.slice(), n, false);
      const twin = kernelTwin.tridiagonalise(a.slice(), n, false);
      for (const part of ['diagonal', 'offDiagonal', 'scales'] as const) {
        assert.ok(largestDifference(wasm[part], twin[part]) < 1e-12, `${part} of order ${n}`);
      }
    }
  });

  it('reduce a panel to the same rows to rounding', () => {
    const block = randomMatrix(8, 50, 3);
    const reduced = block.slice();
    const wasm = loadKernels().reduceBandPanel(reduced, 8, 50);
    const expected = block.slice();
    const twin = kernelTwin.reduceBandPanel(expected, 8, 50);
    assert.ok(largestDifference(reduced, expected) < 1e-13);
    for (const part of ['betas', 'scales'] as const) assert.ok(largestDifference(wasm[part], twin[part]) < 1e-13);
  });

  it('count the same positive pivots of a band', () => {
    for (const [n, width] of [
      [1, 1],
      [40, 1],
      [61, 8],
      [200, 33],
    ] as const) {
      const band = randomMatrix(n, width + 1, n);
      for (let i = 0; i < n; i++) for (let at = 0; at < width - i; at++) band[i * (width + 1) + at] = NaN;
      const before = band.slice();
      const wasm = loadKernels().positivePivots(band, n, width, 1e-15);
      assert.equal(wasm, kernelTwin.positivePivots(band, n, width, 1e-15));
      assert.ok(n === 1 || (wasm > 0 && wasm < n));
      assert.deepEqual(band, before);
    }
  });

  it('find the same tridiagonal matrix of a band to rounding, up to signs', () => {
    const [n, width] = [14, 4];
    const band = randomMatrix(n, width + 1, 6);
    const wasm = loadKernels().tridiagonaliseBand(band, n, width);
    // The chase begins at the first column, the reduction of a dense matrix at the last: the twin sees it turned around.
    const turned = Float64Array.from({ length: n * (width + 1) }, (_, p) => {
      const i = Math.floor(p / (width + 1));
      const j = i - width + (p % (width + 1));
      return j < 0 ? 0 : band[(n - 1 - j) * (width + 1) + width - i + j]!;
    });
    const twin = kernelTwin.tridiagonaliseBand(turned, n, width);
    assert.ok(largestDifference(wasm.diagonal, twin.diagonal.reverse()) < 1e-12);
    const lengths = twin.offDiagonal.map(Math.abs).reverse();
    assert.ok(largestDifference(wasm.offDiagonal.map(Math.abs), lengths) < 1e-12);
  });

  it('agree on products to rounding', () => {
    const x = randomMatrix(150, 91, 2);
    const y = randomMatrix(150, 91, 4);
    const wasm = loadKernels().multiply(x, y, 91, 91, 150, true, false);
    assert.ok(largestDifference(wasm, kernelTwin.multiply(x, y, 91, 91, 150, true, false)) < 1e-13);
    const gram = loadKernels().gram(x, 150, 91, 'columns');
    assert.ok(largestDifference(gram, kernelTwin.gram(x, 150, 91, 'columns')) < 1e-13);
  });

  it('keep working after a matrix that grew the memory beyond what is kept', () => {
    const side = 3000;
    const ones = new Float64Array(side).fill(1);
    assert.equal(loadKernels().multiply(ones, ones, side, side, 1, false, false)[side * side - 1], 1);
    const two = Float64Array.of(1, 2, 3, 4);
    assert.deepEqual([...loadKernels().multiply(two, two, 2, 2, 2, false, false)], [7, 10, 15, 22]);
  });

  it('refuse what cannot fit into 4 GiB', () => {
    assert.throws(() => loadKernels().tridiagonalise(new Float64Array(0), 40_000, false), RangeError);
  });
});

/** T as a dense matrix, and the matrix whose rows are Q applied to the unit vectors. */
function reduce(kernels: Kernels, a: Float64Array, n: number): { reduced: Float64Array; q: Float64Array } {
  const work = a.slice();
  const { diagonal, offDiagonal, scales } = kernels.tridiagonalise(work, n, true);
  const q = identity(n);
  kernels.applyReflectors(work, scales, n, q, n);
  const reduced = fromElements(n, (i, j) => {
    if (i === j) return diagonal[i]!;
    return Math.abs(i - j) === 1 ? offDiagonal[Math.min(i, j)]! : 0;
  });
  return { reduced, q };
}

function identity(n: number): Float64Array {
  return fromElements(n, (i, j) => Number(i === j));
}
