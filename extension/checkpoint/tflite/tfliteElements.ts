/** Elements of a TensorFlow Lite tensor as rows: as stored, unpacked, made dense, and multiplied by their scales. */
import { product } from '../../shared/matrixAxes';
import { dequantise } from '../quantised/affineCodes';
import { elementSize, widen } from '../elements/dtype';
import { allocate, type FileReader } from '../files/fileReader';
import { decodedType, decodePacked, packedBand } from '../elements/packedElements';
import type { RowRange } from '../elements/rowBand';
import type { RowSource } from '../elements/rowSource';
import { readGroups, type Quantisation } from './tfliteQuantisation';
import { readSparse } from './tfliteSparsity';
import type { TfliteTensor } from './tfliteTensor';

/** Dequantised at a time, or one row. */
const SLICE_ELEMENTS = 1024 * 1024;

/** @param tensor one that is not `unreadable` */
export function elementSource(file: FileReader, tensor: TfliteTensor): RowSource {
  const { quantisation } = tensor;
  const codes: RowSource = { readRows: (rows, signal) => storedRows(file, tensor, rows, signal) };
  if (!quantisation) return codes;
  return { readRows: (rows, signal) => dequantisedRows(file, tensor, quantisation, codes, rows, signal) };
}

/** Rows of the stored type, or of what it is unpacked to. */
async function storedRows(
  file: FileReader,
  { name, shape, type, data, sparsity }: TfliteTensor,
  rows: RowRange,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (type.packed) {
    const { offset, length, skip, count } = packedBand({ name, shape }, type.packed, rows);
    return decodePacked(await file.read(data.offset + offset, length, signal), type.packed, skip, count);
  }
  const dtype = type.dtype!;
  const perRow = product(shape.slice(1));
  const [start, count] = [rows.start * perRow, (rows.end - rows.start) * perRow];
  if (sparsity) {
    const values = { dtype, offset: data.offset, count: sparsity.stored };
    return readSparse(file, sparsity, values, start, count, signal);
  }
  const size = elementSize(dtype);
  return file.read(data.offset + start * size, count * size, signal);
}

async function dequantisedRows(
  file: FileReader,
  { shape, type, data, sparsity }: TfliteTensor,
  quantisation: Quantisation,
  codes: RowSource,
  { start, end }: RowRange,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const perRow = product(shape.slice(1));
  const bytes = allocate((end - start) * perRow * elementSize('F32'), file.path, data.offset);
  const values = new Float32Array(bytes.buffer);
  const dtype = type.packed ? decodedType(type.packed) : type.dtype!;
  const groups = await readGroups(file, quantisation, product(shape), start * perRow, end * perRow, signal);
  // For each band of a sparse tensor all that is stored is read: once for all slices.
  const all = sparsity && (await codes.readRows({ start, end }, signal));
  const rowBytes = perRow * elementSize(dtype);
  const step = Math.max(1, Math.floor(SLICE_ELEMENTS / perRow));
  for (let at = start; at < end; at += step) {
    const rows = { start: at, end: Math.min(end, at + step) };
    const stored = all?.subarray((at - start) * rowBytes, (rows.end - start) * rowBytes);
    const slice = widen(stored ?? (await codes.readRows(rows, signal)), dtype);
    const target = values.subarray((rows.start - start) * perRow, (rows.end - start) * perRow);
    dequantise(slice, at * perRow, groups, target);
  }
  return bytes;
}
