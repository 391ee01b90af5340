/** Preview and factoring of one layer: the engine's side of `compression/`. `saveLayers.ts` writes the result. */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import { elementSize } from '../../checkpoint/elements/dtype';
import { firstNames, NAMES_SHOWN } from '../../checkpoint/problemList';
import { CompressionError } from '../../compression/compressionError';
import { compressionMatrix, type CompressionMatrix } from '../../compression/compressionMatrix';
import { storedFactors } from '../../checkpoint/wrappers/storedFactors';
import type { CompressedTensor } from '../../compression/pairCompression';
import { factorLayout, rowsAreInputs, type FactorLayout } from '../../compression/factorLayout';
import { directionBytes, fewDirections, leadingDirections } from '../../compression/leadingDirections';
import { methodNamed } from '../../compression/methods/registry';
import { previewSvd } from '../../compression/svdPreview';
import { resolveRank } from '../../compression/rankRequest';
import { copyNotes, copySizes, replacementNotes, whyNotReplaceable } from '../../compression/storageNotes';
import { tieNotes } from '../../compression/tieNotes';
import { spectrumMethods } from '../../shared/compression/methodTable';
import type { LayerStatistics } from '../../shared/compression/statistics';
import type { CompressionPreview, RankRequest, SaveRequest } from '../../shared/compressions';
import type { InspectSettings } from '../../shared/layers';
import { EngineError, type EngineLayer } from '../layer/engineLayer';
import type { EngineDocument } from '../document/engineDocument';
import { assertNotFolded, inStoredForm } from './foldedReplacement';
import { layerRows } from '../layer/layerInput';
import { held, storedMatrix, widenedBands } from '../layer/layerMatrix';
import { taskTensor } from '../worker/layerResult';
import { hostedProducts } from './hostedProducts';
import { leasedWork } from './leasedWork';
import type { ComputingParts, RequestParts } from './requestParts';
import { solveIn } from './singularVectors';

/** Copies of the matrix in float64 at a time: itself, its factors or parts, their sum, and what is left of it. */
const COPIES = 4;

/**
 * Squares of the smaller side at a time: half of a Gram matrix and half as much of reflectors, with a few sets of up to half
 * as many vectors on both sides of the thread line.
 */
const SQUARES = 3;

/** Spectra are enough for a preview; FARMS would only keep the person waiting. */
export function withoutFarms(settings: InspectSettings): InspectSettings {
  return { ...settings, farms: { ...settings.farms, enabled: false } };
}

/**
 * @param together the layers that are saved compressed in one file, this one among them
 * @throws EngineError, CompressionError, CheckpointError, AbortError
 */
export async function previewLayer(
  { outcomes }: Pick<RequestParts, 'outcomes'>,
  document: EngineDocument,
  name: string,
  method: string,
  rank: RankRequest,
  settings: InspectSettings,
  signal: AbortSignal,
  together: readonly string[] = [name],
): Promise<CompressionPreview> {
  const layer = document.layer(name);
  const { tensor } = layer;
  const matrix = compressibleMatrix(layer, name);
  assertPreviewed(method, name);
  const known = await outcomes.known(document, name, settings);
  const { rankEigenvalues, result } = known ?? (await outcomes.outcome(document, name, withoutFarms(settings), signal));
  const [problem] = result.problems;
  if (problem) throw new EngineError('no-spectrum', problem.message);
  const input = {
    layer: name,
    matrix,
    eigenvalues: rankEigenvalues,
    elementBytes: elementSize(tensor.dtype),
    ...(tensor.encoding && { storedBytes: matrixShare(tensor, matrix) * tensor.encoding.byteLength }),
  };
  const preview = previewSvd(input, rank);
  const { checkpoint } = document;
  const replaced = together.map((layer) => document.layer(layer).tensor);
  const ties = await tieNotes(
    checkpoint,
    tensor,
    checkpoint.config,
    new Set(replaced.map((each) => each.name)),
    signal,
  );
  const stored = [...replacementNotes(checkpoint, tensor), ...copyNotes(checkpoint, replaced)];
  const alone = together.length === 1 && whyNotReplaceable(checkpoint, tensor) === undefined;
  return {
    ...preview,
    ...(alone && { file: copySizes(checkpoint, tensor, matrixShare(tensor, matrix)) }),
    notes: [...ties, ...preview.notes, ...stored],
  };
}

/** @throws CompressionError `unknown-method`; `unsupported` for a method whose error the spectrum does not tell */
function assertPreviewed(method: string, layer: string): void {
  methodNamed(method);
  if (spectrumMethods.some(({ name }) => name === method)) return;
  const message = `the spectrum alone does not tell the error of ${method}; compare methods to measure it`;
  throw new CompressionError('unsupported', message, { layer });
}

/** Share of a tensor's elements that are those of one matrix: one expert's in a stack. */
export function matrixShare(tensor: TensorInfo, { rows, cols }: { rows: number; cols: number }): number {
  return (rows * cols * elementSize(tensor.dtype)) / tensor.byteLength;
}

/**
 * The layer's factors, or its product at that rank.
 *
 * @throws EngineError, CompressionError, CheckpointError, AbortError
 */
export async function compressLayer(
  parts: ComputingParts & Pick<RequestParts, 'outcomes'>,
  document: EngineDocument,
  { layer: name, method, rank, output }: Pick<SaveRequest, 'layer' | 'method' | 'rank' | 'output'>,
  settings: InspectSettings,
  signal: AbortSignal,
  onProgress: (fraction: number) => void,
  statistics?: LayerStatistics,
): Promise<CompressedTensor & { layout?: FactorLayout }> {
  const layer = document.layer(name);
  const layout = output === 'factors' ? factorLayoutOf(document, name) : undefined;
  const { tensor, geometry } = layer;
  const known = await parts.outcomes.known(document, name, settings);
  onProgress(0);
  const directions =
    method === 'svd' ? await fewDirectionsOf(parts, document, name, rank, known?.rankEigenvalues, signal) : undefined;
  const { inputsFirst, storedBytes: _, ...matrix } = choiceMatrix(document, name);
  const products = await hostedProducts(parts, matrix);
  const needed = {
    what: `compressing ${name}`,
    bytes: compressionBytes(matrix, tensor, statistics ?? {}, { directions: directions !== undefined }),
  };
  return leasedWork(parts, needed, signal, async (lease) => {
    if (products) lease.serve(products);
    const bytes = await document.checkpoint.read(tensor, layerRows(tensor, geometry), signal);
    const input = {
      tensor: taskTensor(tensor),
      ...(geometry?.expert !== undefined && { expert: geometry.expert }),
      bytes,
      ...(known && { eigenvalues: known.rankEigenvalues }),
      ...(directions && { directions }),
      ...(layout && { layout }),
      inputsFirst,
      ...(statistics && { statistics }),
    };
    const options = { transfer: [bytes.buffer], onProgress };
    const compressed = await lease.calls.compress({ input, method, rank, output }, options);
    return { ...inStoredForm(compressed, tensor, geometry?.expert), ...(layout && { layout }) };
  });
}

/**
 * The singular directions of a layer where few of many are asked for and its matrix fits into memory beside them:
 * undefined where the worker should find them in the whole spectrum.
 */
async function fewDirectionsOf(
  parts: ComputingParts,
  document: EngineDocument,
  name: string,
  request: RankRequest,
  eigenvalues: Float64Array | undefined,
  signal: AbortSignal,
): Promise<Float64Array | undefined> {
  // Only the spectrum tells the rank that keeps a share of the energy.
  if (request.kind === 'energy' && !eigenvalues) return undefined;
  const layer = document.layer(name);
  const stored = storedMatrix(document.checkpoint, layer);
  const { rows, cols } = stored;
  const rank = resolveRank(request, eigenvalues ?? new Float64Array(0), { layer: name, rows, cols });
  const bytes = 8 * rows * cols + directionBytes(rows, cols, rank);
  if (!fewDirections(rows, cols, rank) || bytes > parts.memory.limit) return undefined;
  const products = await parts.hardware.products();
  return leasedWork(parts, { what: `singular vectors of ${name}`, bytes }, signal, async (lease) => {
    const { bands } = await held(widenedBands(stored, layer.tensor, name, lease), signal);
    return leadingDirections(bands, rank, { products, solve: solveIn(lease), signal });
  });
}

/** @throws EngineError, CompressionError `unsupported` where the layer cannot be two tensors */
export function factorLayoutOf(document: EngineDocument, name: string): FactorLayout {
  const layer = document.layer(name);
  const matrix = compressibleMatrix(layer, name);
  assertNotFolded(layer.tensor, name);
  const refusal = whyNotFactored(document, layer.tensor);
  if (refusal !== undefined) throw new CompressionError('unsupported', refusal, { layer: name });
  return factorLayout(layer.tensor, matrix, document.checkpoint.tensors);
}

/**
 * Why two factors may not take the tensor's place, in words that follow its name: programs that load a pair, such as PEFT,
 * know none in place of one of its factors.
 */
function whyNotFactored({ checkpoint }: EngineDocument, { name }: TensorInfo): string | undefined {
  const made = storedFactors(checkpoint.tensors).get(name);
  return made === undefined
    ? undefined
    : `is a part of ${made} already, and no program loads two factors in its place; save the reconstructed matrix instead, ` +
        'which keeps its name and shape';
}

/** @throws EngineError `no-spectrum` where there is none */
export function compressibleMatrix(layer: EngineLayer, name: string): ReturnType<typeof compressionMatrix> {
  const { tensor, geometry, noSpectrum } = layer;
  if (tensor.product) {
    const factors = `${tensor.product.left.tensor.name} and ${tensor.product.right.tensor.name}`;
    throw new EngineError(
      'no-spectrum',
      `${name} is not stored: it is the product of ${factors}, which can be saved reconstructed at a lower rank`,
    );
  }
  if (tensor.madeOf) {
    const message = `${name} is not stored: it is computed from ${firstNames(
      tensor.madeOf.map((part) => part.name),
      NAMES_SHOWN,
    )}`;
    throw new EngineError('no-spectrum', message);
  }
  if (!geometry) throw new EngineError('no-spectrum', `${name} cannot be compressed: ${noSpectrum ?? 'no matrix'}`);
  return compressionMatrix(tensor.shape, tensor.kernelLayout, geometry.expert);
}

/**
 * The matrix that compression of a layer is about, as methods see it.
 *
 * @throws EngineError `no-spectrum`; CompressionError `unsupported`
 */
export function choiceMatrix(
  document: EngineDocument,
  name: string,
): CompressionMatrix & { outputs: number; inputs: number; inputsFirst: boolean; storedBytes: number } {
  const { tensor, ...layer } = document.layer(name);
  const matrix = compressibleMatrix({ tensor, ...layer }, name);
  const { rows, cols } = matrix;
  const inputsFirst = rowsAreInputs(tensor, matrix, document.checkpoint.tensors);
  const [outputs, inputs] = inputsFirst ? [cols, rows] : [rows, cols];
  return { ...matrix, outputs, inputs, inputsFirst, storedBytes: storedBytes(tensor, matrix) };
}

/** Bytes of the layer's matrix as its file has them. */
function storedBytes(tensor: TensorInfo, matrix: CompressionMatrix): number {
  return matrixShare(tensor, matrix) * (tensor.encoding?.byteLength ?? tensor.byteLength);
}

/**
 * Memory that compressing a matrix takes. Measured at 4096 × 11008 in BF16, above the 90 MB of an idle process: svd at rank
 * 1492 took 2.10 GB, and this says 2.03; gear and lq-lora at rank 64 took 1.48 and 1.55 GB in their rounds; two factors of
 * one layer took 1.63 GB.
 *
 * @param tensor as it is read
 * @param others further matrices of that size, as a quantised checkpoint has one; `directions` are found before
 */
export function compressionBytes(
  { outputs, inputs }: { outputs: number; inputs: number },
  { dtype }: Pick<TensorInfo, 'dtype'>,
  { gram, fisher }: LayerStatistics,
  { others = 0, directions = false }: { others?: number; directions?: boolean } = {},
): number {
  const matrix = 8 * outputs * inputs;
  const asStored = elementSize(dtype) * outputs * inputs;
  const smaller = Math.min(outputs, inputs);
  // The elements as they are read, and the parts as they are stored; a Gram matrix of the smaller side, what reduces it and
  // its eigenvectors; statistics here, in the worker, and factored there.
  const solving = directions ? 0 : SQUARES * 8 * smaller * smaller;
  return (
    (COPIES + others) * matrix +
    (2 + others) * asStored +
    solving +
    3 * (gram?.byteLength ?? 0) +
    2 * (fisher?.byteLength ?? 0)
  );
}
