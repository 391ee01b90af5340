/**
 * Weights of 8 bits an element, floats or integers, and their scales beside them: one of the whole weight, one a row, or
 * one for every block (128 × 128 in DeepSeek-V3). Element·scale, in float32; `weight_scale_inv` is such a scale, too.
 * Programs spell the scale of `X.weight` as `X.weight_scale`, `X.weight_scale_inv`, `X.scale_weight` or `X.scale`.
 *
 * @see https://github.com/deepseek-ai/DeepSeek-V3 (`inference/kernel.py`, `weight_dequant`)
 * @see https://github.com/neuralmagic/compressed-tensors (formats naive-, int- and float-quantized)
 * @see https://github.com/comfyanonymous/ComfyUI (`comfy/ops.py`: `scale_weight`, `scale_input`, `comfy_quant`)
 */
import { product } from '../../shared/matrixAxes';
import type { TensorInfo } from '../checkpoint';
import { assertPlainComfyFormat } from './comfyQuant';
import { widen } from '../elements/dtype';
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
import type { RowRange } from '../elements/rowBand';
import { decodeRows } from './rowBlocks';

/** Used if neither the configuration nor the shapes say otherwise. */
const USUAL_BLOCK = 128;

interface Layout {
  readonly shape: readonly number[];
  /** The matrix that blocks are counted in: each of a stack, or the weight with all axes but the first in its rows. */
  readonly matrix: Matrix;
  readonly codes: TensorInfo;
  readonly scales: TensorInfo;
  readonly zeros?: TensorInfo;
  readonly block: Block;
}

interface Matrix {
  readonly rows: number;
  readonly cols: number;
  /** Matrices of a stack (experts), 1 of other weights. */
  readonly count: number;
}

/** Rows and columns that share a scale, and how many blocks there are below one another and side by side in a matrix. */
interface Block {
  readonly rows: number;
  readonly cols: number;
  readonly down: number;
  readonly across: number;
  /** The first axis of the scales counts matrices. */
  readonly stacked?: boolean;
  readonly name: string;
}

export const scaled: QuantisationScheme = {
  marks: ['_scale', '_scale_inv', '.scale_weight', '.scale'],
  async weight(base, mark, parts): Promise<QuantisedWeight | undefined> {
    const name = mark.startsWith('.') ? `${base}.weight` : base;
    const codes = parts.find(name);
    if (!codes || codes.shape.length === 0 || !(codes.dtype.startsWith('F8_') || codes.dtype === 'I8'))
      return undefined;
    await assertPlainComfyFormat(name, parts);
    const scales = parts.need(base + mark);
    const shape = sides(codes, codes.shape.length);
    // MXFP8 keeps its powers of two as plain bytes.
    if (scales.dtype !== 'U8' || codes.dtype === 'I8') expectFloats(scales);
    const zeros = parts.find(`${name}_zero_point`);
    if (zeros) {
      if (zeros.dtype !== 'I8' || codes.dtype !== 'I8')
        throw contradiction(`${zeros.name} are no zero points of 8 bits`);
      expectShape(zeros, scales.shape);
    }
    const matrix = matrixOf(shape);
    const block = blockOf(matrix, scales, parts);
    const layout: Layout = { shape, matrix, codes, scales, ...(zeros && { zeros }), block };
    return {
      name,
      shape,
      encoding: `${codes.dtype} ${block.name}`,
      parts: [codes, scales, ...(zeros ? [zeros] : [])],
      decode: (band, reader) => decode(layout, band, reader),
    };
  },
};

function matrixOf(shape: readonly number[]): Matrix {
  if (shape.length === 3) return { rows: shape[1]!, cols: shape[2]!, count: shape[0]! };
  return { rows: shape[0]!, cols: product(shape.slice(1)), count: 1 };
}

function blockOf(matrix: Matrix, scales: TensorInfo, parts: WeightParts): Block {
  const { shape } = scales;
  const { count, rows, cols } = matrix;
  if (product(shape) === 1) return { rows, cols, down: 1, across: 1, name: 'per tensor' };
  const stacked = count > 1 || (shape.length === 3 && shape[0] === 1);
  return { ...blockOfMatrix(matrix, scales, stacked, parts), stacked };
}

function blockOfMatrix(
  { rows, cols, count }: Matrix,
  { name, shape }: TensorInfo,
  stacked: boolean,
  { config }: WeightParts,
): Block {
  if (!stacked || shape[0] === count) {
    // Axes of length 1 at the end say nothing.
    const axes = (stacked ? shape.slice(1) : [...shape]).filter(
      (size, i, all) => size > 1 || i < Math.min(2, all.length),
    );
    const [down = 1, across = 1] = axes;
    if (axes.length <= 2) {
      if (down === 1 && across === 1) return { rows, cols, down, across, name: 'per matrix' };
      if (down === rows && across === 1) return { rows: 1, cols, down, across, name: 'per row' };
      if (down === 1 && across === cols) return { rows, cols: 1, down, across, name: 'per column' };
      for (const [high, wide] of [configuredBlock(config.fields), [USUAL_BLOCK, USUAL_BLOCK] as const]) {
        if (Math.ceil(rows / high) === down && Math.ceil(cols / wide) === across) {
          return { rows: high, cols: wide, down, across, name: `blocks of ${high}×${wide}` };
        }
      }
      if (down === rows && cols % across === 0) {
        return { rows: 1, cols: cols / across, down, across, name: `g${cols / across}` };
      }
    }
  }
  const sizes = count > 1 ? [count, rows, cols] : [rows, cols];
  throw contradiction(`${name} has the shape [${shape.join(', ')}], which are no scales of [${sizes.join(', ')}]`);
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
  { shape, matrix, codes, scales, zeros, block }: Layout,
  rows: RowRange,
  reader: PartReader,
): Promise<Float32Array> {
  const { cols } = matrix;
  const { stacked = false } = block;
  /** Rows of the matrix in one position along the weight's first axis. */
  const rowsEach = shape.length === 3 ? matrix.rows : 1;
  return decodeRows(codes, shape, rows, async ({ first, target }) => {
    const values = widen(await reader.bytes(codes, first), codes.dtype);
    const single = product(scales.shape) === 1;
    const firstRow = first.start * rowsEach;
    // Along the first axis of the scales: matrices of a stack, else blocks of rows.
    const wanted = stacked
      ? first
      : { start: Math.floor(firstRow / block.rows), end: Math.ceil((first.end * rowsEach) / block.rows) };
    const whole = single || (block.down === 1 && !stacked);
    const band = whole ? undefined : wanted;
    const scale = widen(await reader.bytes(scales, band), scales.dtype === 'U8' ? 'F8_E8M0' : scales.dtype);
    const zero = zeros && (await reader.numbers(zeros, band));
    const skipped = whole ? 0 : wanted.start * (stacked ? block.down : 1);
    for (let row = 0, to = 0; to < target.length; row++) {
      const at = firstRow + row;
      const down = Math.floor(at / matrix.rows) * block.down + Math.floor((at % matrix.rows) / block.rows) - skipped;
      const start = single ? 0 : down * block.across;
      for (let i = 0; i < cols; i++, to++) {
        const place = single ? 0 : start + Math.floor(i / block.cols);
        target[to] = (values[to]! - (zero ? zero[place]! : 0)) * scale[place]!;
      }
    }
  });
}
