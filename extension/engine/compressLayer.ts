/** Preview and save of one layer's compression: the engine's side of `compression/`. */
import type { TensorInfo } from '../checkpoint/checkpoint';
import { elementSize } from '../checkpoint/dtype';
import { version } from '../../package.json';
import { compressionMatrix } from '../compression/compressionMatrix';
import { compressionNote } from '../compression/compressionNote';
import type { CompressedTensor } from '../compression/compressTensor';
import { directionBytes, fewDirections, leadingDirections } from '../compression/leadingDirections';
import { previewCompression } from '../compression/preview';
import { resolveRank } from '../compression/rankRequest';
import { assertSavable, saveCheckpointWith } from '../compression/safetensorsWriter';
import { assertReplaceable, storageNotes } from '../compression/storageNotes';
import type { CompressionPreview, InspectSettings, RankRequest, SaveRequest, SaveResult } from '../protocol';
import type { Engine } from './engine';
import { EngineError, type EngineDocument, type EngineLayer } from './engineDocument';
import { layerRows } from './layerInput';
import { held, storedMatrix, widenedBands } from './layerMatrix';
import { taskTensor } from './layerResult';
import { leasedWork } from './leasedWork';
import { solveIn } from './singularVectors';

/** Factoring is this share of a save's progress; the rest is copying. */
const FACTORING_SHARE = 0.6;

/** Spectra are enough for a preview; FARMS would only keep the person waiting. */
function withoutFarms(settings: InspectSettings): InspectSettings {
  return { ...settings, farms: { ...settings.farms, enabled: false } };
}

/** @throws EngineError, CompressionError, CheckpointError, AbortError */
export async function previewLayer(
  engine: Engine,
  handle: string,
  name: string,
  method: string,
  rank: RankRequest,
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<CompressionPreview> {
  const document = engine.document(handle);
  const layer = document.layer(name);
  const { tensor } = layer;
  const matrix = compressibleMatrix(layer, name);
  const known = await engine.known(document, name, settings);
  const { rankEigenvalues, result } = known ?? (await engine.outcome(document, name, withoutFarms(settings), signal));
  const [problem] = result.problems;
  if (problem) throw new EngineError('no-spectrum', problem.message);
  const sharedWith =
    tensor.sharedWith ?? document.checkpoint.tensors.find((other) => other.sharedWith === tensor.name)?.name;
  const input = {
    layer: name,
    matrix,
    eigenvalues: rankEigenvalues,
    elementBytes: elementSize(tensor.dtype),
    ...(tensor.encoding && { storedBytes: matrixShare(tensor, matrix) * tensor.encoding.byteLength }),
    ...(sharedWith !== undefined && { sharedWith }),
  };
  const preview = previewCompression(input, method, rank);
  return { ...preview, notes: [...preview.notes, ...storageNotes(document.checkpoint, tensor)] };
}

/** Of a tensor's elements, how many are those of one matrix: one expert's of a stack. */
function matrixShare(tensor: TensorInfo, { rows, cols }: { rows: number; cols: number }): number {
  return (rows * cols * elementSize(tensor.dtype)) / tensor.byteLength;
}

/** @throws EngineError, CompressionError, CheckpointError, AbortError */
export async function saveCompressed(
  engine: Engine,
  handle: string,
  request: SaveRequest,
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<SaveResult> {
  const document = engine.document(handle);
  const { checkpoint } = document;
  // Before the work: a refused target should not cost minutes of factoring.
  await assertSavable(checkpoint, request);
  assertReplaceable(checkpoint, document.layer(request.layer).tensor);
  const report = (fraction: number, message: string): void =>
    engine.options.notify('saving', { ...document.stamp, fraction, message });
  const compressed = await compressLayer(engine, document, request, settings, signal, (fraction) =>
    report(FACTORING_SHARE * fraction, 'factoring'),
  );
  const { tensor } = document.layer(request.layer);
  const saved = await saveCheckpointWith(checkpoint, new Map([[tensor.name, compressed.replacement]]), {
    target: request.target,
    overwrite: request.overwrite ?? false,
    note: compressionNote(request, compressed, { source: checkpoint.path, version, date: new Date() }),
    signal,
    onProgress: (fraction) => report(FACTORING_SHARE + (1 - FACTORING_SHARE) * fraction, 'writing'),
  });
  const { rank, relative_error, measured_error } = compressed;
  const notes = [...compressed.notes, ...storageNotes(checkpoint, tensor)];
  return { path: saved.path, bytes: saved.bytes, rank, relative_error, measured_error, notes };
}

async function compressLayer(
  engine: Engine,
  document: EngineDocument,
  { layer: name, method, rank, output }: SaveRequest,
  settings: InspectSettings,
  signal: AbortSignal,
  onProgress: (fraction: number) => void,
): Promise<CompressedTensor> {
  const layer = document.layer(name);
  compressibleMatrix(layer, name);
  const { tensor, geometry } = layer;
  const known = await engine.known(document, name, settings);
  onProgress(0);
  const directions = await fewDirectionsOf(engine, document, name, rank, known?.rankEigenvalues, signal);
  const lease = await engine.pool.lease(signal);
  try {
    const bytes = await document.checkpoint.read(tensor, layerRows(tensor, geometry), signal);
    const input = {
      tensor: taskTensor(tensor),
      ...(geometry?.expert !== undefined && { expert: geometry.expert }),
      bytes,
      ...(known && { eigenvalues: known.rankEigenvalues }),
      ...(directions && { directions }),
    };
    return await lease.call('compress', { input, method, rank, output }, { transfer: [bytes.buffer], onProgress });
  } finally {
    lease.release();
  }
}

/**
 * The singular directions of a layer where few of many are asked for and its matrix fits into memory beside them:
 * undefined where the worker should find them in the whole spectrum.
 */
async function fewDirectionsOf(
  engine: Engine,
  document: EngineDocument,
  name: string,
  request: RankRequest,
  eigenvalues: Float64Array | undefined,
  signal: AbortSignal,
): Promise<Float64Array | undefined> {
  // Which rank has a share of the energy only the spectrum tells.
  if (request.kind === 'energy' && !eigenvalues) return undefined;
  const layer = document.layer(name);
  const stored = storedMatrix(document.checkpoint, layer);
  const { rows, cols } = stored;
  const rank = resolveRank(request, eigenvalues ?? new Float64Array(0), { layer: name, rows, cols });
  const bytes = 8 * rows * cols + directionBytes(rows, cols, rank);
  if (!fewDirections(rows, cols, rank) || bytes > engine.options.memoryLimit) return undefined;
  const products = await engine.matrixProducts();
  return leasedWork(engine, bytes, signal, async (lease) => {
    const { bands } = await held(widenedBands(stored, layer.tensor, name, lease), signal);
    return leadingDirections(bands, rank, { products, solve: solveIn(lease), signal });
  });
}

function compressibleMatrix(layer: EngineLayer, name: string): ReturnType<typeof compressionMatrix> {
  const { tensor, geometry, noSpectrum } = layer;
  if (tensor.product) {
    const factors = `${tensor.product.left.tensor.name} and ${tensor.product.right.tensor.name}`;
    throw new EngineError(
      'no-spectrum',
      `${name} is not stored: it is the product of ${factors}, which can be compressed`,
    );
  }
  if (!geometry) throw new EngineError('no-spectrum', `${name} cannot be compressed: ${noSpectrum ?? 'no matrix'}`);
  return compressionMatrix(tensor.shape, tensor.kernelLayout, geometry.expert);
}
