/** What a plan of an open checkpoint is made from: its layers, with the spectra that are known or asked for. */
import path from 'node:path';
import type { TensorInfo } from '../../checkpoint/checkpoint';
import { CheckpointError } from '../../checkpoint/checkpointError';
import { elementSize } from '../../checkpoint/elements/dtype';
import { concurrently } from '../../checkpoint/files/concurrently';
import { isInputEmbedding, isOutputMatrix } from '../../checkpoint/wrappers/embeddingNames';
import { storedFactors } from '../../checkpoint/wrappers/storedFactors';
import { wholeWeights } from '../../compression/writers/onnx/wholeWeights';
import { CompressionError } from '../../compression/compressionError';
import { factorLayout } from '../../compression/factorLayout';
import { isFloatDType } from '../../compression/narrow';
import { isWrittenDecoded, whyNotReplaceable } from '../../compression/storageNotes';
import type { PlanLayer } from '../../shared/compression/plans';
import type { PlanSource } from '../../shared/compression/planSource';
import { l10n } from '../../shared/language/l10n';
import type { InspectSettings, LayerResult } from '../../shared/layers';
import { maskedNames } from '../../shared/names/maskNames';
import type { EngineDocument } from '../document/engineDocument';
import { EngineError } from '../layer/engineLayer';
import type { LayerOutcome } from '../worker/layerRecords';
import { choiceMatrix, compressibleMatrix, withoutFarms } from './compressLayer';
import type { RequestParts } from './requestParts';
import { tiedLayers, type TiedLayers } from './tiedLayers';

/** Layers asked for at one time: the pool's threads and the memory budget decide how many of them compute. */
const AT_ONCE = 8;

export interface PlanSourceOptions {
  /** What is computed of layers for which it is not known: spectra alone, or FARMS too. */
  readonly compute: 'nothing' | 'spectra' | 'farms';
  /** Of the results that are looked for first. */
  readonly settings: InspectSettings;
  /** After each layer; `total` counts those that can be compressed. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Layers in the checkpoint's order. Tensors without a matrix are in `rest`.
 *
 * @throws CheckpointError from reading what tells the model; the signal's reason when it fires
 */
export async function planSource(
  { outcomes }: Pick<RequestParts, 'outcomes'>,
  document: EngineDocument,
  { compute, settings, onProgress = () => undefined }: PlanSourceOptions,
  signal: AbortSignal,
): Promise<PlanSource> {
  const { layers, ...source } = await planLayersOf(document, signal);
  const plain = withoutFarms(settings);
  let done = 0;
  const asked = layers.filter(({ leftOut }) => !leftOut?.always);
  const known = await concurrently(asked, AT_ONCE, async ({ name }) => {
    let outcome = await outcomes.known(document, name, settings);
    if (compute === 'farms') outcome ??= await outcomes.outcome(document, name, settings, signal);
    else outcome ??= await outcomes.known(document, name, plain);
    if (compute === 'spectra') outcome ??= await outcomes.outcome(document, name, plain, signal);
    onProgress(++done, asked.length);
    return outcome;
  });
  const spectra = new Map(asked.map(({ name }, i) => [name, known[i]]));
  return { ...source, layers: layers.map((layer) => withSpectrum(layer, spectra.get(layer.name))) };
}

/** The same without spectra: from headers, and a sample of the content. @throws as `planSource` */
export async function planLayersOf(document: EngineDocument, signal: AbortSignal): Promise<PlanSource> {
  const factors = storedFactors(document.checkpoint.tensors);
  const whole = await neededWhole(document, signal);
  const tied = await tiedLayers(document, signal);
  return {
    checkpoint: { name: path.basename(document.openedPath), fingerprint: await document.fingerprint(signal) },
    layers: [...document.layers.keys()].flatMap((name) => planLayer(document, name, { factors, whole, tied }) ?? []),
    rest: restOf(document),
  };
}

/** Weights of an ONNX model that only layouts beside ONNX can store compressed, and why. */
async function neededWhole(
  { checkpoint: { format, path: file } }: EngineDocument,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  if (format !== 'onnx') return new Map();
  try {
    return await wholeWeights(file, signal);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    // A damaged model: its problems are shown, and it is saved in no layout.
    return new Map();
  }
}

interface Relations {
  /** From the names of stored factors to the weight that they are added to or stand for. */
  readonly factors: ReadonlyMap<string, string>;
  /** Why weights of an ONNX model stay whole in its graph. */
  readonly whole: ReadonlyMap<string, string>;
  readonly tied: TiedLayers;
}

/** The layer without its spectrum; undefined for a tensor without a matrix. */
function planLayer(document: EngineDocument, name: string, relations: Relations): PlanLayer | undefined {
  const { tensor, geometry } = document.layer(name);
  if (!geometry) return undefined;
  const why = relations.whole.get(tensor.name);
  const leftOut = reasonFor(document, name, relations) ?? (why === undefined ? undefined : { why, always: false });
  const { tied } = relations;
  // A run makes all copies one, as the first becomes.
  const isCopy = tensor.sharedWith !== undefined || tied.firstOf(tensor.name) !== undefined;
  const uncounted = isMade(tensor) || tensor.notModel !== undefined || isCopy;
  const { outputs, inputs, ...own } = sizes(document, name);
  const copies = 1 + storedCopies(document, name, tied);
  const storedBytes = copies * own.storedBytes;
  return {
    name,
    outputs,
    inputs,
    storedBytes,
    ...(isSavedDecoded(document, tensor) && { savedBytes: copies * outputs * inputs * elementSize(tensor.dtype) }),
    elementBytes: elementSize(tensor.dtype),
    ...(copies > 1 && !isTied(document, tensor.name, tied) && { copies }),
    block: blockOf(tensor.alias ?? name),
    ...(leftOut && { leftOut }),
    ...(uncounted && { uncounted }),
  };
}

/** How often the file holds the layer's numbers again, though nothing in it says that the copies are one weight. */
function storedCopies(document: EngineDocument, name: string, tied: TiedLayers): number {
  const { tensor } = document.layer(name);
  if (tensor.sharedWith !== undefined || tied.firstOf(tensor.name) !== undefined) return 0;
  const suffix = name.slice(tensor.name.length);
  return tied.twinsOf(tensor.name).filter((twin) => document.layer(twin + suffix).tensor.sharedWith === undefined)
    .length;
}

/** The configuration says that both ends of the model are one weight. */
function isTied({ checkpoint: { config } }: EngineDocument, name: string, tied: TiedLayers): boolean {
  const isTable = (each: string): boolean => isInputEmbedding(each) || isOutputMatrix(each);
  return config.copiesAreTied && [name, ...tied.twinsOf(name)].every(isTable);
}

function sizes(document: EngineDocument, name: string): { outputs: number; inputs: number; storedBytes: number } {
  const { tensor, geometry } = document.layer(name);
  try {
    return choiceMatrix(document, name);
  } catch (error) {
    if (!(error instanceof EngineError || error instanceof CompressionError)) throw error;
    // It cannot be compressed, and is as large as it is.
    const { rows, cols, count } = geometry!;
    const parameters = rows * cols * count;
    const share = (parameters * elementSize(tensor.dtype)) / tensor.byteLength;
    return { outputs: rows, inputs: cols * count, storedBytes: share * storedBytesOf(tensor) };
  }
}

/** An ONNX file has all of its types. */
function isSavedDecoded({ checkpoint }: EngineDocument, tensor: TensorInfo): boolean {
  return checkpoint.format !== 'onnx' && isWrittenDecoded(checkpoint, tensor);
}

/** True for what no file holds. */
function isMade({ product, madeOf }: TensorInfo): boolean {
  return product !== undefined || madeOf !== undefined;
}

function storedBytesOf(tensor: TensorInfo): number {
  const { encoding, byteLength } = tensor;
  return isMade(tensor) ? 0 : (encoding?.byteLength ?? byteLength);
}

const MADE =
  'is computed from stored parts, as in a compressed model or an adapter: make a plan of the original or of the base model';

/** Why a layer stays as it is, in words that follow `it`. */
function reasonFor(
  document: EngineDocument,
  name: string,
  { factors, tied }: Relations,
): PlanLayer['leftOut'] | undefined {
  const { checkpoint } = document;
  const layer = document.layer(name);
  const { tensor, geometry } = layer;
  const always = (why: string): PlanLayer['leftOut'] => ({ why, always: true });
  if (isMade(tensor)) return always(MADE);
  const product = factors.get(tensor.name);
  if (product !== undefined) return always(`is a part of ${product}, which is stored compressed already`);
  if (tensor.notModel !== undefined) return always(`is ${tensor.notModel}, no part of the model`);
  const pruned = maskedNames(tensor.name).find((weight) => {
    const other = checkpoint.tensors.find((each) => each.name === weight);
    return other?.shape.join() === tensor.shape.join();
  });
  if (pruned !== undefined) return always(l10n.english('is the mask that {0} is multiplied by', pruned));
  const first = tied.firstOf(tensor.name);
  if (first !== undefined) {
    return always(
      tensor.sharedWith === undefined
        ? l10n.english('holds the same numbers as {0} and becomes what that becomes', first)
        : l10n.english('is tied to {0} and becomes what that becomes', first),
    );
  }
  const refusal = whyNotReplaceable(checkpoint, tensor);
  if (refusal !== undefined) return always(refusal);
  if (!isFloatDType(tensor.dtype))
    return always(l10n.english('is stored as {0}, which no factors can have', tensor.dtype));
  let module: string | undefined;
  try {
    const matrix = compressibleMatrix(layer, name);
    if (geometry?.expert === undefined) module = factorLayout(tensor, matrix, checkpoint.tensors).module;
  } catch (error) {
    if (!(error instanceof EngineError || error instanceof CompressionError)) throw error;
    return always(error instanceof CompressionError ? error.reason : error.message);
  }
  const twins = tied.twinsOf(tensor.name);
  const others = twins.join(', ');
  if (module === 'embedding' || isInputEmbedding(tensor.name) || isInputEmbedding(tensor.alias ?? '')) {
    const why = others === '' ? l10n.english('is an embedding') : l10n.english('is an embedding, tied to {0}', others);
    return { why, always: false };
  }
  if (isOutputMatrix(tensor.name) || isOutputMatrix(tensor.alias ?? '')) {
    const why =
      others === '' ? l10n.english('is the output matrix') : l10n.english('is the output matrix, tied to {0}', others);
    return { why, always: false };
  }
  return undefined;
}

/** Up to the first number in the name: `model.layers.3`, `h.11`, `blk.0`; '' without one. */
function blockOf(name: string): string {
  return /^(?:[^\d]|\d(?![./]))*?(?:^|[./])\d+(?=[./])/u.exec(name)?.[0] ?? '';
}

function withSpectrum(layer: PlanLayer, outcome: LayerOutcome | undefined): PlanLayer {
  if (!outcome) return layer;
  const { result, rankEigenvalues } = outcome;
  const [problem] = result.problems;
  if (problem)
    return { ...layer, leftOut: { why: `cannot be analysed: ${problem.message}`, always: true, problem: true } };
  if (rankEigenvalues.length === 0) return layer;
  const alpha = alphaOf(result, 'KS');
  const alphaMid = alphaOf(result, 'xmin_mid');
  const farmsAlpha = result.farms?.alpha;
  return {
    ...layer,
    eigenvalues: rankEigenvalues.toReversed(),
    ...(alpha !== undefined && { alpha }),
    ...(alphaMid !== undefined && { alphaMid }),
    ...(farmsAlpha !== undefined && { farmsAlpha }),
  };
}

function alphaOf({ fits }: LayerResult, rule: 'KS' | 'xmin_mid'): number | null | undefined {
  return fits[rule]?.alpha;
}

/** What the model holds beside its layers: it is copied. */
function restOf(document: EngineDocument): PlanSource['rest'] {
  let [bytes, savedBytes, parameters] = [0, 0, 0];
  const layered = new Set(
    [...document.layers.values()].flatMap(({ tensor, geometry }) => (geometry ? [tensor.name] : [])),
  );
  for (const tensor of document.checkpoint.tensors) {
    if (layered.has(tensor.name) || isMade(tensor) || tensor.notModel !== undefined || tensor.sharedWith !== undefined)
      continue;
    bytes += storedBytesOf(tensor);
    savedBytes += isSavedDecoded(document, tensor) ? tensor.byteLength : storedBytesOf(tensor);
    parameters += tensor.shape.reduce((product, size) => product * size, 1);
  }
  return { bytes, ...(savedBytes !== bytes && { savedBytes }), parameters };
}
