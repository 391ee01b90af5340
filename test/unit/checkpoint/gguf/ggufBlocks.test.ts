import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { grid, type GridName } from '../../../../extension/checkpoint/gguf/ggufGrids';
import { ggmlType, swapBlocks, type BlockType } from '../../../../extension/checkpoint/gguf/ggufTypes';
import { ggufFiles, GgufWriter } from '../../../harness/checkpoints/ggufWriter';
import { fixtures, grids } from './ggufFixtures.json';

const TYPES = new Map(
  Array.from({ length: 43 }, (_, id) => [id, ggmlType(id)] as const).flatMap(([id, type]) =>
    'decode' in type ? [[type.name, { id, type }] as const] : [],
  ),
);

function decode(type: BlockType, bytes: Uint8Array): Float32Array {
  const out = new Float32Array((bytes.length / type.bytes) * type.elements);
  type.decode(bytes, 0, bytes.length / type.bytes, out, 0);
  return out;
}

/** Bits of a float16: enough of it for scales in tests. */
const half = (value: 1 | -0.5 | 2): [number, number] =>
  ({ [1]: [0x00, 0x3c], [-0.5]: [0x00, 0xb8], [2]: [0x00, 0x40] })[value] as [number, number];

describe('quantised blocks of GGUF', () => {
  for (const [name, { blocks, values }] of Object.entries(fixtures)) {
    it(`gives the bits that ggml makes of ${name}`, () => {
      const { type } = TYPES.get(name)!;
      const bits = Buffer.from(decode(type, Buffer.from(blocks, 'base64')).buffer);
      assert.equal(bits.toString('base64'), values);
    });
  }

  it('covers every type that is decoded, but for Q8_1, which ggml itself never decodes', () => {
    assert.deepEqual(
      [...TYPES.keys()].filter((name) => !(name in fixtures)),
      ['Q8_1'],
    );
  });

  it('takes Q8_1 for Q8_0 with a sum behind the scale', () => {
    const codes = Int8Array.from({ length: 32 }, (_, i) => 8 * i - 128);
    const block = Uint8Array.of(...half(-0.5), 0xff, 0xff, ...new Uint8Array(codes.buffer));
    assert.deepEqual(
      [...decode(TYPES.get('Q8_1')!.type, block)],
      [...codes].map((code) => code * -0.5),
    );
  });

  it('has the lower halves of Q4_0 first, then the upper ones (by hand)', () => {
    const block = Uint8Array.of(...half(2), ...Array.from({ length: 16 }, (_, i) => i | ((15 - i) << 4)));
    const steps = Array.from({ length: 16 }, (_, i) => 2 * (i - 8));
    assert.deepEqual([...decode(TYPES.get('Q4_0')!.type, block)], [...steps, ...steps.reverse()]);
  });

  it('has the elements of Q4_K in groups of 32, each with its scale and minimum (by hand)', () => {
    // Scale 1 and minimum 2 in every group: the upper four have their lower bits in the last four bytes.
    const scales = [1, 1, 1, 1, 2, 2, 2, 2, 0x21, 0x21, 0x21, 0x21];
    const codes = Array.from({ length: 128 }, (_, i) => (i >> 5) | ((15 - (i >> 5)) << 4));
    const block = Uint8Array.of(...half(1), ...half(2), ...scales, ...codes);
    const groups = [0, 15, 1, 14, 2, 13, 3, 12].map((code) => code - 4);
    assert.deepEqual(
      [...decode(TYPES.get('Q4_K')!.type, block)],
      groups.flatMap((value) => Array.from({ length: 32 }, () => value)),
    );
  });

  it('unpacks codebooks to those of ggml', () => {
    for (const [name, sum] of Object.entries(grids)) {
      assert.equal(
        createHash('sha256')
          .update(grid(name as GridName))
          .digest('hex'),
        sum,
        name,
      );
    }
  });

  it('turns every number of a block round exactly once', () => {
    for (const { type } of TYPES.values()) {
      const bytes = Uint8Array.from({ length: 2 * type.bytes }, (_, i) => i);
      const swapped = Uint8Array.from(bytes);
      swapBlocks(swapped, type);
      const moved = type.numbers.reduce((sum, { size, count = 1 }) => sum + size * count, 0);
      assert.equal(swapped.filter((byte, i) => byte !== bytes[i]).length, 2 * moved, type.name);
      swapBlocks(swapped, type);
      assert.deepEqual(swapped, bytes, type.name);
    }
  });

  describe('in a file', () => {
    const files = ggufFiles();

    for (const bigEndian of [false, true]) {
      it(`are read in bands of rows, ${bigEndian ? 'big' : 'little'}-endian`, async () => {
        const tensors = Object.entries(fixtures).map(([name, { blocks }]) => {
          const { id, type } = TYPES.get(name)!;
          const bytes = Uint8Array.from(Buffer.from(blocks, 'base64'));
          const rows = bytes.length / type.bytes;
          if (bigEndian) swapBlocks(bytes, type);
          return { name, dims: [type.elements, rows], type: id, bytes };
        });
        await files.opened(new GgufWriter(bigEndian).file({ tensors }), async (checkpoint) => {
          assert.deepEqual(checkpoint.problems, []);
          for (const tensor of checkpoint.tensors) {
            const { name, shape, dtype, encoding } = tensor;
            const expected = Buffer.from(fixtures[name as keyof typeof fixtures].values, 'base64');
            assert.deepEqual([dtype, encoding?.name, tensor.byteLength], ['F32', name, expected.length]);
            assert.deepEqual(Buffer.from(await checkpoint.read(tensor)), expected, name);
            const band = await checkpoint.read(tensor, { start: 1, end: shape[0]! });
            assert.deepEqual(Buffer.from(band), expected.subarray(4 * shape[1]!), name);
          }
        });
      });
    }
  });
});
