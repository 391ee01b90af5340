import assert from 'node:assert/strict';
import { narrow, type FloatDType } from '../../../extension/compression/narrow';

/** Sign, exponent and mantissa widths and the largest finite code, as the types' specifications print them. */
const TYPES = {
  F16: { exponentBits: 5, mantissaBits: 10, bias: 15, largest: 0x7bff, max: 65504 },
  BF16: { exponentBits: 8, mantissaBits: 7, bias: 127, largest: 0x7f7f, max: 2 ** 127 * (2 - 2 ** -7) },
  F8_E4M3: { exponentBits: 4, mantissaBits: 3, bias: 7, largest: 0x7e, max: 448 },
  F8_E5M2: { exponentBits: 5, mantissaBits: 2, bias: 15, largest: 0x7b, max: 57344 },
} as const;

type Small = keyof typeof TYPES;

/** Textbook decoding of one positive code: (−1)^s · 2^(e − bias) · 1.m, subnormals 2^(1 − bias) · 0.m. */
function widen(code: number, dtype: Small): number {
  const { mantissaBits, bias } = TYPES[dtype];
  const exponent = code >> mantissaBits;
  const fraction = (code & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  return exponent === 0 ? 2 ** (1 - bias) * fraction : 2 ** (exponent - bias) * (1 + fraction);
}

function codesOf(values: number[], dtype: Small): number[] {
  const { bytes } = narrow(Float64Array.from(values), dtype);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return values.map((_, i) => (dtype.startsWith('F8') ? view.getUint8(i) : view.getUint16(2 * i, true)));
}

/** The float64 next to a positive x in a direction. */
function neighbour(x: number, direction: 1 | -1): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  view.setBigInt64(0, view.getBigInt64(0) + BigInt(direction));
  return view.getFloat64(0);
}

describe('rounding to stored element types', () => {
  for (const dtype of Object.keys(TYPES) as Small[]) {
    const { largest, max, exponentBits, mantissaBits } = TYPES[dtype];
    const signBit = 2 ** (exponentBits + mantissaBits);
    const codes = Array.from({ length: largest + 1 }, (_, code) => code);
    const values = codes.map((code) => widen(code, dtype));

    it(`${dtype}: every finite value, of either sign, comes back as its own code`, () => {
      assert.equal(values.at(-1), max);
      assert.deepEqual(codesOf(values, dtype), codes);
      assert.deepEqual(
        codesOf(
          values.map((value) => -value),
          dtype,
        ),
        codes.map((code) => code + signBit),
      );
      assert.deepEqual(narrow(Float64Array.from(values), dtype).values, Float64Array.from(values));
    });

    it(`${dtype}: every midpoint goes to the even code, and the float64s next to it to the nearer one`, () => {
      const lower = codes.slice(0, -1);
      const midpoints = lower.map((code) => (values[code]! + values[code + 1]!) / 2);
      assert.deepEqual(
        codesOf(midpoints, dtype),
        lower.map((code) => code + (code % 2)),
      );
      assert.deepEqual(
        codesOf(
          midpoints.map((x) => neighbour(x, -1)),
          dtype,
        ),
        lower,
      );
      assert.deepEqual(
        codesOf(
          midpoints.map((x) => neighbour(x, 1)),
          dtype,
        ),
        lower.map((code) => code + 1),
      );
    });

    it(`${dtype}: beyond its range it stores the largest value and counts it`, () => {
      const step = widen(largest, dtype) - widen(largest - 1, dtype);
      const justRoundsDown = neighbour(max + step / 2, -1);
      const result = narrow(Float64Array.of(justRoundsDown, max + step / 2, -4 * max, 1), dtype);
      // A tie at the top goes to the even code, which is beyond the range where `largest` is odd.
      assert.equal(result.saturated, largest % 2 === 1 ? 2 : 1);
      assert.deepEqual([...result.values], [max, max, -max, 1]);
    });

    it(`${dtype}: NaN stays NaN, zeros keep their sign, the tiniest float64 becomes zero`, () => {
      assert.ok(Number.isNaN(narrow(Float64Array.of(NaN), dtype).values[0]));
      const [nan] = codesOf([NaN], dtype);
      assert.ok((nan! & (signBit - 1)) > largest, `${nan} is not a NaN code`);
      assert.deepEqual(codesOf([0, -0, Number.MIN_VALUE, -Number.MIN_VALUE], dtype), [0, signBit, 0, signBit]);
    });
  }

  it('infinities stay infinite where the type has them, and become 448 in E4M3, which has none', () => {
    for (const dtype of ['F64', 'F32', 'F16', 'BF16', 'F8_E5M2'] satisfies FloatDType[]) {
      assert.deepEqual([...narrow(Float64Array.of(Infinity, -Infinity), dtype).values], [Infinity, -Infinity], dtype);
    }
    assert.deepEqual([...narrow(Float64Array.of(Infinity, -Infinity), 'F8_E4M3').values], [448, -448]);
    assert.deepEqual(codesOf([Infinity, -Infinity], 'F16'), [0x7c00, 0xfc00]);
    assert.deepEqual(codesOf([Infinity], 'BF16'), [0x7f80]);
    assert.deepEqual(codesOf([Infinity], 'F8_E5M2'), [0x7c]);
  });

  it('does not round twice: 1 + 2⁻¹¹ + 2⁻⁴⁰ is above F16’s midpoint, though float32 would make it the midpoint', () => {
    assert.deepEqual(codesOf([1 + 2 ** -11 + 2 ** -40], 'F16'), [0x3c01]);
  });

  it('FNUZ types round to their own values, store no −0 and have one NaN', () => {
    const largest = { F8_E4M3FNUZ: 240, F8_E5M2FNUZ: 57344 } as const;
    for (const dtype of ['F8_E4M3FNUZ', 'F8_E5M2FNUZ'] as const) {
      const [mantissaBits, bias] = dtype === 'F8_E4M3FNUZ' ? [3, 8] : [2, 16];
      const codes = Uint8Array.from({ length: 128 }, (_, code) => code);
      const values = Float64Array.from(codes, (code) => {
        const [exponent, steps] = [code >> mantissaBits, code % 2 ** mantissaBits];
        return exponent === 0
          ? 2 ** (1 - bias - mantissaBits) * steps
          : 2 ** (exponent - bias - mantissaBits) * (2 ** mantissaBits + steps);
      });
      assert.equal(values.at(-1), largest[dtype]);
      assert.deepEqual(narrow(values, dtype).bytes, codes);
      assert.deepEqual(
        [
          ...narrow(
            values.map((value) => -value),
            dtype,
          ).bytes.slice(1),
        ],
        [...codes.slice(1)].map((code) => code | 0x80),
      );
      assert.deepEqual([...narrow(Float64Array.of(-0, 0, NaN, -NaN, -1e-30), dtype).bytes], [0, 0, 0x80, 0x80, 0]);
      const beyond = narrow(Float64Array.of(1e6, -Infinity), dtype);
      assert.deepEqual([...beyond.values, beyond.saturated], [largest[dtype], -largest[dtype], 1]);
    }
  });

  it('F32 rounds as Math.fround does and saturates at its largest value', () => {
    const { bytes, values, saturated } = narrow(Float64Array.of(0.1, 1 + 2 ** -24, -1e300, 1e-50), 'F32');
    assert.deepEqual([...values], [Math.fround(0.1), 1, -(2 ** 127) * (2 - 2 ** -23), 0]);
    assert.equal(saturated, 1);
    assert.equal(Buffer.from(bytes).readFloatLE(0), Math.fround(0.1));
  });

  it('F64 is copied, not aliased', () => {
    const source = Float64Array.of(Math.PI, -1);
    const { bytes, values } = narrow(source, 'F64');
    source.fill(0);
    assert.equal(values[0], Math.PI);
    assert.equal(Buffer.from(bytes).readDoubleLE(8), -1);
  });
});
