/**
 * GPTQ: codes packed along the input, [in·bits/32, out] words, with a scale and a zero point for every group of inputs
 * and output, (code − zero)·scale. Version 1 stores zero points less one; `checkpoint_format: gptq_v2` as they are.
 * `g_idx`, if there is one, tells the group of each input.
 *
 * @see https://github.com/AutoGPTQ/AutoGPTQ (`auto_gptq/nn_modules/qlinear`), https://github.com/ModelCloud/GPTQModel
 */
import { CheckpointError } from '../checkpointError';
import { codeAt } from './bitCodes';
import type { TensorInfo } from '../checkpoint';
import { columnBands, columnNumbers } from './columnBands';
import { size, word } from './quantisationConfig';
import {
  contradiction,
  expectFloats,
  expectShape,
  expectWords,
  floats,
  sides,
  wordsOf,
  type PartReader,
  type QuantisationScheme,
  type QuantisedWeight,
} from './quantisedWeight';
import type { RowRange } from '../elements/rowBand';

const BITS: readonly number[] = [2, 3, 4, 8];

interface Layout {
  readonly bits: number;
  readonly inputs: number;
  readonly qweight: TensorInfo;
  readonly qzeros: TensorInfo;
  readonly scales: TensorInfo;
  /** Group of every input, in a tensor or by its length. */
  readonly groups: TensorInfo | number;
  /** Added to stored zero points. */
  readonly zeroShift: number;
}

export const gptq: QuantisationScheme = {
  marks: ['.qweight'],
  weight(base, _mark, parts): QuantisedWeight | undefined {
    const qweight = parts.need(`${base}.qweight`);
    const scales = parts.need(`${base}.scales`);
    const [words, outputs] = sides(qweight, 2);
    // AWQ packs along the output.
    if (sides(scales, 2)[1] !== outputs) return undefined;
    const qzeros = parts.need(`${base}.qzeros`);
    const gIdx = parts.find(`${base}.g_idx`);
    expectWords(qweight);
    expectWords(qzeros);
    expectFloats(scales);
    const [groupCount] = sides(scales, 2);
    const bits = (32 * sides(qzeros, 2)[1]) / outputs;
    if (!BITS.includes(bits)) {
      throw contradiction(`${qzeros.name} has ${qzeros.shape[1]!} columns, which no number of bits fits`);
    }
    expectShape(qzeros, [groupCount, (outputs * bits) / 32]);
    const inputs = (32 * words) / bits;
    if (!Number.isInteger(inputs)) throw contradiction(`${qweight.name} has ${words} rows, no whole number of inputs`);
    const groupSize = groupLength(inputs, groupCount, size(parts.config.fields, 'group_size'));
    if (gIdx) expectShape(gIdx, [inputs]);
    else if (groupSize === undefined) throw contradiction(`${groupCount} groups do not share ${inputs} inputs evenly`);
    const zeroShift = word(parts.config.fields, 'checkpoint_format') === 'gptq_v2' ? 0 : 1;
    const layout = { bits, inputs, qweight, qzeros, scales, groups: gIdx ?? groupSize!, zeroShift };
    return {
      name: `${base}.weight`,
      shape: [outputs, inputs],
      encoding: `GPTQ ${bits}-bit${groupSize === undefined || groupCount === 1 ? '' : ` g${groupSize}`}`,
      parts: [qweight, qzeros, scales, ...(gIdx ? [gIdx] : [])],
      decode: (rows, reader) => decode(layout, rows, reader),
    };
  },
};

/** The last group may be shorter, where the configuration says how long the others are. */
function groupLength(inputs: number, groups: number, configured: number | undefined): number | undefined {
  if (configured !== undefined && Math.ceil(inputs / configured) === groups) return configured;
  return inputs % groups === 0 ? inputs / groups : undefined;
}

async function decode(layout: Layout, { start, end }: RowRange, reader: PartReader): Promise<Float32Array> {
  const { bits, inputs, qweight, scales } = layout;
  const width = end - start;
  const weights = floats(width * inputs);
  if (width === 0) return weights;
  const scale = await columnNumbers(scales, { start, end }, reader);
  const zero = await zeroPoints(layout, { start, end }, reader);
  const group = await groupsOf(layout, reader);
  // Whole groups of words, so that no code is cut: 3 words hold 32 codes of 3 bits.
  const wordsTogether = bits === 3 ? 3 : 1;
  for await (const band of columnBands(qweight, { start, end }, wordsTogether, reader)) {
    const words = wordsOf(band.bytes);
    const [first, count] = [(32 * band.row) / bits, (32 * band.rows) / bits];
    for (let column = 0; column < width; column++) {
      for (let i = 0, to = column * inputs + first; i < count; i++, to++) {
        const at = group[first + i]! * width + column;
        weights[to] = (codeAt(words, column, width, i, bits) - zero[at]!) * scale[at]!;
      }
    }
  }
  return weights;
}

/** groups × outputs [start, end). */
async function zeroPoints(
  { bits, qzeros, zeroShift }: Layout,
  { start, end }: RowRange,
  reader: PartReader,
): Promise<Uint8Array> {
  // From a whole number of codes on: 32 of them fill `bits` words.
  const from = Math.floor(start / 32) * bits;
  const columns = { start: from, end: Math.min(qzeros.shape[1]!, Math.ceil(end / 32) * bits) };
  const [groups, width, skip] = [qzeros.shape[0]!, end - start, start % 32];
  const zeros = new Uint8Array(groups * width);
  for await (const { row, rows, bytes } of columnBands(qzeros, columns, 1, reader)) {
    const words = wordsOf(bytes);
    const perRow = columns.end - columns.start;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < width; j++) {
        const stored = codeAt(words, i * perRow, 1, skip + j, bits);
        // The sum has as many bits again: what version 1 wrote for 0 comes back as 0.
        zeros[(row + i) * width + j] = (stored + zeroShift) & (2 ** bits - 1);
      }
    }
  }
  return zeros;
}

async function groupsOf({ inputs, scales, groups }: Layout, reader: PartReader): Promise<Int32Array> {
  if (typeof groups === 'number') return Int32Array.from({ length: inputs }, (_, i) => Math.floor(i / groups));
  const stored = await reader.numbers(groups);
  const count = scales.shape[0]!;
  const wrong = stored.findIndex((group) => !Number.isInteger(group) || group < 0 || group >= count);
  if (wrong >= 0) {
    const message = `${groups.name} places input ${wrong} in group ${stored[wrong]!} of ${count}`;
    throw new CheckpointError('malformed', message);
  }
  return Int32Array.from(stored);
}
