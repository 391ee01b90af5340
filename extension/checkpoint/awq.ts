/**
 * AWQ, version GEMM: codes of 4 bits packed along the output, [in, out/8] words whose eight codes belong to the outputs
 * 0, 2, 4, 6, 1, 3, 5, 7, with a scale and a zero point for every group of inputs and output, (code − zero)·scale.
 *
 * @see https://github.com/casper-hansen/AutoAWQ (`awq/utils/packing_utils.py`, `awq/modules/linear/gemm.py`)
 */
import { columnBands, columnNumbers } from './columnBands';
import type { TensorInfo } from './checkpoint';
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
import type { RowRange } from './rowBand';

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
  await eachCode(qzeros, { start, end }, reader, (group, output, code) => (zero[group * width + output] = code));
  await eachCode(qweight, { start, end }, reader, (input, output, code) => {
    const at = Math.floor(input / groupSize) * width + output;
    weights[output * inputs + input] = (code - zero[at]!) * scale[at]!;
  });
  return weights;
}

/** Calls back with every code of the outputs [start, end), counted from `start`. */
async function eachCode(
  tensor: TensorInfo,
  { start, end }: RowRange,
  reader: PartReader,
  use: (row: number, output: number, code: number) => void,
): Promise<void> {
  const columns = { start: Math.floor(start / 8), end: Math.ceil(end / 8) };
  const perRow = columns.end - columns.start;
  for await (const { row, rows, bytes } of columnBands(tensor, columns, 1, reader)) {
    const words = wordsOf(bytes);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < perRow; j++) {
        for (let place = 0; place < 8; place++) {
          const output = 8 * (columns.start + j) + ORDER[place]!;
          if (output >= start && output < end) {
            use(row + i, output - start, (words[i * perRow + j]! >>> (4 * place)) & 15);
          }
        }
      }
    }
  }
}
