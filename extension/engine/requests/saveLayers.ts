/** A copy of a checkpoint in which one layer, or several, are compressed. */
import { version } from '../../../package.json';
import type { TensorInfo } from '../../checkpoint/checkpoint';
import { elementSize } from '../../checkpoint/elements/dtype';
import { CompressionError } from '../../compression/compressionError';
import { compressionMatrix } from '../../compression/compressionMatrix';
import { compressionNote, severalNote } from '../../compression/compressionNote';
import type { CompressedTensor } from '../../compression/pairCompression';
import { torchModules, type FactorLayout } from '../../compression/factorLayout';
import { assertSavable, saveCheckpointWith, type Replacement } from '../../compression/safetensorsWriter';
import type { TensorPatch } from '../../compression/copiedTensor';
import { assertReplaceable, copyNotes, replacementNotes } from '../../compression/storageNotes';
import { openStatistics } from '../../compression/statistics/statisticsSource';
import type { SaveRequest, SaveResult } from '../../shared/compressions';
import type { InspectSettings } from '../../shared/layers';
import { compressibleMatrix, compressLayer, factorLayoutOf } from './compressLayer';
import type { EngineDocument } from '../document/engineDocument';
import type { RequestParts } from './requestParts';
import { neededMegabytes, usableMegabytes } from '../resources/megabytes';

/** Factoring is this share of a save's progress; the rest is copying. */
const FACTORING_SHARE = 0.6;

export interface LayersRequest extends Omit<SaveRequest, 'layer'> {
  readonly layers: readonly string[];
}

export interface SavedLayer extends Pick<SaveResult, 'rank' | 'relative_error' | 'measured_error' | 'notes'> {
  readonly layer: string;
}

/** @throws as `saveLayers` */
export async function saveCompressed(
  parts: RequestParts,
  document: EngineDocument,
  { layer, ...request }: SaveRequest,
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<SaveResult> {
  const saved = await saveLayers(parts, document, { ...request, layers: [layer] }, settings, signal);
  const { rank, relative_error, measured_error, notes } = saved.layers[0]!;
  return { path: saved.path, bytes: saved.bytes, rank, relative_error, measured_error, notes };
}

/**
 * Compresses each layer by the same request and writes one file. What replaces the layers is held in memory until then.
 *
 * @throws EngineError, CompressionError, CheckpointError, AbortError; nothing is written then
 */
export async function saveLayers(
  parts: RequestParts,
  document: EngineDocument,
  request: LayersRequest,
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<{ path: string; bytes: number; layers: SavedLayer[] }> {
  const { checkpoint } = document;
  // Before the work: what is refused should not cost minutes of factoring.
  await assertSavable(checkpoint, request);
  assertCompressible(document, request, parts.memory.limit);
  const report = (fraction: number, message: string): void =>
    parts.notify('saving', { ...document.stamp, fraction, message });

  const replacements = new Map<string, Replacement>();
  const compressed: { layer: string; result: Compressed }[] = [];
  let held = 0;
  const statistics =
    request.statistics === undefined ? undefined : await openStatistics(request.statistics, checkpoint, signal);
  try {
    for (const [index, layer] of request.layers.entries()) {
      const share = FACTORING_SHARE / request.layers.length;
      const message = request.layers.length > 1 ? `factoring ${index + 1} of ${request.layers.length}` : 'factoring';
      const result = await compressLayer(
        parts,
        document,
        { ...request, layer },
        settings,
        signal,
        (fraction) => report(share * (index + fraction), message),
        await statistics?.layer(layer, signal),
      );
      addReplacement(replacements, document.layer(layer).tensor, result);
      held += bytesOf(result);
      assertHeld(held, request, parts.memory.limit);
      compressed.push({ layer, result });
    }
  } finally {
    await statistics?.close();
  }

  const replaced = request.layers.map((layer) => document.layer(layer).tensor);
  const saved = await saveCheckpointWith(checkpoint, replacements, {
    target: request.target,
    overwrite: request.overwrite ?? false,
    note: noteOf(document, request, compressed),
    signal,
    onProgress: (fraction) => report(FACTORING_SHARE + (1 - FACTORING_SHARE) * fraction, 'writing'),
  });
  const layers = compressed.map(({ layer, result }): SavedLayer => {
    const { tensor } = document.layer(layer);
    const modules = modulesOf(document, layer, result);
    const notes = [
      ...result.notes,
      ...(modules === undefined ? [] : [`Loads as ${modules}.`]),
      ...replacementNotes(checkpoint, tensor),
      ...copyNotes(checkpoint, replaced),
    ];
    return { layer, ...numbersOf(result), notes };
  });
  return { ...saved, layers };
}

type Compressed = CompressedTensor & { layout?: FactorLayout };

function numbersOf({ rank, relative_error, measured_error }: Compressed): Omit<SavedLayer, 'layer' | 'notes'> {
  return { rank, relative_error, measured_error };
}

function assertCompressible(document: EngineDocument, request: LayersRequest, memoryLimit: number): void {
  let bytes = 0;
  for (const layer of request.layers) {
    const { tensor } = document.layer(layer);
    assertReplaceable(document.checkpoint, tensor);
    const { rows, cols } = compressibleMatrix(document.layer(layer), layer);
    if (request.output === 'factors') factorLayoutOf(document, layer);
    else bytes += rows * cols * elementSize(tensor.dtype);
  }
  assertHeld(bytes, request, memoryLimit);
}

function assertHeld(bytes: number, { layers }: LayersRequest, memoryLimit: number): void {
  if (layers.length < 2 || bytes <= memoryLimit) return;
  throw new CompressionError(
    'unsupported',
    `what replaces the ${layers.length} layers takes ${neededMegabytes(bytes)} or more, but the memory ` +
      `limit is ${usableMegabytes(memoryLimit)}; ` +
      'compress fewer of them at a time, or raise the limit',
  );
}

function bytesOf({ replacement }: Compressed): number {
  return 'bytes' in replacement
    ? replacement.bytes.length
    : replacement.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** Experts of one stack are patches to the same tensor; a bias goes with its weight. */
function addReplacement(replacements: Map<string, Replacement>, tensor: TensorInfo, result: Compressed): void {
  const { replacement, layout } = result;
  if ('bytes' in replacement) {
    const earlier = replacements.get(tensor.name);
    const patches: readonly TensorPatch[] = earlier && 'patches' in earlier ? earlier.patches : [];
    replacements.set(tensor.name, { patches: [...patches, replacement] });
    return;
  }
  replacements.set(tensor.name, replacement);
  if (layout?.bias) replacements.set(layout.bias.from, { to: layout.bias.to });
}

function noteOf(
  document: EngineDocument,
  request: LayersRequest,
  compressed: readonly { layer: string; result: Compressed }[],
): Record<string, unknown> {
  const origin = { source: document.checkpoint.path, version, date: new Date() };
  const notes = compressed.map(({ layer, result }) => {
    const modules = modulesOf(document, layer, result);
    return compressionNote({ ...request, layer }, { ...result, ...(modules !== undefined && { modules }) }, origin);
  });
  return notes.length === 1 ? notes[0]! : severalNote(notes, origin);
}

function modulesOf(document: EngineDocument, layer: string, { layout, rank }: Compressed): string | undefined {
  const { tensor, geometry } = document.layer(layer);
  const matrix = compressionMatrix(tensor.shape, tensor.kernelLayout, geometry?.expert);
  return layout && torchModules(layout, tensor, matrix, rank);
}
