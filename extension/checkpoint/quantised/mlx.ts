/**
 * MLX: every row of codes is a string of bits in words of 32, with a scale and a bias for every group of a row,
 * scale·code + bias; or, without biases, small floats with a scale of 8 bits. Bits and group length are in the
 * configuration, for all weights or by a weight's name.
 *
 * @see https://ml-explore.github.io/mlx/build/html/python/_autosummary/mlx.core.quantize.html
 */
import { codeAt } from './bitCodes';
import type { TensorInfo } from '../checkpoint';
import { widen } from '../elements/dtype';
import { fp4Values } from '../elements/packedElements';
import { isObject } from '../files/jsonFile';
import { own, size, word } from './quantisationConfig';
import {
  contradiction,
  expectFloats,
  expectShape,
  wordsOf,
  type PartReader,
  type QuantisationScheme,
  type QuantisedWeight,
  type WeightParts,
} from './quantisedWeight';
import type { RowRange } from '../elements/rowBand';
import { decodeRows } from './rowBlocks';

const BITS: readonly number[] = [2, 3, 4, 5, 6, 8];

/** Modes without biases: group length, bits of a code, and what the bytes of the scales are. */
const FLOAT_MODES: Readonly<Record<string, { group: number; bits: 4 | 8; scale: 'F8_E8M0' | 'F8_E4M3' }>> = {
  mxfp4: { group: 32, bits: 4, scale: 'F8_E8M0' },
  nvfp4: { group: 16, bits: 4, scale: 'F8_E4M3' },
  mxfp8: { group: 32, bits: 8, scale: 'F8_E8M0' },
};

interface Layout {
  readonly bits: number;
  readonly group: number;
  readonly shape: readonly number[];
  readonly codes: TensorInfo;
  readonly scales: TensorInfo;
}

export const mlx: QuantisationScheme = {
  marks: ['.scales'],
  weight(base, _mark, parts): QuantisedWeight | undefined {
    const codes = parts.find(`${base}.weight`);
    const scales = parts.need(`${base}.scales`);
    if (codes?.dtype !== 'U32' || codes.shape.length < 2) return undefined;
    const biases = parts.find(`${base}.biases`);
    const settings = settingsOf(base, parts);
    const mode = word(settings, 'mode') ?? 'affine';
    const float = Object.hasOwn(FLOAT_MODES, mode) ? FLOAT_MODES[mode]! : undefined;
    if (mode !== 'affine' && !float) throw contradiction(`its mode ${mode} is unknown`);
    const bits = float?.bits ?? size(settings, 'bits');
    const group = float?.group ?? size(settings, 'group_size');
    if (bits === undefined || group === undefined) {
      throw contradiction('no config.json beside the file tells its bits and group_size');
    }
    if (!BITS.includes(bits)) throw contradiction(`codes of ${bits} bits are unknown`);
    const inputs = (32 * codes.shape.at(-1)!) / bits;
    if (!Number.isInteger(inputs) || inputs === 0 || inputs % group !== 0 || codes.shape.includes(0)) {
      throw contradiction(`rows of ${codes.shape.at(-1)!} words are no groups of ${group} codes of ${bits} bits`);
    }
    const leading = codes.shape.slice(0, -1);
    expectShape(scales, [...leading, inputs / group]);
    const layout = { bits, group, shape: [...leading, inputs], codes, scales };
    const weight = { name: `${base}.weight`, shape: layout.shape };
    if (float) {
      if (scales.dtype !== 'U8') throw contradiction(`${scales.name} has the element type ${scales.dtype}, not U8`);
      return {
        ...weight,
        encoding: `MLX ${mode}`,
        parts: [codes, scales],
        decode: (rows, reader) => decodeFloats(layout, float.scale, rows, reader),
      };
    }
    if (!biases) throw contradiction(`its part ${base}.biases is missing`);
    expectFloats(scales);
    expectFloats(biases);
    expectShape(biases, scales.shape);
    return {
      ...weight,
      encoding: `MLX ${bits}-bit g${group}`,
      parts: [codes, scales, biases],
      decode: (rows, reader) => decodeAffine(layout, biases, rows, reader),
    };
  },
};

/** Those of the one weight where the configuration has some, over those of all. */
function settingsOf(base: string, { config }: WeightParts): Readonly<Record<string, unknown>> {
  const single = own(config.fields, base);
  return isObject(single) ? { ...config.fields, ...single } : config.fields;
}

function decodeAffine(
  { bits, group, shape, codes, scales }: Layout,
  biases: TensorInfo,
  rows: RowRange,
  reader: PartReader,
): Promise<Float32Array> {
  return decodeRows(codes, shape, rows, async ({ first, target }) => {
    const words = wordsOf(await reader.bytes(codes, first));
    const [scale, bias] = [await reader.numbers(scales, first), await reader.numbers(biases, first)];
    // Rows are whole words, and groups whole parts of a row.
    const [inputs, perRow] = [shape.at(-1)!, codes.shape.at(-1)!];
    for (let to = 0, row = 0; to < target.length; to += inputs, row += perRow) {
      for (let i = 0; i < inputs; i++) {
        const at = (to + i - (i % group)) / group;
        target[to + i] = codeAt(words, row, 1, i, bits) * scale[at]! + bias[at]!;
      }
    }
  });
}

function decodeFloats(
  { bits, group, shape, codes, scales }: Layout,
  scaleType: 'F8_E8M0' | 'F8_E4M3',
  rows: RowRange,
  reader: PartReader,
): Promise<Float32Array> {
  return decodeRows(codes, shape, rows, async ({ first, target }) => {
    const bytes = await reader.bytes(codes, first);
    const scale = widen(await reader.bytes(scales, first), scaleType);
    const values = bits === 4 ? fp4Values(bytes) : widen(bytes, 'F8_E4M3');
    for (let i = 0; i < target.length; i++) target[i] = values[i]! * scale[Math.floor(i / group)]!;
  });
}
