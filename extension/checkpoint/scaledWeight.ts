/**
 * Weights of 8 bits an element, floats or integers, and their scales beside them: one of the whole weight, one a row, or
 * one for every block (128 × 128 in DeepSeek-V3). Element·scale, in float32; `weight_scale_inv` is such a scale, too.
 *
 * @see https://github.com/deepseek-ai/DeepSeek-V3 (`inference/kernel.py`, `weight_dequant`)
 * @see https://github.com/neuralmagic/compressed-tensors (formats naive-, int- and float-quantized)
 */
import type { TensorInfo } from './checkpoint';
import { widen } from './dtype';
import { own } from './quantisationConfig';
import {
  contradiction,
  expectFloats,
  expectShape,
  sides,
  type PartReader,
  type QuantisationScheme,
  type QuantisedWeight,
  type WeightParts,
} from './quantisedWeight';
import type { RowRange } from './rowBand';
import { decodeRows } from './rowBlocks';
import { product } from './shape';

/** Where neither the configuration nor the shapes say otherwise. */
const USUAL_BLOCK = 128;

interface Layout {
  readonly shape: readonly [rows: number, inputs: number];
  readonly codes: TensorInfo;
  readonly scales: TensorInfo;
  readonly zeros?: TensorInfo;
  readonly block: Block;
}

/** Rows and columns that share a scale, and how many blocks there are in a row of them. */
interface Block {
  readonly rows: number;
  readonly cols: number;
  readonly across: number;
  readonly name: string;
}

export const scaled: QuantisationScheme = {
  marks: ['_scale', '_scale_inv'],
  weight(base, mark, parts): QuantisedWeight | undefined {
    const codes = parts.find(base);
    if (!codes || codes.shape.length !== 2 || !(codes.dtype.startsWith('F8_') || codes.dtype === 'I8'))
      return undefined;
    const scales = parts.need(base + mark);
    const [rows, inputs] = sides(codes, 2);
    // MXFP8 keeps its powers of two as plain bytes.
    if (scales.dtype !== 'U8' || codes.dtype === 'I8') expectFloats(scales);
    const zeros = parts.find(`${base}_zero_point`);
    if (zeros) {
      if (zeros.dtype !== 'I8' || codes.dtype !== 'I8')
        throw contradiction(`${zeros.name} are no zero points of 8 bits`);
      expectShape(zeros, scales.shape);
    }
    const block = blockOf(rows, inputs, scales, parts);
    const layout: Layout = { shape: [rows, inputs], codes, scales, ...(zeros && { zeros }), block };
    return {
      name: base,
      shape: layout.shape,
      encoding: `${codes.dtype} ${block.name}`,
      parts: [codes, scales, ...(zeros ? [zeros] : [])],
      decode: (band, reader) => decode(layout, band, reader),
    };
  },
};

function blockOf(rows: number, inputs: number, scales: TensorInfo, { config }: WeightParts): Block {
  const { name, shape } = scales;
  if (product(shape) === 1) return { rows, cols: inputs, across: 1, name: 'per tensor' };
  if (shape[0] === rows && (shape.length === 1 || (shape.length === 2 && shape[1] === 1))) {
    return { rows: 1, cols: inputs, across: 1, name: 'per row' };
  }
  if (shape.length === 2) {
    const [down, across] = shape as [number, number];
    for (const [high, wide] of [configuredBlock(config.fields), [USUAL_BLOCK, USUAL_BLOCK] as const]) {
      if (Math.ceil(rows / high) === down && Math.ceil(inputs / wide) === across) {
        return { rows: high, cols: wide, across, name: `blocks of ${high}×${wide}` };
      }
    }
    if (down === rows && inputs % across === 0) {
      return { rows: 1, cols: inputs / across, across, name: `g${inputs / across}` };
    }
  }
  throw contradiction(`${name} has the shape [${shape.join(', ')}], which are no scales of [${rows}, ${inputs}]`);
}

function configuredBlock(fields: Readonly<Record<string, unknown>>): readonly [number, number] {
  const block = own(fields, 'weight_block_size');
  const sizes: unknown[] = Array.isArray(block) ? block : [];
  const [high, wide] = sizes.map((length) =>
    Number.isSafeInteger(length) && (length as number) > 0 ? (length as number) : 0,
  );
  return high && wide ? [high, wide] : [USUAL_BLOCK, USUAL_BLOCK];
}

async function decode(
  { shape, codes, scales, zeros, block }: Layout,
  rows: RowRange,
  reader: PartReader,
): Promise<Float32Array> {
  const inputs = shape[1];
  return decodeRows(codes, shape, rows, async ({ first, rows: count, target }) => {
    const values = widen(await reader.bytes(codes, first), codes.dtype);
    const single = product(scales.shape) === 1;
    const from = Math.floor(first.start / block.rows);
    const wanted = { start: from, end: Math.ceil(first.end / block.rows) };
    const band = single ? undefined : wanted;
    const scale = widen(await reader.bytes(scales, band), scales.dtype === 'U8' ? 'F8_E8M0' : scales.dtype);
    const zero = zeros && (await reader.numbers(zeros, band));
    for (let row = 0; row < count; row++) {
      const start = (Math.floor((first.start + row) / block.rows) - from) * block.across;
      for (let i = 0; i < inputs; i++) {
        const at = start + Math.floor(i / block.cols);
        const to = row * inputs + i;
        target[to] = (values[to]! - (zero ? zero[at]! : 0)) * scale[at]!;
      }
    }
  });
}
