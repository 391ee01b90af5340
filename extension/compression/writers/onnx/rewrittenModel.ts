/** The files of an ONNX model with pairs of factors in place of weights: what changes in the graph, and where bytes go. */
import path from 'node:path';
import { type Field, ProtobufReader } from '../../../checkpoint/containers/protobufReader';
import { FileReader, type FileIdentity } from '../../../checkpoint/files/fileReader';
import type { OnnxPlaces, WeightPlace } from '../../../checkpoint/onnx/onnxPlaces';
import type { TreeGraph, TreeNode } from '../../../checkpoint/onnx/onnxTree';
import { CompressionError } from '../../compressionError';
import { byteLength, type HeaderEntry } from '../../safetensorsLayout';
import { NOTE_KEY } from '../../../shared/compression/savedNote';
import type { OutputFile, Piece } from '../writer';
import { changedFile, wholeFile, type AddedTensor, type DataFile, type DataLayout } from './externalLayout';
import type { FactorableUse, FactorableWeight } from './factorableUses';
import { factoredNodes, factorNames, needsZero, valuesBetween, type FactorNames } from './factoredNodes';
import {
  constantMessage,
  externalEntries,
  isOnnxFloat,
  metadataField,
  tensorMessage,
  valueMessage,
  type NewOnnxTensor,
} from './onnxMessages';
import { atEndOf, inPlaceOf, lengthOf, nested, rewritten, writeStretches, type Change } from './protobufRewrite';

/** Protobuf's own limit of a message: no reader takes a larger model. */
const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** Before it, initializers are inputs of the graph, too. */
const INITIALIZERS_ALONE_SINCE = 4;

export interface OnnxSource {
  readonly file: string;
  readonly identity: FileIdentity;
  readonly places: OnnxPlaces;
  readonly data: readonly DataFile[];
}

export interface FactoredWeight {
  readonly main: FactorableWeight;
  /** Other weights with the same numbers. */
  readonly twins: readonly FactorableWeight[];
  /** `A`, `B` and perhaps a bias, in this order. */
  readonly piece: Piece;
}

/**
 * @param note for the model's metadata
 * @throws CompressionError `name-collision`; `unsupported` for a model over 2 GB
 */
export async function rewrittenModel(
  source: OnnxSource,
  weights: readonly FactoredWeight[],
  note: string,
  signal: AbortSignal,
): Promise<OutputFile[]> {
  const { places, file, identity } = source;
  assertNamesFree(places, weights);
  const layouts = dataLayouts(source, weights);
  const changes = [
    ...weights.flatMap((weight) => weightChanges(weight, places, layouts)),
    ...(await movedTensors(source, layouts, new Set(weights.flatMap(droppedNames)), signal)),
    ...(weights.length > 0 ? noteChanges(places, note) : []),
  ];
  const stretches = rewritten(places.tree.size, changes);
  const bytes = lengthOf(stretches);
  if (bytes > MAX_MODEL_BYTES) {
    const reason = `would have ${bytes} bytes, and no program reads an ONNX file of more than 2 GB; keep its weights in a data file beside it, or choose lower ranks`;
    throw new CompressionError('unsupported', reason, { file: path.basename(file) });
  }
  const model: OutputFile = {
    path: path.basename(file),
    bytes,
    pieces: weights.map(({ piece }) => piece.of),
    async write(append, pieces, cancel) {
      const reader = await FileReader.open(file, identity);
      try {
        await writeStretches(stretches, { file: reader, pieces }, append, cancel);
      } finally {
        await reader.close();
      }
    },
  };
  const others = source.data.map((data) => layouts.get(data)?.output ?? wholeFile(data));
  return [model, ...others];
}

function droppedNames({ main, twins }: FactoredWeight): string[] {
  return [main, ...twins].map(({ place }) => place.tensor.name);
}

function namesOf({ place }: FactorableWeight): FactorNames {
  return factorNames(place.value);
}

function allNames({ a, b, zero, bias }: FactorNames): string[] {
  return [a, b, zero, bias];
}

/** @throws CompressionError `name-collision` where a name that is needed is taken by another value */
function assertNamesFree({ tree }: OnnxPlaces, weights: readonly FactoredWeight[]): void {
  const taken = new Set<string>();
  for (const { nodes, initializers, inputs } of tree.graphs) {
    for (const node of nodes) for (const output of node.outputs) taken.add(output);
    for (const { name } of [...initializers, ...inputs]) taken.add(name);
  }
  for (const { main, twins, piece } of weights) {
    const biased = piece.tensors.length > 2;
    for (const weight of [main, ...twins]) {
      const between = weight.uses.flatMap((use) => valuesBetween(use, biased));
      const clash = [...allNames(namesOf(weight)), ...between].find((name) => taken.has(name));
      if (clash === undefined) continue;
      const reason = `the graph has a value called ${clash} already, which the factors would be; rename it`;
      throw new CompressionError('name-collision', reason, { layer: weight.place.tensor.name });
    }
  }
}

/** Of the data files that held a weight that goes. */
function dataLayouts({ data }: OnnxSource, weights: readonly FactoredWeight[]): Map<DataFile, DataLayout> {
  const dropped = new Set(weights.flatMap(droppedNames));
  const layouts = new Map<DataFile, DataLayout>();
  for (const file of data) {
    if (!file.tensors.some(({ name }) => dropped.has(name))) continue;
    layouts.set(file, changedFile(file, dropped, addedTo(file, weights)));
  }
  return layouts;
}

/** Factors whose weight lay in the file. */
function addedTo({ tensors }: DataFile, weights: readonly FactoredWeight[]): AddedTensor[] {
  const held = new Set(tensors.map(({ name }) => name));
  return weights
    .filter(({ main }) => held.has(main.place.tensor.name))
    .flatMap(({ piece }) =>
      piece.tensors.map((tensor) => ({ piece: piece.of, tensor: tensor.name, length: byteLength(tensor) })),
    );
}

function weightChanges(
  { main, twins, piece }: FactoredWeight,
  places: OnnxPlaces,
  layouts: ReadonlyMap<DataFile, DataLayout>,
): Change[] {
  const opset = places.tree.opsets.get('') ?? 1;
  const spatial = Math.max(0, main.place.tensor.shape.length - 2);
  return [main, ...twins].flatMap((weight) => {
    const names = namesOf(weight);
    const form = { biased: piece.tensors.length > 2, opset, spatial };
    const tensors = newTensors(weight, main, piece, layouts, opset);
    return [
      definitionChange(weight.place, tensors),
      ...inputChanges(weight.place, tensors, places.tree.irVersion),
      ...weight.dropped.flatMap((node) => [gone(node), ...descriptions(node.graph, node.outputs)]),
      ...descriptions(weight.place.graph, [weight.place.value]),
      ...weight.uses.map((use) => nodeChange(use, factoredNodes(use, names, form))),
    ];
  });
}

function nodeChange({ node }: FactorableUse, put: Change['put']): Change {
  return inPlaceOf(node.graph.path, node.field, put);
}

function gone({ graph, field }: TreeNode): Change {
  return inPlaceOf(graph.path, field, []);
}

/** What the graph says of values that are no longer there. */
function descriptions(graph: TreeGraph, values: readonly string[]): Change[] {
  const said = graph.described.filter(({ name }) => values.includes(name));
  return said.map(({ field }) => inPlaceOf(graph.path, field, []));
}

function newTensors(
  weight: FactorableWeight,
  main: FactorableWeight,
  piece: Piece,
  layouts: ReadonlyMap<DataFile, DataLayout>,
  opset: number,
): NewOnnxTensor[] {
  const { a, b, bias, zero } = namesOf(weight);
  const held = [...layouts].find(([file]) => file.tensors.some(({ name }) => name === main.place.tensor.name));
  const tensors = piece.tensors.map((tensor, index): NewOnnxTensor => {
    const length = byteLength(tensor);
    const name = [a, b, bias][index]!;
    if (!held) return newTensor(name, tensor, { inline: { length, piece: piece.of, tensor: tensor.name } });
    const [file, layout] = held;
    const first = file.tensors.find(({ name: each }) => each === main.place.tensor.name)!;
    const offset = layout.addedAt(piece.of, tensor.name);
    return newTensor(name, tensor, { location: first.data.location, offset, length });
  });
  if (!weight.uses.some((use) => needsZero(use, opset))) return tensors;
  const [{ dtype }] = tensors as [NewOnnxTensor];
  const width = dtype === 'F64' ? 8 : dtype === 'F32' ? 4 : 2;
  return [...tensors, { name: zero, shape: [1], dtype, elements: { inline: new Uint8Array(width) } }];
}

function newTensor(name: string, { shape, dtype }: HeaderEntry, elements: NewOnnxTensor['elements']): NewOnnxTensor {
  if (!isOnnxFloat(dtype)) throw new RangeError(`${name} would be of type ${dtype}`);
  return { name, shape, dtype, elements };
}

/** Initializers for an initializer, Constant nodes for one. */
function definitionChange({ definition, graph }: WeightPlace, tensors: readonly NewOnnxTensor[]): Change {
  const isNode = 'operator' in definition;
  const put = tensors.flatMap((tensor) =>
    isNode ? nested(1, ...constantMessage(tensor)) : nested(5, ...tensorMessage(tensor)),
  );
  return inPlaceOf(graph.path, definition.field, put);
}

function inputChanges(
  { value, graph, definition }: WeightPlace,
  tensors: readonly NewOnnxTensor[],
  ir: number,
): Change[] {
  const inputs = graph.inputs.filter(({ name }) => name === value);
  const put = tensors.flatMap((tensor) => nested(11, ...valueMessage(tensor)));
  const needed = ir < INITIALIZERS_ALONE_SINCE && !('operator' in definition) && graph.around === undefined;
  return [
    ...inputs.map(({ field }) => inPlaceOf(graph.path, field, [])),
    ...(needed ? [atEndOf(graph.path, put)] : []),
  ];
}

/** Kept tensors in a data file whose other tensors went. */
async function movedTensors(
  { file, identity, places }: OnnxSource,
  layouts: ReadonlyMap<DataFile, DataLayout>,
  dropped: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Change[]> {
  const changes: Change[] = [];
  if (layouts.size === 0) return changes;
  const source = await FileReader.open(file, identity);
  try {
    const reader = new ProtobufReader(source, signal);
    for (const [{ tensors }, layout] of layouts) {
      for (const tensor of tensors) {
        if (dropped.has(tensor.name)) continue;
        const offset = layout.offsetOf(tensor);
        if (offset === tensor.data.offset) continue;
        const place = places.find(tensor.name);
        if (!place) {
          const reason = `shares its data file with a weight that goes, and stands in a function, which is not rewritten`;
          throw new CompressionError('unsupported', `${reason}; keep the file's weights dense`, { layer: tensor.name });
        }
        const entries: Field[] = [];
        await reader.walk(place.path.at(-1)!, (field) => {
          if (field.number === 13) entries.push(field);
        });
        const put = externalEntries(tensor.data.location, offset, tensor.byteLength);
        for (const [index, entry] of entries.entries()) {
          changes.push(inPlaceOf(place.path, entry, index === 0 ? put : []));
        }
      }
    }
  } finally {
    await source.close();
  }
  return changes;
}

/** The note in the model's metadata, in place of an earlier one. */
function noteChanges({ tree: { size, metadata } }: OnnxPlaces, note: string): Change[] {
  const earlier = metadata.filter(({ name }) => name === NOTE_KEY);
  return [
    ...earlier.map(({ field }) => inPlaceOf([], field, [])),
    { path: [], at: size, until: size, put: metadataField(NOTE_KEY, note) },
  ];
}
