import assert from 'node:assert/strict';
import { transpose } from '../../../../extension/linalg/kernels/transpose';
import { randomMatrix } from '../../../harness/numbers/denseReference';

describe('transposition', () => {
  for (const [rows, cols] of [
    [1, 7],
    [7, 1],
    [33, 65],
    [64, 32],
  ] as const) {
    it(`of ${rows}×${cols} swaps rows and columns`, () => {
      const x = randomMatrix(rows, cols, 5);
      const turned = transpose(x, rows, cols);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < cols; j++) assert.equal(turned[j * rows + i], x[i * cols + j]);
      }
    });
  }
});
