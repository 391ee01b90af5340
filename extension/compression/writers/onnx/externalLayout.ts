/**
 * The data files beside a rewritten ONNX model. A file that holds none of the weights that are replaced is copied as it is.
 * Else what is kept moves together, and the factors come behind it: only the offsets in the model change. Factors for which
 * the model itself has no room get a file of their own.
 *
 * @see https://onnx.ai/onnx/repo-docs/ExternalData.html
 */
import path from 'node:path';
import { FileSet } from '../../../checkpoint/files/fileSet';
import { FileReader, type FileIdentity } from '../../../checkpoint/files/fileReader';
import { ExternalFiles } from '../../../checkpoint/onnx/onnxExternalData';
import type { ExternalData, OnnxTensor } from '../../../checkpoint/onnx/onnxTensor';
import type { Append } from '../../appender';
import type { OutputFile, PieceReader } from '../writer';
import { copyRange } from './protobufRewrite';

/** Writers align tensors so that they can be mapped into memory: to pages, or to what Windows maps at once. */
const LARGEST_ALIGNMENT = 65_536;

/** Enough for vector instructions; what begins a file may have any alignment. */
const LEAST_ALIGNMENT = 64;

const ZEROS = new Uint8Array(LARGEST_ALIGNMENT);

type External = OnnxTensor & { readonly data: ExternalData };

/** Elements that come into a file. */
export interface AddedTensor {
  readonly piece: string;
  readonly tensor: string;
  readonly length: number;
}

/** One data file of the source. */
export interface DataFile {
  /** Where the model says that it is, normalised: `weights/a.bin`. */
  readonly location: string;
  readonly file: string;
  readonly identity: FileIdentity;
  readonly tensors: readonly External[];
}

/** A data file of the result that tensors come into. */
export interface AddedLayout {
  /** Offset of a tensor that was added. */
  readonly addedAt: (piece: string, tensor: string) => number;
  readonly output: OutputFile;
}

/** One with tensors of the source, too. */
export interface DataLayout extends AddedLayout {
  /** New offset of a kept tensor. */
  offsetOf(tensor: External): number;
}

/** @throws CheckpointError if one of the files cannot be read, or does not hold what the model says */
export async function dataFiles(
  model: string,
  tensors: readonly OnnxTensor[],
  signal?: AbortSignal,
): Promise<DataFile[]> {
  const external = tensors.filter((tensor): tensor is External => tensor.data.kind === 'external');
  const files = new FileSet();
  try {
    const locations = external.map(({ data }) => data.location);
    const found = await ExternalFiles.find(model, locations, files, signal);
    const byLocation = new Map<string, External[]>();
    for (const tensor of external) {
      const location = path.posix.normalize(tensor.data.location);
      const held = byLocation.get(location);
      if (held) held.push(tensor);
      else byLocation.set(location, [tensor]);
    }
    const result: DataFile[] = [];
    for (const [location, held] of byLocation) {
      // Each is looked at: one that reaches beyond the file's end is refused.
      const [file] = held.map((tensor) => found.locate(tensor, tensor.data));
      const identity = await files.use(file!, (reader) => Promise.resolve(reader.identity));
      result.push({ location, file: file!, identity, tensors: held });
    }
    return result;
  } finally {
    await files.close();
  }
}

/** The file as it is. */
export function wholeFile({ location, file, identity, tensors }: DataFile): OutputFile {
  return {
    path: location,
    bytes: identity.size,
    tensorBytes: bytesIn(joined(tensors)),
    pieces: [],
    write: (append, _, signal) =>
      reading(file, identity, (reader) => copyRange({ start: 0, end: identity.size }, reader, append, signal)),
  };
}

/** The file without the tensors in `dropped` and with those in `added` behind the rest. */
export function changedFile(
  { location, file, identity, tensors }: DataFile,
  dropped: ReadonlySet<string>,
  added: readonly AddedTensor[],
): DataLayout {
  const ranges = joined(tensors.filter(({ name }) => !dropped.has(name)));
  let end = 0;
  const starts = ranges.map(({ start, end: until }) => {
    const at = aligned(end, start);
    end = at + until - start;
    return at;
  });
  const behind = addedBehind(end, location, added);
  const write = async (append: Append, pieces: PieceReader, signal: AbortSignal): Promise<void> => {
    let position = 0;
    await reading(file, identity, async (reader) => {
      for (const [index, range] of ranges.entries()) {
        const start = starts[index]!;
        if (start > position) await append(ZEROS.subarray(0, start - position));
        await copyRange(range, reader, append, signal);
        position = start + range.end - range.start;
      }
    });
    await behind.output.write(append, pieces, signal);
  };
  return {
    offsetOf({ data: { offset } }) {
      const index = ranges.findLastIndex(({ start }) => start <= offset);
      return starts[index]! + offset - ranges[index]!.start;
    },
    addedAt: behind.addedAt,
    output: {
      ...behind.output,
      bytes: end + behind.output.bytes,
      tensorBytes: bytesIn(ranges) + behind.output.tensorBytes!,
      write,
    },
  };
}

/** A file of its own. */
export function addedFile(location: string, added: readonly AddedTensor[]): AddedLayout {
  return addedBehind(0, location, added);
}

/** The tensors that come into a file behind its first `end` bytes; `output` writes, and counts, what is behind those. */
function addedBehind(end: number, location: string, added: readonly AddedTensor[]): AddedLayout {
  let until = end;
  const places = new Map<string, number>();
  for (const { piece, tensor, length } of added) {
    const at = aligned(until, 0);
    places.set(JSON.stringify([piece, tensor]), at);
    until = at + length;
  }
  const addedAt = (piece: string, tensor: string): number => places.get(JSON.stringify([piece, tensor]))!;
  const write = async (append: Append, pieces: PieceReader): Promise<void> => {
    let position = end;
    for (const { piece, tensor, length } of added) {
      const at = addedAt(piece, tensor);
      if (at > position) await append(ZEROS.subarray(0, at - position));
      await append(await pieces.read(piece, tensor));
      position = at + length;
    }
  };
  return {
    addedAt,
    output: {
      path: location,
      bytes: until - end,
      tensorBytes: added.reduce((sum, { length }) => sum + length, 0),
      pieces: [...new Set(added.map(({ piece }) => piece))],
      write,
    },
  };
}

function bytesIn(ranges: readonly { readonly start: number; readonly end: number }[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

async function reading<T>(file: string, identity: FileIdentity, work: (reader: FileReader) => Promise<T>): Promise<T> {
  const reader = await FileReader.open(file, identity);
  try {
    return await work(reader);
  } finally {
    await reader.close();
  }
}

/** Ranges of the tensors in the file, those that overlap as one: tensors may share their elements. */
function joined(tensors: readonly External[]): { start: number; end: number }[] {
  const ranges = tensors.map(({ data, byteLength }) => ({ start: data.offset, end: data.offset + byteLength }));
  ranges.sort((a, b) => a.start - b.start);
  const result: { start: number; end: number }[] = [];
  for (const range of ranges) {
    const last = result.at(-1);
    if (last && range.start < last.end) last.end = Math.max(last.end, range.end);
    else result.push({ ...range });
  }
  return result;
}

/** The first place from `from` on that has the alignment that `offset` has. */
function aligned(from: number, offset: number): number {
  let alignment = LEAST_ALIGNMENT;
  while (offset > 0 && alignment < LARGEST_ALIGNMENT && offset % (2 * alignment) === 0) alignment *= 2;
  return Math.ceil(from / alignment) * alignment;
}
