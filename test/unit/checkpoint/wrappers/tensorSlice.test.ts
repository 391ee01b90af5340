/** Parts of stored matrices read the elements that NumPy's indexing gives. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Checkpoint, TensorInfo } from '../../../../extension/checkpoint/checkpoint';
import { bandBytes } from '../../../../extension/checkpoint/elements/rowBand';
import { slicedTensor, withSlices } from '../../../../extension/checkpoint/wrappers/tensorSlice';
import type { Runs } from '../../../../extension/shared/tensors';

/** A tensor of 32-bit elements that tell where they are, and every read of it. */
function stored(shape: readonly number[]): { checkpoint: Checkpoint; tensor: TensorInfo; reads: number[] } {
  const count = shape.reduce((product, size) => product * size, 1);
  const elements = new Uint32Array(count);
  for (let i = 0; i < count; i++) elements[i] = i;
  const bytes = new Uint8Array(elements.buffer);
  const tensor: TensorInfo = { name: 'w', group: '', shape, dtype: 'F32', byteLength: 4 * count, kernelLayout: 'OI…' };
  const reads: number[] = [];
  const checkpoint: Checkpoint = {
    ...{ path: 'w', files: ['w'], format: 'made', metadata: {}, tensors: [tensor], problems: [] },
    read: (info, rows) => {
      const { offset, length } = bandBytes(info, rows);
      reads.push(length);
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
    close: () => Promise.resolve(),
  };
  return { checkpoint: withSlices(checkpoint), tensor, reads };
}

const indices = ({ start, length, step, count }: Runs): number[] =>
  Array.from({ length: length * count }, (_, i) => start + Math.floor(i / length) * step + (i % length));

const one = (start: number, length: number): Runs => ({ start, length, step: length, count: 1 });

/** w[index][rows][:, cols], rows [from, to) of it. */
function expected(shape: readonly number[], index: number, rows: Runs, cols: Runs, from: number, to: number): number[] {
  const [height, width] = shape.slice(-2) as [number, number];
  return indices(rows)
    .slice(from, to)
    .flatMap((row) => indices(cols).map((col) => (index * height + row) * width + col));
}

const runs = (size: number): fc.Arbitrary<Runs> =>
  fc
    .record({
      ...{ start: fc.nat(size - 1), length: fc.integer({ min: 1, max: size }) },
      ...{ gap: fc.nat(size), count: fc.integer({ min: 1, max: size }) },
    })
    .map(({ start, length, gap, count }) => ({ start, length, step: length + gap, count }))
    .filter(({ start, length, step, count }) => start + (count - 1) * step + length <= size);

describe('a part of a stored matrix', () => {
  it('has the elements of its rows and columns, in any band, of a matrix or of one in a stack', async () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.constantFrom(0, 3));
    await fc.assert(
      fc.asyncProperty(
        sizes.chain(([height, width, stack]) =>
          fc.record({
            shape: fc.constant(stack > 0 ? [stack, height, width] : [height, width]),
            ...{ rows: runs(height), cols: runs(width) },
            index: fc.nat(Math.max(0, stack - 1)),
            band: fc.tuple(fc.nat(12), fc.nat(12)),
          }),
        ),
        async ({ shape, rows, cols, index, band }) => {
          const { checkpoint, tensor } = stored(shape);
          const part = slicedTensor('p', { of: tensor, rows, cols, ...(shape.length === 3 && { index }) });
          const [count] = part.shape as [number, number];
          assert.equal(part.byteLength, 4 * part.shape[0]! * part.shape[1]!);
          const [start, end] = band.map((at) => at % (count + 1)).sort((a, b) => a - b) as [number, number];
          const bytes = await checkpoint.read(part, { start, end });
          const elements = [...new Uint32Array(bytes.buffer)];
          assert.deepEqual(elements, expected(shape, shape.length === 3 ? index : 0, rows, cols, start, end));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('reads the runs of its rows alone where they lie far apart, and along where they are near', async () => {
    const far = stored([4096, 1024]);
    // 1024 rows of 4 kB between the runs.
    const heads = { start: 0, length: 16, step: 1040, count: 3 };
    await far.checkpoint.read(slicedTensor('p', { of: far.tensor, rows: heads, cols: one(0, 1024) }));
    assert.deepEqual(far.reads, [65536, 65536, 65536]);
    const near = stored([4096, 16]);
    const turns = { start: 1, length: 1, step: 2, count: 2048 };
    await near.checkpoint.read(slicedTensor('p', { of: near.tensor, rows: turns, cols: one(0, 16) }));
    assert.deepEqual(near.reads, [64 * 4095]);
  });

  it('holds no more than a band of the stored rows at a time', async () => {
    const { checkpoint, tensor, reads } = stored([5000, 1000]);
    const part = slicedTensor('p', { of: tensor, rows: one(0, 5000), cols: one(999, 1) });
    const bytes = await checkpoint.read(part);
    assert.deepEqual([...new Uint32Array(bytes.buffer, 4 * 4998)], [4998 * 1000 + 999, 4999 * 1000 + 999]);
    assert.ok(reads.length > 1 && Math.max(...reads) <= 16 * 1024 * 1024, `${reads.join(', ')} bytes`);
  });

  it('has its share of what is stored encoded, and is unreadable where the tensor is', () => {
    const { tensor } = stored([8, 8]);
    const encoded = { ...tensor, encoding: { name: 'Q4_0', byteLength: 36 } };
    const part = slicedTensor('p', { of: encoded, rows: one(0, 4), cols: one(0, 8) });
    assert.deepEqual(part.encoding, { name: 'Q4_0', byteLength: 18 });
    const lost = { ...tensor, unreadable: 'of a kind that nobody knows' };
    assert.equal(slicedTensor('p', { of: lost, rows: one(0, 4), cols: one(0, 8) }).unreadable, lost.unreadable);
  });

  it('refuses runs that are not within the matrix, or run into one another', () => {
    const { tensor } = stored([8, 8]);
    for (const rows of [
      one(0, 9),
      one(8, 1),
      one(-1, 2),
      one(0.5, 2),
      { start: 0, length: 2, step: 1, count: 2 },
      { start: 0, length: 1, step: 4, count: 3 },
      { start: 0, length: 1, step: 1, count: Infinity },
    ]) {
      assert.throws(() => slicedTensor('p', { of: tensor, rows, cols: one(0, 8) }), RangeError, JSON.stringify(rows));
      assert.throws(() => slicedTensor('p', { of: tensor, rows: one(0, 8), cols: rows }), RangeError);
    }
    const stack = stored([2, 8, 8]).tensor;
    assert.throws(() => slicedTensor('p', { of: stack, index: 2, rows: one(0, 8), cols: one(0, 8) }), RangeError);
  });
});
