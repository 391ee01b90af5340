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
import {
  addedFile,
  changedFile,
  wholeFile,
  type AddedLayout,
  type AddedTensor,
  type DataFile,
  type DataLayout,
} from './externalLayout';
import type { FactorableUse, FactorableWeight } from './factorableUses';
import { factoredNodes, factorNames, needsZero, type FactorNames } from './factoredNodes';
import { nameClash, takenNames } from './freeNames';
import {
  constantMessage,
  externalEntries,
  isOnnxFloat,
  metadataField,
  tensorMessage,
  valueMessage,
  type NewOnnxTensor,
} from './onnxMessages';
import {
  atEndOf,
  inPlaceOf,
  lengthOf,
  nested,
  rewritten,
  writeStretches,
  type Change,
  type Stretch,
} from './protobufRewrite';

/** Protobuf's own limit of a message: no reader takes a larger model. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

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
 * Factors stand where their weights stood. If they then make the model itself too large, those in it move into a data file
 * beside it.
 *
 * @param note for the model's metadata
 * @param most bytes of the model itself
 * @throws CompressionError `name-collision`; `unsupported` for a model that is too large without any factor
 */
export async function rewrittenModel(
  source: OnnxSource,
  weights: readonly FactoredWeight[],
  note: string,
  most: number,
  signal: AbortSignal,
): Promise<OutputFile[]> {
  const { places, file, identity } = source;
  assertNamesFree(places, weights);
  const layouts = dataLayouts(source, weights);
  const dropped = new Set(weights.flatMap(droppedNames));
  const others = [
    ...(await movedTensors(source, layouts, dropped, signal)),
    ...(weights.length > 0 ? noteChanges(places, note) : []),
  ];
  const withFactors = (beside?: AddedLayout): Stretch[] => {
    const placeOf = factorPlaces(layouts, beside);
    const changes = weights.flatMap((weight) => weightChanges(weight, places, placeOf));
    return rewritten(places.tree.size, [...changes, ...others]);
  };
  const inside = weights.filter((weight) => factorPlaces(layouts)(weight) === undefined);
  let beside: AddedLayout | undefined;
  let stretches = withFactors();
  if (lengthOf(stretches) > most && inside.length > 0) {
    beside = addedFile(freeLocation(source), inside.flatMap(addedTensors));
    stretches = withFactors(beside);
  }
  const bytes = lengthOf(stretches);
  if (bytes > most) {
    const reason = `would have ${bytes} bytes without its factors, and no program reads an ONNX file of more than ${most}; save the original with its weights in a data file beside it, and compress that`;
    throw new CompressionError('unsupported', reason, { file: path.basename(file) });
  }
  const kept = places.tensors.filter(({ name, data }) => data.kind !== 'external' && !dropped.has(name));
  const model: OutputFile = {
    path: path.basename(file),
    bytes,
    tensorBytes:
      kept.reduce((sum, tensor) => sum + tensor.byteLength, 0) +
      (beside ? [] : inside).reduce((sum, weight) => sum + (1 + weight.twins.length) * bytesAdded(weight), 0),
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
  const data = source.data.map((each) => layouts.get(each)?.output ?? wholeFile(each));
  return [model, ...data, ...(beside ? [beside.output] : [])];
}

/** A name for a data file beside the model that no other of its files has. */
function freeLocation({ file, data }: OnnxSource): string {
  const taken = new Set(data.map(({ location }) => location.toLowerCase()));
  const name = `${path.basename(file)}.data`;
  for (let number = 0; ; number++) {
    const location = number === 0 ? name : `${name}.${number}`;
    if (!taken.has(location.toLowerCase())) return location;
  }
}

function droppedNames({ main, twins }: FactoredWeight): string[] {
  return [main, ...twins].map(({ place }) => place.tensor.name);
}

function namesOf({ place }: FactorableWeight): FactorNames {
  return factorNames(place.value);
}

/** @throws CompressionError `name-collision` where a name that is needed is taken by another value */
function assertNamesFree({ tree }: OnnxPlaces, weights: readonly FactoredWeight[]): void {
  const taken = takenNames(tree);
  for (const { main, twins, piece } of weights) {
    const biased = piece.tensors.length > 2;
    for (const weight of [main, ...twins]) {
      const reason = nameClash(weight, biased, taken);
      if (reason === undefined) continue;
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
  return weights.filter(({ main }) => held.has(main.place.tensor.name)).flatMap(addedTensors);
}

function addedTensors({ piece }: FactoredWeight): AddedTensor[] {
  return piece.tensors.map((tensor) => ({ piece: piece.of, tensor: tensor.name, length: byteLength(tensor) }));
}

function bytesAdded(weight: FactoredWeight): number {
  return addedTensors(weight).reduce((sum, { length }) => sum + length, 0);
}

/** The data file that a weight's factors come into, as the model is to name it; undefined if the model itself holds them. */
type PlaceOf = (
  weight: FactoredWeight,
) => { readonly location: string; readonly addedAt: AddedLayout['addedAt'] } | undefined;

/** @param beside for factors of weights that lay in the model itself */
function factorPlaces(layouts: ReadonlyMap<DataFile, DataLayout>, beside?: AddedLayout): PlaceOf {
  const held = new Map(
    [...layouts].flatMap(([{ tensors }, { addedAt }]) =>
      tensors.map(({ name, data: { location } }) => [name, { location, addedAt }] as const),
    ),
  );
  const own = beside && { location: beside.output.path, addedAt: beside.addedAt };
  return ({ main }) => held.get(main.place.tensor.name) ?? own;
}

function weightChanges(factored: FactoredWeight, places: OnnxPlaces, placeOf: PlaceOf): Change[] {
  const { main, twins, piece } = factored;
  const opset = places.tree.opsets.get('') ?? 1;
  const spatial = Math.max(0, main.place.tensor.shape.length - 2);
  return [main, ...twins].flatMap((weight) => {
    const names = namesOf(weight);
    const form = { biased: piece.tensors.length > 2, opset, spatial };
    const tensors = newTensors(weight, factored, placeOf, opset);
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
  factored: FactoredWeight,
  placeOf: PlaceOf,
  opset: number,
): NewOnnxTensor[] {
  const { a, b, bias, zero } = namesOf(weight);
  const { piece } = factored;
  const place = placeOf(factored);
  const tensors = piece.tensors.map((tensor, index): NewOnnxTensor => {
    const length = byteLength(tensor);
    const name = [a, b, bias][index]!;
    if (!place) return newTensor(name, tensor, { inline: { length, piece: piece.of, tensor: tensor.name } });
    const offset = place.addedAt(piece.of, tensor.name);
    return newTensor(name, tensor, { location: place.location, offset, length });
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
