import assert from 'node:assert/strict';
import { gram } from '../../../../extension/linalg/gram/gram';
import { kernelTwin } from '../../../../extension/linalg/kernels/kernelTwin';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { largestDifference, naiveProduct, randomMatrix } from '../../../harness/numbers/denseReference';
import { transpose } from '../../../../extension/linalg/kernels/transpose';

describe('gram', () => {
  for (const kernels of [loadKernels(), kernelTwin]) {
    it(`takes the smaller side, symmetric to the last bit: ${kernels.kind}`, () => {
      for (const [rows, cols] of [
        [9, 4],
        [4, 9],
        [50, 50],
        [130, 67],
        [67, 290],
      ] as const) {
        const x = randomMatrix(rows, cols, 8);
        const tall = rows >= cols;
        const { matrix, n } = gram(x, rows, cols, kernels);
        assert.equal(n, Math.min(rows, cols));
        const expected = naiveProduct(x, x, n, n, Math.max(rows, cols), tall, !tall);
        assert.ok(largestDifference(matrix, expected) < 1e-13);
        assert.deepEqual(matrix, transpose(matrix, n, n));
      }
    });
  }

  it('rejects a matrix of another size', () => {
    assert.throws(() => gram(new Float64Array(7), 2, 3), RangeError);
  });

  it('of nothing is empty', () => {
    assert.deepEqual(gram(new Float64Array(0), 0, 5), { matrix: new Float64Array(0), n: 0 });
  });
});
