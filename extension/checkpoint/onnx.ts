/**
 * ONNX models: the weights of a computation graph, in the model file and in files beside it. Opening walks the
 * protobuf structure and skips the elements; nothing of the graph is run.
 *
 * Convolution weights are (out, in, spatial…), as the Conv operator defines them. `group` is always '': a graph has
 * no wrappers. Integer constants (shapes, axes) are listed like any other tensor.
 */
import { CheckpointError, type Checkpoint, type CheckpointFormat, type TensorInfo } from './checkpoint';
import { elementSize } from './dtype';
import { FileSet } from './fileSet';
import { ExternalFiles } from './onnxExternalData';
import { looksLikeOnnx } from './onnxHead';
import { readModel } from './onnxModel';
import { TypedDataReader } from './onnxTypedData';
import { decodedType, decodePacked, packedBand, type PackedType } from './packedElements';
import { bandBytes, type RowRange } from './rowBand';

export const onnxFormat: CheckpointFormat = {
  name: 'onnx',
  suffixes: ['.onnx'],
  matches: looksLikeOnnx,
  async open(path, signal) {
    const files = new FileSet();
    try {
      return await open(path, files, signal);
    } catch (error) {
      await files.close();
      throw error;
    }
  },
};

/** Reads bytes [start, end) of one tensor as if they were stored raw. */
type TensorSource = (start: number, end: number, signal?: AbortSignal) => Promise<Uint8Array>;

async function open(path: string, files: FileSet, signal?: AbortSignal): Promise<Checkpoint> {
  const model = await files.use(path, (reader) => readModel(reader, signal));
  const locations = model.tensors.flatMap(({ data }) => (data.kind === 'external' ? [data.location] : []));
  const external = await ExternalFiles.find(path, locations, files, signal);
  const tensors: TensorInfo[] = [];
  const sources = new Map<string, TensorSource>();
  const packings = new Map<string, PackedType>();
  const firstOf = new Map<string, string>();
  for (const tensor of model.tensors) {
    const { name, shape, dtype, packed, byteLength, data } = tensor;
    let sharedWith: string | undefined;
    if (packed) packings.set(name, packed);
    if (data.kind === 'external') {
      let file: string;
      try {
        file = external.locate(tensor, data);
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        model.problems.push(error.toProblem());
        continue;
      }
      sources.set(name, rawSource(files, file, data.offset));
      const view = JSON.stringify([file, data.offset, packed ?? dtype, shape]);
      sharedWith = firstOf.get(view);
      if (sharedWith === undefined && byteLength > 0) firstOf.set(view, name);
    } else if (data.kind === 'raw') {
      sources.set(name, rawSource(files, path, data.start));
    } else {
      const typed = new TypedDataReader(data, dtype, byteLength, name);
      sources.set(name, (start, end, signal) =>
        files.use(path, (reader) => typed.read(reader, { start, end }, signal)),
      );
    }
    tensors.push({
      name,
      group: '',
      shape,
      ...(packed ? decodedInfo(packed, shape, byteLength) : { dtype, byteLength }),
      kernelLayout: 'OI…',
      ...(sharedWith !== undefined && { sharedWith }),
    });
  }
  return {
    path,
    format: 'onnx',
    files: [path, ...external.paths],
    metadata: Object.fromEntries(model.metadata),
    tensors,
    problems: model.problems.list(),
    async read(tensor: TensorInfo, rows?: RowRange, signal?: AbortSignal) {
      signal?.throwIfAborted();
      const source = sources.get(tensor.name);
      if (!source) {
        throw new CheckpointError('malformed', 'is not in the checkpoint', { file: path, tensor: tensor.name });
      }
      const packed = packings.get(tensor.name);
      if (!packed) {
        const { offset, length } = bandBytes(tensor, rows);
        return source(offset, offset + length, signal);
      }
      const { offset, length, skip, count } = packedBand(tensor, packed, rows);
      return decodePacked(await source(offset, offset + length, signal), packed, skip, count);
    },
    close: () => files.close(),
  };
}

/** Packed elements as they are read. */
function decodedInfo(
  packed: PackedType,
  shape: readonly number[],
  storedBytes: number,
): Pick<TensorInfo, 'dtype' | 'byteLength' | 'encoding'> {
  const dtype = decodedType(packed);
  const byteLength = shape.reduce((product, size) => product * size, elementSize(dtype));
  return { dtype, byteLength, encoding: { name: packed, byteLength: storedBytes } };
}

function rawSource(files: FileSet, path: string, base: number): TensorSource {
  return (start, end, signal) => files.use(path, (reader) => reader.read(base + start, end - start, signal));
}
