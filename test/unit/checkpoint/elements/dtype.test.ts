import assert from 'node:assert/strict';
import { CheckpointError } from '../../../../extension/checkpoint/checkpointError';
import { dtypes, elementSize, isDType, isFloating, widen } from '../../../../extension/checkpoint/elements/dtype';

const codes16 = Uint16Array.from({ length: 65536 }, (_, code) => code);
const codes8 = Uint8Array.from({ length: 256 }, (_, code) => code);

function bytesOf(array: { buffer: ArrayBuffer }): Uint8Array {
  return new Uint8Array(array.buffer);
}

/** The float32 with these bits. */
function float32(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits >>> 0);
  return view.getFloat32(0);
}

/** A half by rebiasing its exponent into a float32's bits; subnormals are counts of 2⁻²⁴. */
function half(code: number): number {
  const sign = (code & 0x8000) << 16;
  const magnitude = code & 0x7fff;
  if (magnitude < 0x400) return float32(sign | 0x3f800000) * (magnitude / 16777216);
  if (magnitude >= 0x7c00) return float32(sign | 0x7f800000 | ((magnitude & 0x3ff) << 13));
  return float32(sign | ((magnitude << 13) + (112 << 23)));
}

describe('widening elements to float64', () => {
  it('gives all 65536 halves their value', () => {
    const values = widen(bytesOf(codes16), 'F16');
    for (let code = 0; code < 65536; code++) assert.ok(Object.is(values[code], half(code)), `0x${code.toString(16)}`);
  });

  it('gives all 65536 bfloat16 their value: the upper half of a float32', () => {
    const values = widen(bytesOf(codes16), 'BF16');
    for (let code = 0; code < 65536; code++) {
      assert.ok(Object.is(values[code], float32(code << 16)), `0x${code.toString(16)}`);
    }
  });

  it('gives all 256 F8_E5M2 their value: the upper byte of a half', () => {
    const values = widen(codes8, 'F8_E5M2');
    for (let code = 0; code < 256; code++)
      assert.ok(Object.is(values[code], half(code << 8)), `0x${code.toString(16)}`);
  });

  it('gives all 256 F8_E4M3 their value, by counting up in the format’s steps', () => {
    const values = widen(codes8, 'F8_E4M3');
    // 8 codes a binade: the first two binades in steps of 2⁻⁹, every further one in twice the step of the one before.
    let value = 0;
    for (let code = 0; code < 127; code++) {
      assert.ok(Object.is(values[code], value), `0x${code.toString(16)}`);
      assert.ok(Object.is(values[code + 128], -value), `0x${(code + 128).toString(16)}`);
      value += 2 ** (Math.max(0, (code >> 3) - 1) - 9);
    }
    assert.equal(values[0x7e], 448);
    assert.ok(Number.isNaN(values[0x7f]) && Number.isNaN(values[0xff]));
  });

  it('gives all 256 of the FNUZ types their value, by counting up: the first binade twice, NaN where −0 would be', () => {
    for (const [dtype, stepsPerBinade, step, largest] of [
      ['F8_E4M3FNUZ', 8, 2 ** -10, 240],
      ['F8_E5M2FNUZ', 4, 2 ** -17, 57344],
    ] as const) {
      const values = widen(codes8, dtype);
      let value = 0;
      for (let code = 0; code < 128; code++) {
        assert.ok(Object.is(values[code], value), `${dtype} 0x${code.toString(16)}`);
        if (code > 0) assert.ok(Object.is(values[code + 128], -value), `${dtype} 0x${(code + 128).toString(16)}`);
        if (code < 127) value += step * 2 ** Math.max(0, Math.floor(code / stepsPerBinade) - 1);
      }
      assert.equal(value, largest);
      assert.ok(Number.isNaN(values[0x80]));
    }
  });

  it('gives all 256 F8_E8M0 their power of two', () => {
    const values = widen(codes8, 'F8_E8M0');
    for (let code = 0; code < 255; code++) assert.equal(values[code], 2 ** (code - 127));
    assert.ok(Number.isNaN(values[255]));
  });

  it('rounds 64-bit integers to the nearest double', () => {
    const signed = BigInt64Array.of(
      0n,
      -1n,
      1n,
      2n ** 53n + 1n,
      -(2n ** 53n) - 3n,
      2n ** 63n - 1n,
      -(2n ** 63n),
      1n << 32n,
    );
    assert.deepEqual(widen(bytesOf(signed), 'I64'), Float64Array.from(signed, Number));
    const unsigned = BigUint64Array.of(0n, 1n, 2n ** 64n - 1n, 2n ** 63n, 2n ** 53n + 1n, 0xffffffffn);
    assert.deepEqual(widen(bytesOf(unsigned), 'U64'), Float64Array.from(unsigned, Number));
  });

  it('keeps the other types as they are', () => {
    const numbers = [0, 1, 2, 127, 128, 255];
    assert.deepEqual(
      widen(bytesOf(Float64Array.of(-0, Math.PI, Infinity)), 'F64'),
      Float64Array.of(-0, Math.PI, Infinity),
    );
    assert.deepEqual(widen(bytesOf(Float32Array.of(0.1, -0, NaN)), 'F32'), Float64Array.of(Math.fround(0.1), -0, NaN));
    assert.deepEqual(widen(bytesOf(Int32Array.of(-(2 ** 31), 7)), 'I32'), Float64Array.of(-(2 ** 31), 7));
    assert.deepEqual(widen(bytesOf(Uint32Array.of(2 ** 32 - 1, 7)), 'U32'), Float64Array.of(2 ** 32 - 1, 7));
    assert.deepEqual(widen(bytesOf(Int16Array.of(-32768, 7)), 'I16'), Float64Array.of(-32768, 7));
    assert.deepEqual(widen(bytesOf(Uint16Array.of(65535, 7)), 'U16'), Float64Array.of(65535, 7));
    assert.deepEqual(widen(Uint8Array.from(numbers), 'U8'), Float64Array.from(numbers));
    assert.deepEqual(widen(Uint8Array.from(numbers), 'I8'), Float64Array.of(0, 1, 2, 127, -128, -1));
    assert.deepEqual(widen(Uint8Array.from(numbers), 'BOOL'), Float64Array.of(0, 1, 1, 1, 1, 1));
  });

  it('reads every type at any byte offset of a buffer', () => {
    for (const dtype of dtypes.filter((name) => !name.startsWith('C'))) {
      const plain = Uint8Array.from({ length: 48 }, (_, i) => (i * 37 + 11) % 251);
      const expected = widen(plain, dtype);
      for (let offset = 1; offset < 9; offset++) {
        const shifted = new Uint8Array(64).subarray(offset, offset + 48);
        shifted.set(plain);
        assert.deepEqual(widen(shifted, dtype), expected, `${dtype} at byte ${offset}`);
      }
    }
  });

  it('writes into the array it is given, however long', () => {
    const out = new Float64Array(4).fill(9);
    const result = widen(Uint8Array.of(1, 2), 'U8', out);
    assert.equal(result.buffer, out.buffer);
    assert.deepEqual(result, Float64Array.of(1, 2));
    assert.deepEqual(out, Float64Array.of(1, 2, 9, 9));
    assert.throws(() => widen(Uint8Array.of(1, 2), 'U8', new Float64Array(1)), RangeError);
  });

  it('refuses complex elements and torn ones', () => {
    for (const dtype of ['C64', 'C128'] as const) {
      assert.throws(() => widen(new Uint8Array(16), dtype), isError('unsupported'));
    }
    assert.throws(() => widen(new Uint8Array(7), 'F32'), isError('malformed'));
  });

  it('takes nothing for nothing', () => {
    for (const dtype of dtypes.filter((name) => !name.startsWith('C'))) {
      assert.equal(widen(new Uint8Array(0), dtype).length, 0);
    }
  });
});

describe('element types', () => {
  it('are known by their safetensors name only', () => {
    assert.ok(isDType('BF16'));
    for (const name of ['bf16', 'F4', 'toString', '', undefined, 7]) assert.ok(!isDType(name), String(name));
  });

  it('say whether they are floating', () => {
    const floating = dtypes.filter(isFloating);
    assert.deepEqual(floating, [
      'F64',
      'F32',
      'F16',
      'BF16',
      'F8_E4M3',
      'F8_E5M2',
      'F8_E4M3FNUZ',
      'F8_E5M2FNUZ',
      'F8_E8M0',
    ]);
    assert.deepEqual(floating.map(elementSize), [8, 4, 2, 2, 1, 1, 1, 1, 1]);
  });
});

function isError(code: string) {
  return (error: unknown): boolean => error instanceof CheckpointError && error.code === code;
}
