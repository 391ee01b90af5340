/** Elements of less than a byte, against the tables that the types' definitions print and a string of bits. */
import assert from 'node:assert/strict';
import { decodePacked, packedBand, packedBits } from '../../../../extension/checkpoint/elements/packedElements';
import { safetensorsFormat } from '../../../../extension/checkpoint/safetensors/safetensors';
import type { PackedType } from '../../../../extension/shared/tensors';
import { safetensorsBytes, safetensorsFiles } from '../../../harness/checkpoints/safetensorsFixtures';

/** Positive values in the order of their codes, as OCP's Microscaling Formats 1.0, section 5.3, has them. */
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
/** Up to 7.5: four binades of eight steps, the first of them subnormal. */
const E2M3 = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 26, 28, 30, 32, 36, 40, 44]
  .concat([48, 52, 56, 60])
  .map((eighths) => eighths / 8);
/** Up to 28: eight binades of four steps. */
const E3M2 = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160]
  .concat([192, 224, 256, 320, 384, 448])
  .map((sixteenths) => sixteenths / 16);

const VALUES: Readonly<Record<PackedType, readonly number[]>> = {
  F4: [...E2M1, ...E2M1.map((value) => -value)],
  F6_E2M3: [...E2M3, ...E2M3.map((value) => -value)],
  F6_E3M2: [...E3M2, ...E3M2.map((value) => -value)],
  I4: [0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1],
  U4: Array.from({ length: 16 }, (_, code) => code),
  I2: [0, 1, -2, -1],
  U2: [0, 1, 2, 3],
};
const types = Object.keys(VALUES) as PackedType[];

/** Codes as a string of bits, the lowest of each first, cut into bytes whose first bit is the lowest. */
function packed(codes: readonly number[], type: PackedType): Uint8Array {
  const width = packedBits(type);
  const bits = codes.flatMap((code) => Array.from({ length: width }, (_, bit) => Math.floor(code / 2 ** bit) % 2));
  return Uint8Array.from({ length: Math.ceil(bits.length / 8) }, (_, byte) =>
    bits.slice(8 * byte, 8 * byte + 8).reduce((sum, bit, place) => sum + bit * 2 ** place, 0),
  );
}

function numbers(bytes: Uint8Array, type: PackedType): number[] {
  if (type.startsWith('F')) return [...new Float32Array(bytes.slice().buffer)];
  return type.startsWith('I') ? [...new Int8Array(bytes.slice().buffer)] : [...bytes];
}

describe('packed elements', () => {
  const { opened, save } = safetensorsFiles();

  it('have the values of their codes', () => {
    for (const type of types) {
      const codes = VALUES[type].map((_, code) => code);
      assert.equal(codes.length, 2 ** packedBits(type));
      assert.deepEqual(numbers(decodePacked(packed(codes, type), type, 0, codes.length), type), VALUES[type], type);
    }
  });

  it('stand in a byte with the first in its lower half', () => {
    assert.deepEqual(numbers(decodePacked(Uint8Array.of(0x72), 'F4', 0, 2), 'F4'), [1, 6]);
    assert.deepEqual(numbers(decodePacked(Uint8Array.of(0x8f), 'I4', 0, 2), 'I4'), [-1, -8]);
    assert.deepEqual(numbers(decodePacked(Uint8Array.of(0b11_10_01_00), 'U2', 0, 4), 'U2'), [0, 1, 2, 3]);
  });

  it('of any band of rows are those of the whole', () => {
    for (const type of types) {
      const shape = [7, 3];
      const codes = Array.from({ length: 21 }, (_, i) => (5 * i + 3) % 2 ** packedBits(type));
      const bytes = packed(codes, type);
      for (let start = 0; start <= 7; start++) {
        for (let end = start; end <= 7; end++) {
          const { offset, length, skip, count } = packedBand({ name: 'w', shape }, type, { start, end });
          const band = decodePacked(bytes.subarray(offset, offset + length), type, skip, count);
          const expected = codes.slice(3 * start, 3 * end).map((code) => VALUES[type][code]!);
          assert.deepEqual(numbers(band, type), expected, `${type} ${start} to ${end}`);
        }
      }
    }
  });

  it('have no rows outside of their tensor', () => {
    for (const rows of [
      { start: -1, end: 1 },
      { start: 0, end: 3 },
      { start: 2, end: 1 },
      { start: 0.5, end: 1 },
    ]) {
      assert.throws(() => packedBand({ name: 'w', shape: [2, 2] }, 'F4', rows), RangeError);
    }
  });

  it('are read from safetensors as float32, and listed as what they are stored as', async () => {
    for (const type of ['F4', 'F6_E2M3', 'F6_E3M2'] as const) {
      const codes = Array.from({ length: 24 }, (_, i) => (7 * i + 1) % 2 ** packedBits(type));
      const bytes = packed(codes, type);
      const after = { name: 'after', dtype: 'U8', shape: [1], bytes: Uint8Array.of(9) };
      await opened(safetensorsBytes([{ name: 'w', dtype: type, shape: [4, 6], bytes }, after]), async (checkpoint) => {
        assert.deepEqual(checkpoint.problems, []);
        const [w] = checkpoint.tensors;
        assert.deepEqual([w!.dtype, w!.byteLength], ['F32', 96]);
        assert.deepEqual(w!.encoding, { name: type, byteLength: bytes.length });
        const expected = codes.map((code) => VALUES[type][code]!);
        assert.deepEqual(numbers(await checkpoint.read(w!), type), expected);
        const band = await checkpoint.read(w!, { start: 1, end: 3 });
        assert.deepEqual(numbers(band, type), expected.slice(6, 18));
      });
    }
  });

  it('that do not fill their bytes make a malformed entry', async () => {
    const file = save(safetensorsBytes([{ name: 'w', dtype: 'F4', shape: [1, 3], bytes: Uint8Array.of(1, 2) }]));
    const checkpoint = await safetensorsFormat.open(file);
    assert.deepEqual(
      checkpoint.problems.map(({ code, tensor }) => [code, tensor]),
      [['malformed', 'w']],
    );
    await checkpoint.close();
  });
});
