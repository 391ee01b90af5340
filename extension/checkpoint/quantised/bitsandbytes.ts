/**
 * bitsandbytes. 4 bits: codes two a byte, the first in its upper half, of the elements in a row, whatever the shape; a
 * table gives each code's value, and every block of elements has a scale, which may itself be a code of 8 bits. Shape and
 * block lengths are JSON in a tensor of bytes. 8 bits: integers, and for every row the value of 127. All in float32.
 *
 * @see https://github.com/bitsandbytes-foundation/bitsandbytes (`functional.py`: `QuantState`, `dequantize_4bit`,
 * `int8_vectorwise_dequant`)
 */
import { product } from '../../shared/matrixAxes';
import { type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { elementSize } from '../elements/dtype';
import { isObject } from '../files/jsonFile';
import { own, size } from './quantisationConfig';
import {
  contradiction,
  expectFloats,
  expectShape,
  floats,
  sides,
  type PartReader,
  type QuantisationScheme,
  type QuantisedWeight,
  type WeightParts,
} from './quantisedWeight';
import type { RowRange } from '../elements/rowBand';
import { decodeRows } from './rowBlocks';
import { elementCount } from '../elements/shape';

/** A state has about 150 bytes. */
const MAX_STATE_BYTES = 4096;

/** 1/127 as the reference multiplies by it. */
const PER_STEP = Math.fround(7.874015718698502e-3);

interface State {
  readonly shape: readonly number[];
  readonly blocksize: number;
  readonly nested?: { readonly blocksize: number; readonly offset: number };
}

interface Layout extends State {
  readonly codes: TensorInfo;
  readonly absmax: TensorInfo;
  readonly values: TensorInfo;
  readonly nestedAbsmax?: TensorInfo;
  readonly nestedValues?: TensorInfo;
}

export const bitsandbytes4: QuantisationScheme = {
  marks: ['.quant_state.bitsandbytes__nf4', '.quant_state.bitsandbytes__fp4'],
  async weight(base, mark, parts): Promise<QuantisedWeight> {
    const codes = parts.need(base);
    const stateTensor = parts.need(base + mark);
    const state = await readState(stateTensor, parts);
    const count = product(state.shape);
    // Codes may be kept in elements wider than a byte; the last one is filled up.
    const elements = Math.ceil(count / 2 / elementSize(codes.dtype));
    if (codes.shape[0] !== elements || product(codes.shape) !== elements) {
      throw contradiction(`its shape [${state.shape.join(', ')}] does not fit codes of [${codes.shape.join(', ')}]`);
    }
    const absmax = parts.need(`${base}.absmax`);
    const values = parts.need(`${base}.quant_map`);
    const blocks = Math.ceil(count / state.blocksize);
    expectShape(absmax, [blocks]);
    expectShape(values, [16]);
    expectFloats(values);
    const all = [codes, stateTensor, absmax, values];
    let layout: Layout = { ...state, codes, absmax, values };
    if (state.nested) {
      const nestedAbsmax = parts.need(`${base}.nested_absmax`);
      const nestedValues = parts.need(`${base}.nested_quant_map`);
      if (absmax.dtype !== 'U8') throw contradiction(`${absmax.name} has the element type ${absmax.dtype}, not U8`);
      expectShape(nestedAbsmax, [Math.ceil(blocks / state.nested.blocksize)]);
      expectShape(nestedValues, [256]);
      expectFloats(nestedAbsmax);
      expectFloats(nestedValues);
      all.push(nestedAbsmax, nestedValues);
      layout = { ...layout, nestedAbsmax, nestedValues };
    } else expectFloats(absmax);
    return {
      name: base,
      shape: state.shape,
      encoding: `bitsandbytes ${mark.slice(-3)}`,
      parts: all,
      decode: (rows, reader) => decode4(layout, rows, reader),
    };
  },
};

/** @throws CheckpointError `malformed` where it is not such JSON */
async function readState(tensor: TensorInfo, { reader }: WeightParts): Promise<State> {
  const broken = (what: string): CheckpointError => contradiction(`${tensor.name} ${what}`);
  if (tensor.dtype !== 'U8' || tensor.byteLength > MAX_STATE_BYTES) throw broken('is no state of a weight');
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.from(await reader.bytes(tensor)).toString('utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw broken('is not JSON');
  }
  if (!isObject(fields)) throw broken('is not a JSON object');
  const shape = own(fields, 'shape');
  const count = elementCount(shape);
  const blocksize = size(fields, 'blocksize');
  if (typeof count === 'string' || count === 0) throw broken(`has no shape of a weight`);
  if ((shape as number[]).length === 0) throw broken('has the shape of a scalar');
  if (blocksize === undefined) throw broken('has no "blocksize"');
  const state = { shape: shape as number[], blocksize };
  const nestedBlocksize = own(fields, 'nested_blocksize');
  if (nestedBlocksize === undefined) return state;
  const nested = { blocksize: size(fields, 'nested_blocksize'), offset: own(fields, 'nested_offset') };
  if (nested.blocksize === undefined || typeof nested.offset !== 'number') throw broken('has no nested state');
  return { ...state, nested: { blocksize: nested.blocksize, offset: nested.offset } };
}

async function decode4(layout: Layout, { start, end }: RowRange, reader: PartReader): Promise<Float32Array> {
  const { shape, blocksize, codes } = layout;
  const perRow = product(shape.slice(1));
  const [from, to] = [start * perRow, end * perRow];
  const weights = floats(to - from);
  if (to === from) return weights;
  const value = await reader.numbers(layout.values);
  const firstBlock = Math.floor(from / blocksize);
  const scale = await blockScales(layout, { start: firstBlock, end: Math.ceil(to / blocksize) }, reader);
  const perElement = 2 * elementSize(codes.dtype);
  const rows = { start: Math.floor(from / perElement), end: Math.ceil(to / perElement) };
  const bytes = await reader.bytes(codes, rows);
  for (let i = from; i < to; i++) {
    const byte = bytes[(i >> 1) - rows.start * (perElement / 2)]!;
    const code = i % 2 === 0 ? byte >> 4 : byte & 15;
    weights[i - from] = value[code]! * scale[Math.floor(i / blocksize) - firstBlock]!;
  }
  return weights;
}

async function blockScales(
  { absmax, nested, nestedAbsmax, nestedValues }: Layout,
  blocks: RowRange,
  reader: PartReader,
): Promise<Float64Array> {
  const scales = await reader.numbers(absmax, blocks);
  if (!nested || !nestedAbsmax || !nestedValues) return scales;
  const { blocksize, offset } = nested;
  const value = await reader.numbers(nestedValues);
  const first = Math.floor(blocks.start / blocksize);
  const outer = await reader.numbers(nestedAbsmax, { start: first, end: Math.ceil(blocks.end / blocksize) });
  return scales.map((code, i) => {
    const product32 = Math.fround(value[code]! * outer[Math.floor((blocks.start + i) / blocksize) - first]!);
    return Math.fround(product32 + Math.fround(offset));
  });
}

export const bitsandbytes8: QuantisationScheme = {
  marks: ['.SCB'],
  weight(base, _mark, parts): QuantisedWeight | undefined {
    const codes = parts.find(`${base}.weight`);
    if (codes?.dtype !== 'I8') return undefined;
    const scales = parts.need(`${base}.SCB`);
    const [rows, inputs] = sides(codes, 2);
    expectShape(scales, [rows]);
    expectFloats(scales);
    const order = parts.find(`${base}.weight_format`);
    return {
      name: codes.name,
      shape: [rows, inputs],
      encoding: 'bitsandbytes int8',
      parts: [codes, scales, ...(order ? [order] : [])],
      async decode(band, reader) {
        const [format] = order ? await reader.numbers(order) : [0];
        if (format !== 0) throw new CheckpointError('unsupported', `its rows are tiled (weight_format ${format!})`);
        return decodeRows(codes, [rows, inputs], band, async ({ first, target }) => {
          const values = await reader.numbers(codes, first);
          const scale = await reader.numbers(scales, first);
          for (let i = 0; i < target.length; i++) {
            target[i] = Math.fround(values[i]! * scale[Math.floor(i / inputs)]!) * PER_STEP;
          }
        });
      },
    };
  },
};
