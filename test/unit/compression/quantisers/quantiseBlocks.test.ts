import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  codeNumbers,
  decodeRowsOf,
  packCodes,
  unpackCodes,
} from '../../../../extension/checkpoint/quantised/blockCodes';
import { scalesType } from '../../../../extension/shared/compression/quantisers';
import type { CompressionError } from '../../../../extension/compression/compressionError';
import { quantiseBlocks, type QuantiserOptions } from '../../../../extension/compression/quantisers/quantiseBlocks';
import { QUANTISERS } from '../../../../extension/shared/compression/methodOptions';
import type { QuantisedPart } from '../../../../extension/shared/compression/parts';
import { repositoryRoot } from '../../../harness/shared';

/** What other programs make of a matrix; `quantiserFixtures.py` wrote it. */
const fixture = JSON.parse(
  readFileSync(path.join(repositoryRoot, 'test/unit/compression/quantisers/quantiserFixtures.json'), 'utf8'),
) as {
  rows: number;
  columns: number;
  block: number;
  matrix: string;
  decoded: Record<string, string>;
  leastBipolar: Record<string, number[]>;
};

const w = floats(fixture.matrix);
const tools = { layer: 'a.weight', poll: () => undefined };

function floats(base64: string): Float64Array {
  const bytes = new Uint8Array(Buffer.from(base64, 'base64'));
  return new Float64Array(new Float32Array(bytes.buffer));
}

function quantise(matrix: ArrayLike<number>, outputs: number, options: Partial<QuantiserOptions>): QuantisedPart {
  const inputs = matrix.length / outputs;
  const all = { quantiser: 'nf4', bits: 3, block: 64, ...options } as const;
  return quantiseBlocks({ w: Float64Array.from(matrix), outputs, inputs }, all, tools);
}

function decode(part: QuantisedPart, outputs: number): Float64Array {
  const columns = part.codes.length / outputs;
  const decoded = new Float64Array(part.codes.length);
  decodeRowsOf(part, columns, (row, elements) => decoded.set(elements, row * columns));
  return decoded;
}

const encode = (options: Partial<QuantiserOptions>): Float64Array =>
  decode(quantise(w, fixture.rows, { block: fixture.block, ...options }), fixture.rows);

/** Squared error of each block. */
function blockErrors(decoded: Float64Array, block: number): number[] {
  return Array.from({ length: w.length / block }, (_, b) => {
    let sum = 0;
    for (let i = b * block; i < (b + 1) * block; i++) sum += (w[i]! - decoded[i]!) ** 2;
    return sum;
  });
}

describe('quantised blocks', () => {
  for (const quantiser of ['nf3', 'int8', 'int4', 'fp8', 'mxfp4'] as const) {
    it(`decode to what other programs make of ${quantiser}`, () => {
      const expected = floats(fixture.decoded[quantiser]!);
      const decoded = encode({ quantiser });
      // Quotients in float32, as they take them, may round to the other side of a tie.
      const others = decoded.filter((value, i) => value !== expected[i]!);
      assert.ok(others.length <= 2, `${others.length} of ${w.length} elements differ`);
      blockErrors(expected, fixture.block).forEach((error, b) => {
        assert.ok(blockErrors(decoded, fixture.block)[b]! <= error * (1 + 1e-6), `block ${b}`);
      });
    });
  }

  it('decode to what bitsandbytes makes of nf4', () => {
    const expected = floats(fixture.decoded['nf4']!);
    assert.deepEqual(encode({ quantiser: 'nf4' }), expected);
  });

  it('of one bit are signs times the mean magnitude', () => {
    const expected = floats(fixture.decoded['sign']!);
    const decoded = encode({ quantiser: 'bipolar', bits: 1 });
    for (const [i, value] of decoded.entries()) {
      // A zero may be either.
      const wanted = w[i] === 0 ? Math.abs(expected[i]!) : expected[i]!;
      const got = w[i] === 0 ? Math.abs(value) : value;
      assert.ok(Math.abs(got - wanted) <= 2e-7 * Math.abs(wanted), `element ${i}: ${got} and not ${wanted}`);
    }
  });

  for (const bits of [2, 3]) {
    it(`of ${bits} bipolar bits come near the best of all scales`, () => {
      const least = fixture.leastBipolar[String(bits)]!;
      const errors = blockErrors(encode({ quantiser: 'bipolar', bits }), fixture.block);
      // Blocks of any magnitude count alike.
      const ratios = errors.map((error, b) => error / least[b]!).filter((ratio) => !Number.isNaN(ratio));
      const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
      assert.ok(mean <= 1.1, `${mean} times the least error`);
    });
  }

  for (const quantiser of QUANTISERS) {
    it(`${quantiser} takes the nearest number there is`, () => {
      const part = quantise(w, fixture.rows, { quantiser, bits: 4, block: fixture.block });
      const numbers = [...codeNumbers(quantiser, part.bits)].filter((number) => !Number.isNaN(number));
      const perRow = Math.ceil(fixture.columns / part.block);
      for (const [i, code] of part.codes.entries()) {
        const [row, column] = [Math.floor(i / fixture.columns), i % fixture.columns];
        const scale = part.scales[row * perRow + Math.floor(column / part.block)]!;
        if (scale === 0) continue;
        const distance = (number: number): number => Math.abs(w[i]! / scale - number);
        const taken = distance(codeNumbers(quantiser, part.bits)[code]!);
        assert.equal(taken, Math.min(...numbers.map(distance)), `element ${i}`);
      }
    });

    it(`${quantiser} gives numbers on its grid back`, () => {
      const once = encode({ quantiser, bits: 4 });
      const part = quantise(once, fixture.rows, { quantiser, bits: 4, block: fixture.block });
      const twice = decode(part, fixture.rows);
      for (const [i, value] of twice.entries()) {
        assert.ok(Math.abs(value - once[i]!) <= 2e-7 * Math.abs(once[i]!), `element ${i}: ${value} and not ${once[i]}`);
      }
    });

    it(`${quantiser} takes zeros, tiny and huge values, short blocks, single rows and columns`, () => {
      const cases: [string, number[], number][] = [
        ['zeros', new Array<number>(70).fill(0), 1],
        ['a short last block', Array.from({ length: 70 }, (_, i) => Math.sin(i)), 1],
        ['one column', [3, -2, 1], 3],
        ['tiny values', [1e-44, -1e-44, 3e-45, 0], 1],
        ['values below float32', [1e-300, -1e-300], 1],
        ['the largest values', [3.4028234663852886e38, -3.4028234663852886e38, 1e38], 1],
        ['a constant', new Array<number>(96).fill(-7), 3],
      ];
      for (const [name, matrix, outputs] of cases) {
        const part = quantise(matrix, outputs, { quantiser, bits: 4 });
        const decoded = decode(part, outputs);
        const largest = Math.max(...matrix.map(Math.abs));
        const numbers = codeNumbers(quantiser, part.bits)
          .filter((number) => !Number.isNaN(number))
          .sort();
        assert.ok(decoded.every(Number.isFinite), name);
        if (largest === 0)
          assert.ok(
            decoded.every((value) => Math.abs(value) === 0),
            name,
          );
        if (name === 'a constant' && quantiser !== 'mxfp4') {
          // To the rounding of the scale.
          const slack = scalesType(quantiser) === 'BF16' ? 7 * 2 ** -9 : 1e-6;
          assert.ok(
            decoded.every((value) => Math.abs(value + 7) <= slack),
            `${name}: ${decoded[0]}`,
          );
        }
        if (largest > 1e-40) {
          // No more than the largest gap between two numbers, in units of the outermost one.
          const gap = Math.max(...numbers.slice(1).map((number, i) => number - numbers[i]!)) / numbers.at(-1)!;
          decoded.forEach((value, i) => {
            assert.ok(Math.abs(value - matrix[i]!) <= gap * largest, `${name}: ${value} for ${matrix[i]}`);
          });
        }
      }
    });
  }

  it('refuse what float32 cannot hold, and say where', () => {
    assert.throws(
      () => quantise([1, 2, 3, 1e39], 2, { quantiser: 'int8' }),
      (error: CompressionError) => error.code === 'unsupported' && /a\.weight.*row 1/.test(error.message),
    );
  });

  it('have one scale a row if the block is 0, and 32 elements a scale in MXFP4', () => {
    assert.equal(quantise(w, fixture.rows, { quantiser: 'int8', block: 0 }).scales.length, fixture.rows);
    const part = quantise(w, fixture.rows, { quantiser: 'mxfp4', block: 128 });
    assert.equal(part.scales.length, w.length / 32);
    assert.equal(part.block, 32);
  });

  it('can be stopped', () => {
    const stop = (): never => {
      throw new DOMException('stopped', 'AbortError');
    };
    const matrix = { w, outputs: fixture.rows, inputs: fixture.columns };
    const options = { quantiser: 'nf4', bits: 4, block: 64 } as const;
    assert.throws(() => quantiseBlocks(matrix, options, { layer: 'a', poll: stop }), { name: 'AbortError' });
  });

  for (const bits of [1, 2, 3, 4, 5, 6, 7, 8]) {
    it(`pack codes of ${bits} bits, the lowest first, each row from a byte on`, () => {
      const columns = 13;
      const codes = Uint8Array.from({ length: 3 * columns }, (_, i) => (i * 37 + 11) % 2 ** bits);
      const packed = packCodes(codes, columns, bits);
      // Bit by bit, as the definition reads.
      const perRow = Math.ceil((columns * bits) / 8);
      assert.equal(packed.length, 3 * perRow);
      const bit = (row: number, at: number): number => (packed[row * perRow + (at >> 3)]! >> (at & 7)) & 1;
      for (const [i, code] of codes.entries()) {
        const [row, column] = [Math.floor(i / columns), i % columns];
        const read = Array.from({ length: bits }, (_, b) => bit(row, column * bits + b) * 2 ** b);
        assert.equal(
          read.reduce((sum, value) => sum + value, 0),
          code,
        );
      }
      assert.deepEqual(unpackCodes(packed, columns, bits), codes);
    });
  }
});
