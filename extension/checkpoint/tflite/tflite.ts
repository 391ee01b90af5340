/**
 * TensorFlow Lite models (LiteRT): the constant tensors of their graphs, quantised ones as the numbers they stand for.
 * Nothing of the graph is run; which operator takes a kernel tells the order of its axes.
 *
 * A weight that several subgraphs (signatures) share is one tensor, under its first name.
 */
import { product } from '../../shared/matrixAxes';
import type { KernelLayout } from '../../shared/tensors';
import type { CheckpointFormat, TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { elementSize } from '../elements/dtype';
import { FileReader } from '../files/fileReader';
import { decodedType } from '../elements/packedElements';
import { SourcedCheckpoint, type SourcedContents, type SourcedTensor } from '../elements/sourcedCheckpoint';
import { elementSource } from './tfliteElements';
import { readModel, type FoundTfliteTensor } from './tfliteModel';
import type { TfliteTensor } from './tfliteTensor';
import { scopedNames } from '../elements/scopedNames';

const FORMAT = 'tflite';

/** Behind the offset of the root table. */
const IDENTIFIER = 'TFL3';
const IDENTIFIER_OFFSET = 4;

type Writable = { -readonly [Key in keyof TensorInfo]: TensorInfo[Key] };

export const tfliteFormat: CheckpointFormat = {
  name: FORMAT,
  matches: (_file, head) => identifierOf(head) === IDENTIFIER,
  async open(file, signal) {
    const reader = await FileReader.open(file);
    try {
      return new SourcedCheckpoint(reader, await readContents(reader, signal));
    } catch (error) {
      await reader.close();
      throw error;
    }
  },
};

function identifierOf(head: Uint8Array): string {
  const end = IDENTIFIER_OFFSET + IDENTIFIER.length;
  return Buffer.from(head.subarray(IDENTIFIER_OFFSET, end)).toString('latin1');
}

async function readContents(file: FileReader, signal?: AbortSignal): Promise<SourcedContents> {
  const identifier = identifierOf(await file.read(0, IDENTIFIER_OFFSET + IDENTIFIER.length, signal));
  if (identifier !== IDENTIFIER) {
    const message = `is not a TensorFlow Lite model: it is marked ${JSON.stringify(identifier)}, not "${IDENTIFIER}"`;
    throw new CheckpointError('unknown-format', message, { file: file.path, offset: IDENTIFIER_OFFSET });
  }
  const { metadata, tensors, problems } = await readModel(file, signal);
  return { format: FORMAT, metadata, problems: problems.list(), tensors: listed(file, tensors) };
}

function listed(file: FileReader, found: readonly FoundTfliteTensor[]): SourcedTensor[] {
  const names = scopedNames(found.map(({ name, scope, subgraph }) => ({ name, scope, depth: Math.min(subgraph, 1) })));
  const firstOf = new Map<string, { readonly name: string; readonly subgraph: number }>();
  return found.flatMap(({ tensor, subgraph, kernelLayout }, index): SourcedTensor[] => {
    const name = names[index]!;
    const { type, shape, data, quantisation } = tensor;
    // Nothing tells which of those in another file are one.
    const stored = data.length > 0 ? data : index;
    const view = JSON.stringify([stored, type.name, shape, quantisation?.scales, kernelLayout]);
    const first = firstOf.get(view);
    if (first && first.subgraph !== subgraph) return [];
    if (!first) firstOf.set(view, { name, subgraph });
    const info = listedInfo(tensor, name, kernelLayout);
    if (first) info.sharedWith = first.name;
    return [tensor.unreadable === undefined ? { info, source: elementSource(file, tensor) } : { info }];
  });
}

/** No spread: of 100 000 objects that are copied together, each would be a table of its own. */
function listedInfo(
  { shape, type, data, quantisation, sparsity, unreadable }: TfliteTensor,
  name: string,
  kernelLayout: KernelLayout,
): Writable {
  const plain = type.packed ? decodedType(type.packed) : (type.dtype ?? 'U8');
  const dtype = quantisation ? 'F32' : plain;
  const byteLength = product(shape) * elementSize(dtype);
  const info: Writable = { name, group: '', shape, dtype, byteLength, kernelLayout };
  const encoding = [type.name, quantisation?.grouping, sparsity && 'sparse'].filter(Boolean).join(' ');
  if (encoding !== type.dtype) info.encoding = { name: encoding, byteLength: data.length };
  if (unreadable !== undefined) info.unreadable = unreadable;
  return info;
}
