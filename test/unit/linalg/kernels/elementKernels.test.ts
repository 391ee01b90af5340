/** The kernels over elements against their plain twins: widening to the bit, sums exactly where they are exact. */
import assert from 'node:assert/strict';
import { dtypes, elementSize, widen } from '../../../../extension/checkpoint/elements/dtype';
import { widenElements, widenPart } from '../../../../extension/engine/worker/widenElements';
import { isNarrow, loadElementKernels, MAX_BLOCK } from '../../../../extension/linalg/kernels/elementKernels';
import { blockMoments } from '../../../../extension/spectral/metrics/statistics';
import { generator } from '../../../harness/checkpoints/madeCheckpoints';

const narrow = dtypes.filter(isNarrow);

/** Seeded bytes: every pattern of the narrow types, NaN and denormals among them. */
function randomBytes(length: number): Uint8Array {
  const next = generator(length);
  return Uint8Array.from({ length }, () => 256 * next());
}

function assertSame(found: Float64Array, expected: Float64Array, what: string): void {
  assert.equal(found.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(found[i], expected[i])) assert.fail(`${what}: element ${i} is ${found[i]!}, not ${expected[i]!}`);
  }
}

describe('kernels over elements: widening', () => {
  it('is for the floating types below 32 bits', () => {
    assert.deepEqual(narrow, ['F16', 'BF16', 'F8_E4M3', 'F8_E5M2', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ', 'F8_E8M0']);
  });

  it('gives every pattern of 8 and 16 bits what its plain twin gives it', () => {
    const codes16 = new Uint8Array(Uint16Array.from({ length: 65536 }, (_, code) => code).buffer);
    const codes8 = Uint8Array.from({ length: 256 }, (_, code) => code);
    for (const dtype of narrow) {
      const codes = elementSize(dtype) === 2 ? codes16 : codes8;
      assertSame(widenElements(codes, dtype), widen(codes, dtype), dtype);
    }
  });

  it('takes any number of elements, at any byte of a buffer', () => {
    const bytes = randomBytes(3 * MAX_BLOCK * 2);
    for (const dtype of narrow) {
      const size = elementSize(dtype);
      const counts = [0, 1, 2, 3, 4, 5, 7, 8, 17, MAX_BLOCK - 1, MAX_BLOCK, MAX_BLOCK + 1, 2 * MAX_BLOCK + 3];
      for (const [offset, count] of counts.entries()) {
        const stored = bytes.subarray(offset, offset + count * size);
        assertSame(widenElements(stored, dtype), widen(stored, dtype), `${count} of ${dtype} at byte ${offset}`);
      }
    }
  });

  it('writes the elements it is given and no other', () => {
    const out = new Float64Array(7).fill(9);
    widenElements(Uint8Array.of(0x80, 0x3f, 0, 0xc0), 'BF16', out.subarray(2, 4));
    assert.deepEqual([...out], [9, 9, 1, -2, 9, 9, 9]);
  });

  it('refuses lengths that do not fit', () => {
    assert.throws(() => widenElements(new Uint8Array(4), 'BF16', new Float64Array(3)), RangeError);
    assert.throws(() => widenElements(new Uint8Array(3), 'F16', new Float64Array(1)), RangeError);
  });

  it('of the other types is the typed arrays’ own', () => {
    for (const dtype of dtypes.filter((name) => !isNarrow(name) && !name.startsWith('C'))) {
      const bytes = randomBytes(64);
      assertSame(widenElements(bytes, dtype), widen(bytes, dtype), dtype);
    }
  });
});

describe('parts of a stored matrix', () => {
  const [rows, cols] = [37, 53];

  it('are cut out and transposed as their elements say', () => {
    for (const dtype of ['BF16', 'F8_E4M3', 'F32', 'I64'] as const) {
      const bytes = randomBytes(rows * cols * elementSize(dtype));
      const all = widen(bytes, dtype);
      const parts = [
        { row: 0, col: 0, rows, cols },
        { row: 5, col: 0, rows: 30, cols },
        { row: 3, col: 7, rows: 17, cols: 40 },
        { row: 36, col: 52, rows: 1, cols: 1 },
        { row: 20, col: 1, rows: 16, cols: 1 },
      ];
      for (const part of parts) {
        const at = (i: number, j: number): number => all[(part.row + i) * cols + part.col + j]!;
        const expected = Float64Array.from({ length: part.rows * part.cols }, (_, k) =>
          at(Math.floor(k / part.cols), k % part.cols),
        );
        const turned = Float64Array.from({ length: part.rows * part.cols }, (_, k) =>
          at(k % part.rows, Math.floor(k / part.rows)),
        );
        const what = `${dtype} ${JSON.stringify(part)}`;
        assertSame(widenPart(bytes, dtype, cols, part, false), expected, what);
        assertSame(widenPart(bytes, dtype, cols, part, true), turned, `${what} transposed`);
      }
    }
  });
});

describe('kernels over elements: sums', () => {
  const { moments } = loadElementKernels();

  it('are exact where the numbers are small integers', () => {
    for (const length of [1, 2, 3, 4, 5, 6, 7, 8, 31, 1000, MAX_BLOCK]) {
      const next = generator(length);
      // An even number of each sign, so that the mean is 0.
      const half = Float64Array.from({ length: Math.floor(length / 2) }, () => Math.floor(9 * next()));
      const block = Float64Array.of(...half, ...half.map((value) => -value), ...(length % 2 === 1 ? [0] : []));
      assert.deepEqual(moments(block), blockMoments(block), `${length} elements`);
    }
  });

  it('agree with the plain ones to rounding', () => {
    for (const [length, shift] of [
      [4096, 0],
      [4095, 0],
      [777, 1e9],
      [3, -1e-120],
      [1, 5],
    ] as const) {
      const next = generator(length);
      const block = Float64Array.from({ length }, () => shift + (next() - 0.5) * (shift || 1));
      const [found, expected] = [moments(block), blockMoments(block)];
      assert.deepEqual([found.min, found.max, found.zeros], [expected.min, expected.max, expected.zeros]);
      for (const key of ['sum', 'deviations', 'squares'] as const) {
        const scale = key === 'deviations' ? expected.squares : Math.abs(expected[key]);
        assert.ok(Math.abs(found[key] - expected[key]) <= 1e-13 * length * scale, `${key} of ${length}`);
      }
    }
  });

  it('pass over NaN in the range, and let NaN and Inf through the sums', () => {
    for (let at = 0; at < 9; at++) {
      for (const odd of [NaN, Infinity, -Infinity]) {
        const block = Float64Array.of(1, -2, 3, 0, -0, 6, 7, -8, 9);
        block[at] = odd;
        const [found, expected] = [moments(block), blockMoments(block)];
        assert.deepEqual([found.min, found.max, found.zeros], [expected.min, expected.max, expected.zeros]);
        assert.equal(Number.isFinite(found.sum), false);
        assert.equal(found.sum, expected.sum);
      }
    }
  });

  it('refuse a block that does not fit', () => {
    assert.throws(() => moments(new Float64Array(MAX_BLOCK + 1)), RangeError);
  });
});
