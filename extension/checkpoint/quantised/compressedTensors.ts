/**
 * compressed-tensors, pack-quantized: rows of codes in words of 32 bits (as many whole codes as fit into a word), less
 * half their range, with a scale (and a zero point, packed along the output) for every group of a row or every row:
 * (code − zero)·scale.
 *
 * @see https://github.com/neuralmagic/compressed-tensors (`compressors/quantized_compressors/pack_quantized.py`)
 */
import { type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { isObject } from '../files/jsonFile';
import { own, size } from './quantisationConfig';
import {
  contradiction,
  expectFloats,
  expectShape,
  expectWords,
  sides,
  wordsOf,
  type PartReader,
  type QuantisationScheme,
  type QuantisedWeight,
  type WeightParts,
} from './quantisedWeight';
import type { RowRange } from '../elements/rowBand';
import { decodeRows } from './rowBlocks';

interface Layout {
  readonly bits: number;
  readonly shape: readonly [rows: number, inputs: number];
  readonly group: number;
  readonly codes: TensorInfo;
  readonly scales: TensorInfo;
  readonly zeros?: TensorInfo;
  /** [rows, inputs], stored among the data. */
  readonly declared: TensorInfo;
}

export const packedInteger: QuantisationScheme = {
  marks: ['.weight_packed'],
  weight(base, _mark, parts): QuantisedWeight | undefined {
    const codes = parts.need(`${base}.weight_packed`);
    if (codes.dtype === 'U8') return undefined;
    expectWords(codes);
    const scales = parts.need(`${base}.weight_scale`);
    const declared = parts.need(`${base}.weight_shape`);
    if (parts.find(`${base}.weight_g_idx`)) {
      throw new CheckpointError('unsupported', 'its groups are permuted by weight_g_idx, which is not read');
    }
    const zeros = parts.find(`${base}.weight_zero_point`);
    expectFloats(scales);
    if (declared.dtype !== 'I64' && declared.dtype !== 'I32') throw contradiction(`${declared.name} holds no sizes`);
    expectShape(declared, [2]);
    const [rows, words] = sides(codes, 2);
    const { bits, groupSize } = packing(parts);
    const perWord = Math.floor(32 / bits);
    const [, groups] = sides(scales, 2);
    expectShape(scales, [rows, groups]);
    // The last word of a row may hold less; only then does the length of a group tell how much.
    const inputs = groups > 1 && groupSize !== undefined ? groups * groupSize : words * perWord;
    if (Math.ceil(inputs / perWord) !== words || inputs % groups !== 0) {
      throw contradiction(`rows of ${words} words are no ${groups} groups of codes of ${bits} bits`);
    }
    if (zeros) {
      expectWords(zeros);
      expectShape(zeros, [Math.ceil(rows / perWord), groups]);
    }
    const group = inputs / groups;
    const layout: Layout = { bits, shape: [rows, inputs], group, codes, scales, ...(zeros && { zeros }), declared };
    return {
      name: `${base}.weight`,
      shape: layout.shape,
      encoding: `int${bits}${groups > 1 ? ` g${group}` : ''}`,
      parts: [codes, scales, declared, ...(zeros ? [zeros] : [])],
      decode: (band, reader) => decode(layout, band, reader),
    };
  },
};

/** What all of the configuration's groups of layers agree on. */
function packing({ config }: WeightParts): { bits: number; groupSize?: number } {
  const groups = own(config.fields, 'config_groups');
  const weights = isObject(groups)
    ? Object.values(groups).map((group) => isObject(group) && own(group, 'weights'))
    : [];
  const settings = weights.filter(isObject);
  const [first] = settings;
  const bits = first && size(first, 'num_bits');
  if (bits === undefined || bits > 8) throw contradiction('no config.json beside the file tells its num_bits');
  const groupSize = size(first!, 'group_size');
  if (settings.some((other) => size(other, 'num_bits') !== bits || size(other, 'group_size') !== groupSize)) {
    throw new CheckpointError('unsupported', 'config.json has several config_groups, and which is its own is not told');
  }
  return groupSize === undefined ? { bits } : { bits, groupSize };
}

async function decode(layout: Layout, rows: RowRange, reader: PartReader): Promise<Float32Array> {
  const { bits, shape, group, codes, scales, zeros, declared } = layout;
  const [count, inputs] = await reader.numbers(declared);
  if (count !== shape[0] || inputs !== shape[1]) {
    const message = `${declared.name} says [${count!}, ${inputs!}], but its parts hold [${shape.join(', ')}]`;
    throw new CheckpointError('malformed', message);
  }
  const perWord = Math.floor(32 / bits);
  const [mask, half] = [2 ** bits - 1, 2 ** (bits - 1)];
  const perRow = codes.shape[1]!;
  const groups = scales.shape[1]!;
  return decodeRows(codes, shape, rows, async ({ first, rows: rowCount, target }) => {
    const words = wordsOf(await reader.bytes(codes, first));
    const scale = await reader.numbers(scales, first);
    const packed = { start: Math.floor(first.start / perWord), end: Math.ceil(first.end / perWord) };
    const zeroWords = zeros && wordsOf(await reader.bytes(zeros, packed));
    for (let row = 0; row < rowCount; row++) {
      const zeroRow = first.start + row;
      const zeroAt = (Math.floor(zeroRow / perWord) - packed.start) * groups;
      const zeroShift = (zeroRow % perWord) * bits;
      for (let i = 0; i < shape[1]; i++) {
        const g = Math.floor(i / group);
        const code = (words[row * perRow + Math.floor(i / perWord)]! >>> ((i % perWord) * bits)) & mask;
        // Code and zero point are both stored less half the range, which their difference does not show.
        const zero = zeroWords ? (zeroWords[zeroAt + g]! >>> zeroShift) & mask : half;
        target[row * shape[1] + i] = (code - zero) * scale[row * groups + g]!;
      }
    }
  });
}
