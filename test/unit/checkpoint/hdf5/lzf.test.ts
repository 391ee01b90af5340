import assert from 'node:assert/strict';
import { decompressLzf } from '../../../../extension/checkpoint/hdf5/lzf';

describe('LZF', () => {
  const text = (packed: number[], maxLength = 100): string | undefined => {
    const result = decompressLzf(Uint8Array.from(packed), maxLength);
    return result && Buffer.from(result).toString();
  };
  const [a, b] = [97, 98];

  it('gives runs, copies of what came before, and copies that go on into themselves', () => {
    assert.equal(text([1, a, b]), 'ab');
    // Three bytes, from two before; then nine and five more, from one before.
    assert.equal(text([1, a, b, 1 << 5, 1]), 'ababa');
    assert.equal(text([0, a, 7 << 5, 5, 0]), 'a'.repeat(1 + 7 + 5 + 2));
    assert.equal(text([]), '');
  });

  it('stops at the length that is asked for, whatever is packed', () => {
    assert.equal(text([0, a, 7 << 5, 255, 0], 4), 'aaaa');
    assert.equal(text([2, a, b, a], 2), 'ab');
  });

  it('refuses copies of nothing, and what ends too early', () => {
    assert.equal(text([1 << 5, 0]), undefined);
    assert.equal(text([0, a, 1 << 5, 1]), undefined);
    assert.equal(text([3, a]), undefined);
    assert.equal(text([0, a, 1 << 5]), undefined);
  });
});
