/**
 * AWQ, version GEMM: codes of 4 bits packed along the output, [in, out/8] words whose eight codes belong to the outputs
 * 0, 2, 4, 6, 1, 3, 5, 7, with a scale and a zero point for every group of inputs and output, (code − zero)·scale.
 *
 * @see https://github.com/casper-hansen/AutoAWQ (`awq/utils/packing_utils.py`, `awq/modules/linear/gemm.py`)
 */
import { columnBands, columnNumbers } from './columnBands';
import type { TensorInfo } from '../checkpoint';
import { word } from './quantisationConfig';
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

/** Output of each of a word's codes, the lowest bits first. */
const ORDER: readonly number[] = [0, 2, 4, 6, 1, 3, 5, 7];

interface Layout {
  readonly qweight: TensorInfo;
  readonly qzeros: TensorInfo;
  readonly scales: TensorInfo;
}

export const awq: QuantisationScheme = {
  marks: ['.qweight'],
  weight(base, _mark, parts): QuantisedWeight | undefined {
    const qweight = parts.need(`${base}.qweight`);
    const scales = parts.need(`${base}.scales`);
    const [rows, words] = sides(qweight, 2);
    const [groups, outputs] = sides(scales, 2);
    // GPTQ packs along the input.
    if (words === outputs) return undefined;
    const qzeros = parts.need(`${base}.qzeros`);
    expectWords(qweight);
    expectWords(qzeros);
    expectFloats(scales);
    const name = `${base}.weight`;
    const all = [qweight, qzeros, scales];
    const version = word(parts.config.fields, 'version') ?? 'gemm';
    if (version !== 'gemm') {
      const unreadable = `AWQ version ${version}, whose order of elements is not read; GEMM is`;
      const decode = (): Promise<Float32Array> => Promise.reject(contradiction(unreadable));
      return { name, shape: [rows, 8 * words], encoding: `AWQ ${version}`, parts: all, unreadable, decode };
    }
    if (8 * words !== outputs) {
      throw contradiction(
        `${qweight.name} has ${words} columns where 4-bit codes of ${outputs} outputs need ${outputs / 8}`,
      );
    }
    expectShape(qzeros, [groups, words]);
    if (rows % groups !== 0) throw contradiction(`${groups} groups do not share ${rows} inputs evenly`);
    const layout = { qweight, qzeros, scales };
    return {
      name,
      shape: [outputs, rows],
      encoding: `AWQ 4-bit g${rows / groups}`,
      parts: all,
      decode: (band, reader) => decode(layout, band, reader),
    };
  },
};

async function decode(
  { qweight, qzeros, scales }: Layout,
  { start, end }: RowRange,
  reader: PartReader,
): Promise<Float32Array> {
  const [inputs, width] = [qweight.shape[0]!, end - start];
  const weights = floats(width * inputs);
  if (width === 0) return weights;
  const groupSize = inputs / scales.shape[0]!;
  const scale = await columnNumbers(scales, { start, end }, reader);
  const zero = new Uint8Array(scale.length);
  await eachOutput(qzeros, { start, end }, reader, (words, shift, row, output) => {
    for (let i = 0; i < words.length; i++) zero[(row + i) * width + output] = (words[i]! >>> shift) & 15;
  });
  const group = Int32Array.from({ length: inputs }, (_, input) => Math.floor(input / groupSize));
  await eachOutput(qweight, { start, end }, reader, (words, shift, row, output) => {
    const to = output * inputs + row;
    for (let i = 0; i < words.length; i++) {
      const at = group[row + i]! * width + output;
      weights[to + i] = (((words[i]! >>> shift) & 15) - zero[at]!) * scale[at]!;
    }
  });
  return weights;
}

/**
 * Calls back with each of the outputs [start, end), counted from `start`, in every band of rows: `words` of the band hold
 * its codes from bit `shift` on, the first that of `row`.
 */
async function eachOutput(
  tensor: TensorInfo,
  { start, end }: RowRange,
  reader: PartReader,
  use: (words: Uint32Array, shift: number, row: number, output: number) => void,
): Promise<void> {
  const columns = { start: Math.floor(start / 8), end: Math.ceil(end / 8) };
  const perRow = columns.end - columns.start;
  for await (const { row, rows, bytes } of columnBands(tensor, columns, 1, reader)) {
    const words = wordsOf(bytes);
    // Eight outputs go through the same words: side by side they are fetched once.
    const ofColumn = new Uint32Array(rows);
    for (let column = 0; column < perRow; column++) {
      for (let i = 0, from = column; i < rows; i++, from += perRow) ofColumn[i] = words[from]!;
      for (const [place, order] of ORDER.entries()) {
        const output = 8 * (columns.start + column) + order;
        if (output >= start && output < end) use(ofColumn, 4 * place, row, output - start);
      }
    }
  }
}
