/** Indices of elements in a layer's table. */
import assert from 'node:assert/strict';
import { indicesOf, type ElementTable } from '../../../extension/shared/elements';
import { arrayFileName } from '../../../extension/shared/names/arrayFileName';

const table = (shape: number[], cols: number, offset = 0): ElementTable => ({
  ...{ layer: 'w', dtype: 'F32', shape, cols, offset },
  rows: shape.reduce((product, size) => product * size, 1) / cols,
});

describe('indices of elements', () => {
  it('are those of the tensor, whatever its table is', () => {
    assert.deepEqual(indicesOf(table([4, 6], 6), 3, 5), [3, 5]);
    assert.deepEqual(indicesOf(table([12, 5, 3, 3], 45), 7, 44), [7, 4, 2, 2]);
    assert.deepEqual(indicesOf(table([3, 3, 5, 8], 8), 10, 7), [0, 2, 0, 7]);
    assert.deepEqual(indicesOf(table([3, 20, 16], 16, 2 * 320), 19, 15), [2, 19, 15]);
    assert.deepEqual(indicesOf(table([33], 1), 32, 0), [32]);
    assert.deepEqual(indicesOf(table([], 1), 0, 0), []);
  });
});

describe('the name of a saved array', () => {
  it('says what it holds, in characters that any file system takes', () => {
    assert.equal(arrayFileName('a/b:<c>.weight', { kind: 'tensor' }), 'a_b_c_.weight.npy');
    assert.equal(arrayFileName('w', { kind: 'singular-values' }), 'w-sigma.npy');
    const range = { row: 2, rows: 3, col: 0, cols: 8 };
    assert.equal(arrayFileName('w', { kind: 'slice', range }), 'w-rows2-4-columns0-7.npy');
    assert.ok(arrayFileName('x'.repeat(4000), { kind: 'tensor' }).length < 130);
  });
});
