/**
 * ONNX models: the weights of a computation graph, in the model file and in files beside it. Opening walks the
 * protobuf structure and skips the elements; nothing of the graph is run. Quantised weights are shown decoded
 * (`onnxQuantised.ts`), under the name of their codes.
 *
 * Convolution weights are (out, in, spatial…), as the Conv operator defines them. `group` is always '': a graph has
 * no wrappers. Integer constants (shapes, axes) are listed like any other tensor.
 */
import type { PackedType } from '../../shared/tensors';
import { type Checkpoint, type CheckpointFormat, type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { elementSize } from '../elements/dtype';
import { FileSet } from '../files/fileSet';
import { ExternalFiles } from './onnxExternalData';
import { isOrtFormat, looksLikeOnnx } from './onnxHead';
import { readModel, type OnnxModel } from './onnxModel';
import { Operators } from './onnxOperators';
import { nameBeforeQuantising, quantisedOperators, quantisedWeights } from './onnxQuantised';
import { TypedDataReader } from '../containers/protobufNumbers';
import { matricesOfInputRows, usingOperators, weightUses } from './onnxUses';
import { decodedType, decodePacked, packedBand } from '../elements/packedElements';
import { PartReader, quantisedInfo, type QuantisedWeight } from '../quantised/quantisedWeight';
import { bandBytes, type RowRange } from '../elements/rowBand';
import type { RowSource } from '../elements/rowSource';
import { SourcedCheckpoint } from '../elements/sourcedCheckpoint';

export const onnxFormat: CheckpointFormat = {
  name: 'onnx',
  matches: (path, head) => isOrtFormat(head) || looksLikeOnnx(path, head),
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

interface StoredTensor {
  readonly info: TensorInfo;
  readonly source: RowSource;
}

/** Reads bytes [start, end) of one tensor as if they were stored raw. */
type ReadBytes = (start: number, end: number, signal?: AbortSignal) => Promise<Uint8Array>;

async function open(path: string, files: FileSet, signal?: AbortSignal): Promise<Checkpoint> {
  const model = await files.use(path, async (reader) => {
    if (isOrtFormat(await reader.read(0, Math.min(reader.size, 8), signal))) {
      const remedy = 'open the .onnx model that it was made from';
      throw new CheckpointError('unsupported', "is a model in onnxruntime's own format (ORT)", { file: path, remedy });
    }
    return readModel(reader, (operator) => quantisedOperators.has(operator) || usingOperators.has(operator), signal);
  });
  const locations = model.tensors.flatMap(({ data }) => (data.kind === 'external' ? [data.location] : []));
  const external = await ExternalFiles.find(path, locations, files, signal);
  const stored = storedTensors(path, model, external, files);
  const operators = new Operators(
    model.calls,
    stored.map((tensor) => tensor?.info),
  );
  const decoded = withQuantisedWeights(path, stored, quantisedWeights(operators, model.problems));
  const uses = weightUses(operators);
  const inputRows = matricesOfInputRows(operators);
  const shown = decoded.map(({ info, source }) => {
    const inputsFirst = inputRows.has(info.name) && { inputsFirst: true as const };
    return { info: { ...info, ...uses.get(info.name), ...inputsFirst }, source };
  });
  return new SourcedCheckpoint(files.under(path), {
    format: 'onnx',
    files: [path, ...external.paths],
    metadata: Object.fromEntries(model.metadata),
    tensors: shown.map(({ info, source }) => (info.unreadable === undefined ? { info, source } : { info })),
    problems: model.problems.list(),
  });
}

/** Each tensor of the model, or undefined where a problem says why it cannot be read. */
function storedTensors(
  path: string,
  model: OnnxModel,
  external: ExternalFiles,
  files: FileSet,
): (StoredTensor | undefined)[] {
  const firstOf = new Map<string, string>();
  return model.tensors.map((tensor) => {
    const { name, shape, dtype, packed, byteLength, data } = tensor;
    let readBytes: ReadBytes;
    let sharedWith: string | undefined;
    if (data.kind === 'external') {
      let file: string;
      try {
        file = external.locate(tensor, data);
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        model.problems.push(error.toProblem());
        return undefined;
      }
      readBytes = rawBytes(files, file, data.offset);
      const view = JSON.stringify([file, data.offset, packed ?? dtype, shape]);
      sharedWith = firstOf.get(view);
      if (sharedWith === undefined && byteLength > 0) firstOf.set(view, name);
    } else if (data.kind === 'raw') {
      readBytes = rawBytes(files, path, data.start);
    } else {
      readBytes = typedBytes(files, path, new TypedDataReader(data, dtype, byteLength, name));
    }
    const info: TensorInfo = {
      name,
      group: '',
      shape,
      ...(packed ? decodedInfo(packed, shape, byteLength) : { dtype, byteLength }),
      kernelLayout: 'OI…',
      ...(sharedWith !== undefined && { sharedWith }),
    };
    return { info, source: sourceOf(info, packed, readBytes) };
  });
}

/** Holds on to nothing but what it reads: the graph is let go of once the tensors are known. */
function sourceOf(info: TensorInfo, packed: PackedType | undefined, readBytes: ReadBytes): RowSource {
  return { readRows: (rows, signal) => readRows(info, packed, readBytes, rows, signal) };
}

function typedBytes(files: FileSet, path: string, typed: TypedDataReader): ReadBytes {
  return (start, end, signal) => files.use(path, (reader) => typed.read(reader, { start, end }, signal));
}

async function readRows(
  info: TensorInfo,
  packed: PackedType | undefined,
  readBytes: ReadBytes,
  rows: RowRange,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (!packed) {
    const { offset, length } = bandBytes(info, rows);
    return readBytes(offset, offset + length, signal);
  }
  const { offset, length, skip, count } = packedBand(info, packed, rows);
  return decodePacked(await readBytes(offset, offset + length, signal), packed, skip, count);
}

/** The tensors with each quantised weight in the place of its codes, and without its other parts. */
function withQuantisedWeights(
  path: string,
  stored: readonly (StoredTensor | undefined)[],
  weights: readonly QuantisedWeight[],
): StoredTensor[] {
  const tensors = stored.filter((tensor) => tensor !== undefined);
  if (weights.length === 0) return tensors;
  const byName = new Map(tensors.map((tensor) => [tensor.info.name, tensor]));
  const weightOf = new Map(weights.map((weight) => [weight.name, weight]));
  const parts = new Set(weights.flatMap((weight) => weight.parts.map(({ name }) => name)));
  return tensors.flatMap((tensor) => {
    const weight = weightOf.get(tensor.info.name);
    if (!weight) return parts.has(tensor.info.name) ? [] : [tensor];
    const alias = nameBeforeQuantising(weight.name);
    const info = { ...quantisedInfo(weight, ''), ...(alias !== undefined && !byName.has(alias) && { alias }) };
    return [{ info, source: decodedRows(path, weight, byName) }];
  });
}

function decodedRows(path: string, weight: QuantisedWeight, stored: ReadonlyMap<string, StoredTensor>): RowSource {
  return {
    async readRows(rows, signal) {
      const reader = new PartReader(({ name, shape }, band) =>
        stored.get(name)!.source.readRows(band ?? { start: 0, end: shape[0] ?? 1 }, signal),
      );
      try {
        const elements = await weight.decode(rows, reader);
        return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        throw new CheckpointError(error.code, error.reason, { file: path, ...error.where, tensor: weight.name });
      }
    },
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

function rawBytes(files: FileSet, path: string, base: number): ReadBytes {
  return (start, end, signal) => files.use(path, (reader) => reader.read(base + start, end - start, signal));
}
