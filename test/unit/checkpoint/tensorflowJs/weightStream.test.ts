/** Where the files of a weight group lie in its stream of bytes. */
import assert from 'node:assert/strict';
import { placeShards } from '../../../../extension/checkpoint/tensorflowJs/weightStream';
import { MIB } from '../../../harness/checkpoints/tensorflowJsModels';

describe('where the files of a weight group lie', () => {
  it('one after the other when all are whole', () => {
    assert.deepEqual(placeShards([5, 3, 9], 17), [0, 5, 8]);
    assert.deepEqual(placeShards([5, 3, 9], 16), [0, 5, 8]);
    assert.deepEqual(placeShards([5, 3], undefined), [0, 5]);
    assert.deepEqual(placeShards([], 0), []);
  });

  it('at multiples of a size that two files agree on', () => {
    assert.deepEqual(placeShards([10, undefined, 10, 4], 34), [0, undefined, 20, 30]);
    assert.deepEqual(placeShards([10, 7, 10, 4], 34), [0, 10, 20, 30]);
    assert.deepEqual(placeShards([10, 10, 10, 1], 34), [0, 10, 20, 30]);
    assert.deepEqual(placeShards([10, 10, 10, undefined], 34), [0, 10, 20, undefined]);
  });

  it('at multiples of the converter’s own size', () => {
    assert.deepEqual(placeShards([undefined, 4 * MIB, 5], 8 * MIB + 5), [undefined, 4 * MIB, 8 * MIB]);
  });

  it('nowhere but the first, when nothing proves the size', () => {
    assert.deepEqual(placeShards([7, 4], 14), [0, undefined]);
    assert.deepEqual(placeShards([undefined, 10, 4], 24), [undefined, undefined, undefined]);
    // Two files agree, but then the last would be longer than they are.
    assert.deepEqual(placeShards([5, 5, 3], 20), [0, undefined, undefined]);
  });
});
