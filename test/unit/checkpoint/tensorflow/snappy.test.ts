import assert from 'node:assert/strict';
import { decompressSnappy, SnappyError } from '../../../../extension/checkpoint/tensorflow/snappy';
import { snappyLiterals } from '../../../harness/checkpoints/tensorBundleWriter';

const text = (input: Uint8Array): string => Buffer.from(decompressSnappy(input, 1000)).toString('latin1');

/** Elements behind the length, as the format's description has them. */
const compressed = (length: number, ...elements: readonly (number | string)[]): Uint8Array =>
  Buffer.concat([
    Buffer.of(length),
    ...elements.map((element) => (typeof element === 'string' ? Buffer.from(element, 'latin1') : Buffer.of(element))),
  ]);

describe('Snappy', () => {
  it('reads literals, with their length in the tag or in up to four bytes behind it', () => {
    assert.equal(text(compressed(0)), '');
    assert.equal(text(compressed(3, 2 << 2, 'abc')), 'abc');
    assert.equal(text(compressed(3, 60 << 2, 2, 'abc')), 'abc');
    assert.equal(text(compressed(3, 61 << 2, 2, 0, 'abc')), 'abc');
    assert.equal(text(compressed(3, 62 << 2, 2, 0, 0, 'abc')), 'abc');
    assert.equal(text(compressed(3, 63 << 2, 2, 0, 0, 0, 'abc')), 'abc');
    const long = Uint8Array.from({ length: 777 }, (_, i) => i);
    assert.deepEqual(decompressSnappy(snappyLiterals(long), 777), long);
  });

  it('reads copies with distances of one, two and four bytes', () => {
    // 1: length − 4 in three bits, the distance's upper three bits in the tag.
    assert.equal(text(compressed(9, 4 << 2, 'abcde', ((4 - 4) << 2) | 1, 5)), 'abcdeabcd');
    assert.equal(text(compressed(8, 4 << 2, 'abcde', (2 << 2) | 2, 4, 0)), 'abcdebcd');
    assert.equal(text(compressed(8, 4 << 2, 'abcde', (2 << 2) | 3, 4, 0, 0, 0)), 'abcdebcd');
    const before = `b${'a'.repeat(700)}`;
    const far = Buffer.concat([
      Buffer.of(0xc1, 0x05, 61 << 2, 700 & 0xff, 700 >> 8),
      Buffer.from(before),
      Buffer.of(((701 >> 8) << 5) | 1, 701 & 0xff),
    ]);
    assert.equal(text(far), `${before}baaa`);
  });

  it('repeats what a copy has just written', () => {
    assert.equal(text(compressed(11, 0, 'a', (9 << 2) | 2, 1, 0)), 'aaaaaaaaaaa');
    assert.equal(text(compressed(8, 1 << 2, 'ab', (5 << 2) | 2, 2, 0)), 'abababab');
  });

  it('refuses what leads nowhere', () => {
    const cases: [string, Uint8Array, RegExp][] = [
      ['nothing', Buffer.alloc(0), /end inside their length/],
      ['a length without an end', Buffer.of(0xff, 0xff), /end inside their length/],
      ['a length of 33 bits', Buffer.of(0xff, 0xff, 0xff, 0xff, 0x1f), /more than 32 bits/],
      ['a cut literal', compressed(3, 2 << 2, 'ab'), /end inside a literal/],
      ['a cut length of a literal', compressed(3, 61 << 2, 2), /end inside an element/],
      ['a cut copy', compressed(9, 4 << 2, 'abcde', 2, 1), /end inside an element/],
      ['a copy from before the beginning', compressed(9, 4 << 2, 'abcde', 1, 6), /before their beginning/],
      ['a copy of distance 0', compressed(9, 4 << 2, 'abcde', 1, 0), /before their beginning/],
      ['more than promised', compressed(2, 2 << 2, 'abc'), /more than they promise/],
      ['a copy of more than promised', compressed(8, 4 << 2, 'abcde', 1, 5), /more than they promise/],
      ['less than promised', compressed(4, 2 << 2, 'abc'), /hold 3 bytes and promise 4/],
      ['a literal of 2³² bytes', compressed(3, 63 << 2, 255, 255, 255, 255, 'abc'), /end inside a literal/],
    ];
    for (const [name, input, message] of cases) {
      assert.throws(() => decompressSnappy(input, 1000), { name: SnappyError.name, message }, name);
    }
  });

  it('makes no buffer beyond the limit', () => {
    assert.throws(() => decompressSnappy(Buffer.of(0xff, 0xff, 0xff, 0xff, 0x0f), 1000), { tooLong: true });
    assert.throws(() => decompressSnappy(compressed(101, 0, 'a'), 100), { tooLong: true, message: /101 bytes.*100/ });
  });
});
