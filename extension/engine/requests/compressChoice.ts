/** One layer of an open checkpoint by one method: the engine's side of `compression/compressMatrix.ts`. */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import { CompressionError } from '../../compression/compressionError';
import type { StoredForm, StoredLayer } from '../../compression/compressMatrix';
import type { StoredElements } from '../../compression/layerElements';
import { isFloatDType, type FloatDType } from '../../compression/narrow';
import { choiceProblem } from '../../shared/compression/choiceProblem';
import type { LayerDifference } from '../../shared/compression/layerDifference';
import type { MeasuredLayer } from '../../shared/compression/measured';
import type { LayerChoice } from '../../shared/compression/plans';
import type { LayerStatistics } from '../../shared/compression/statistics';
import type { InspectSettings } from '../../shared/layers';
import { maskNameOf } from '../../shared/names/maskNames';
import type { EngineDocument } from '../document/engineDocument';
import { layerRows } from '../layer/layerInput';
import { choiceMatrix, compressibleMatrix, compressionBytes } from './compressLayer';
import type { WorkerLease } from '../worker/workerPool';
import type { CompressTask } from '../worker/workerCalls';
import { hostedProducts } from './hostedProducts';
import { leasedWork } from './leasedWork';
import { assertQuantised, quantisedElements } from './quantisedWeight';
import type { ComputingParts, RequestParts } from './requestParts';

export interface ChoiceOptions {
  /** Floats are stored as; by default as the layer is. */
  readonly dtype?: FloatDType;
  readonly statistics?: LayerStatistics;
  /** The checkpoint that holds a quantised weight of the layer. */
  readonly quantised?: EngineDocument;
  /** All λ of the layer's matrix, if they are known. */
  readonly eigenvalues?: Float64Array;
  /** `parts` unless told otherwise. */
  readonly form?: StoredForm;
}

/**
 * @throws EngineError, CompressionError, LayerError `limit`, CheckpointError
 * @throws the signal's reason when it fires
 */
export async function compressChoice(
  parts: ComputingParts,
  document: EngineDocument,
  name: string,
  choice: LayerChoice,
  options: ChoiceOptions,
  signal: AbortSignal,
  onProgress: (fraction: number) => void,
): Promise<StoredLayer> {
  return withTask(parts, document, name, choice, options, signal, ({ calls }, task, transfer) =>
    calls.compressChoice(task, { transfer, onProgress }),
  );
}

/**
 * What a choice loses of a layer; both spectra are computed if they are not known.
 *
 * @throws as `compressChoice`
 */
export async function choiceDifference(
  parts: ComputingParts & Pick<RequestParts, 'outcomes'>,
  document: EngineDocument,
  name: string,
  choice: LayerChoice,
  options: ChoiceOptions,
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<LayerDifference> {
  const known = await parts.outcomes.known(document, name, settings);
  const own = { ...options, ...(known && { eigenvalues: known.rankEigenvalues }) };
  return withTask(parts, document, name, choice, own, signal, ({ calls }, task, transfer) =>
    calls.choiceDifference(task, { transfer }),
  );
}

/** Leases what compressing the layer needs, and gives it to a worker. */
async function withTask<T>(
  parts: ComputingParts,
  document: EngineDocument,
  name: string,
  choice: LayerChoice,
  options: ChoiceOptions,
  signal: AbortSignal,
  work: (lease: WorkerLease, task: CompressTask, transfer: ArrayBufferLike[]) => Promise<T>,
): Promise<T> {
  const { tensor } = document.layer(name);
  const { inputsFirst, storedBytes, ...matrix } = choiceMatrix(document, name);
  const dtype = options.dtype ?? ownDType(tensor, name);
  const problem = choiceProblem(choice, matrix);
  if (problem) throw new CompressionError(problem.code, problem.message, { layer: name });
  const { quantised, statistics = {}, eigenvalues, form = 'parts' } = options;
  const other = quantised && assertQuantised(document, quantised, name);
  const mask = choice.method === 'robust' ? maskOf(document, tensor) : undefined;
  const bytes = compressionBytes(matrix, tensor, statistics, { others: (quantised ? 1 : 0) + (mask ? 1 : 0) });
  const products = await hostedProducts(parts, matrix);
  return leasedWork(parts, { what: `compressing ${name}`, bytes }, signal, async (lease) => {
    if (products) lease.serve(products);
    const stored = await storedElements(document, name, signal);
    const base = quantised && (await quantisedElements(quantised, other!, stored, signal));
    const masking = mask && (await maskElements(document, name, mask, signal));
    const known = { storedBytes, ...(eigenvalues && { eigenvalues }) };
    const task = {
      matrix: stored,
      inputsFirst,
      known,
      choice,
      statistics,
      dtype,
      form,
      ...(masking && { mask: masking }),
    };
    const transfer = [stored.bytes.buffer, ...(base ? [base.bytes.buffer] : [])];
    return work(lease, { ...task, ...(base && { quantised: base }) }, transfer);
  });
}

/**
 * Each choice measured on what would be stored, in their order.
 *
 * @throws as `compressChoice`
 */
export async function compareChoices(
  parts: ComputingParts & Pick<RequestParts, 'outcomes'>,
  document: EngineDocument,
  name: string,
  choices: readonly LayerChoice[],
  options: ChoiceOptions,
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<MeasuredLayer[]> {
  const known = await parts.outcomes.known(document, name, settings);
  const measured: MeasuredLayer[] = [];
  for (const choice of choices) {
    const own = { ...options, ...(known && { eigenvalues: known.rankEigenvalues }) };
    const stored = await compressChoice(parts, document, name, choice, own, signal, () => undefined);
    measured.push(stored.measured);
  }
  return measured;
}

/** What pruning multiplies the tensor by, if that is stored beside it. */
function maskOf({ checkpoint }: EngineDocument, { name, shape }: TensorInfo): TensorInfo | undefined {
  const wanted = maskNameOf(name);
  return checkpoint.tensors.find((other) => other.name === wanted && other.shape.join() === shape.join());
}

async function maskElements(
  document: EngineDocument,
  name: string,
  mask: TensorInfo,
  signal: AbortSignal,
): Promise<StoredElements> {
  const layer = document.layer(name);
  const { rows, cols } = compressibleMatrix(layer, name);
  const bytes = await document.checkpoint.read(mask, layerRows(mask, layer.geometry), signal);
  return { layer: mask.name, bytes, dtype: mask.dtype, rows, cols };
}

/** @throws CheckpointError, EngineError, CompressionError; the signal's reason when it fires */
export async function storedElements(
  document: EngineDocument,
  name: string,
  signal: AbortSignal,
): Promise<StoredElements> {
  const layer = document.layer(name);
  const { rows, cols } = compressibleMatrix(layer, name);
  const bytes = await document.checkpoint.read(layer.tensor, layerRows(layer.tensor, layer.geometry), signal);
  return { layer: name, bytes, dtype: layer.tensor.dtype, rows, cols };
}

/** @throws CompressionError `unsupported` */
function ownDType({ dtype }: TensorInfo, layer: string): FloatDType {
  if (isFloatDType(dtype)) return dtype;
  throw new CompressionError('unsupported', `elements of type ${dtype} are not compressed`, { layer });
}
