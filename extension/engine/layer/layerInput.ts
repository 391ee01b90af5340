/**
 * What the computation of a layer starts with: memory set aside for it and, where they are held, its bytes. What is held
 * and what is streamed follows from the limit alone, never from what else runs, and so do the numbers.
 */
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint';
import { foldOverhead } from '../../checkpoint/wrappers/foldedTensor';
import { madeOverhead } from '../../checkpoint/wrappers/madeWeights';
import { sliceOverhead } from '../../checkpoint/wrappers/tensorSlice';
import { SymmetricSlabs } from '../../linalg/gram/symmetricSlabs';
import type { InspectSettings, TensorStatistics } from '../../shared/layers';
import type { Problem } from '../../shared/tensors';
import { farmsWindows } from '../../spectral/farms/farms';
import type { LayerGeometry } from '../../spectral/matrices';
import { abortable } from '../resources/abortable';
import type { MemoryBudget, Reservation } from '../resources/memoryBudget';
import { beyondLimit } from '../resources/megabytes';

/**
 * A chunk of columns on its way to onnxruntime: large enough for the products to run at full speed. At order 4096 they
 * are 1024 columns; with half as many, the sums' way through memory costs a fourth of the products' speed.
 */
export const CHUNK_BYTES = 32 * 1024 * 1024;

/**
 * Chunks at one time: one being prepared, one being multiplied, what is on the way between the threads, and what is
 * gathered for a device.
 */
const CHUNKS = 4;

/** All of them take at most this share of the limit: a small one makes them shorter, and the rest still has room. */
const CHUNKS_SHARE = 1 / 4;

/** A tensor that can be read in bands is held whole only up to this share of the limit: others are to run beside it. */
const HELD_SHARE = 1 / 8;

/** A layer that cannot be analysed, with what is known about it all the same. */
export class LayerError extends Error {
  override readonly name = 'LayerError';
  constructor(
    readonly code: 'limit',
    message: string,
    readonly statistics: TensorStatistics | null = null,
  ) {
    super(message);
  }

  toProblem(): Problem {
    return { code: this.code, message: this.message };
  }
}

export interface LayerPlan {
  /** Along the tensor's first axis. */
  rows: { start: number; end: number };
  /** The bytes are in memory all the time. Otherwise they are read in bands, more than once for FARMS. */
  held: boolean;
  /** Bytes of a chunk of elements, in float64, on its way to the products. */
  chunk: number;
  /** Bytes that computing takes beside the stored ones. */
  working: number;
  /** Bytes in memory at most: the working ones, and those of the layer where they are held. */
  memory: number;
}

/** Rows along the tensor's first axis that hold the layer. */
export function layerRows(tensor: TensorInfo, layer: LayerGeometry | undefined): { start: number; end: number } {
  if (layer?.expert !== undefined) return { start: layer.expert, end: layer.expert + 1 };
  return { start: 0, end: tensor.shape[0] ?? 1 };
}

/** @throws LayerError where the layer does not fit in the limit */
export function planLayer(
  tensor: TensorInfo,
  layer: LayerGeometry | undefined,
  settings: InspectSettings,
  limit: number,
): LayerPlan {
  const rows = layerRows(tensor, layer);
  const bytes = ((rows.end - rows.start) * tensor.byteLength) / Math.max(1, tensor.shape[0] ?? 1);
  const chunk = Math.min(CHUNK_BYTES, Math.floor((CHUNKS_SHARE * limit) / CHUNKS));
  const working = workingBytes(layer, settings, chunk) + viewOverhead(tensor);
  const streamable = !layer || (layer.kind === 'matrix' && layer.rows >= layer.cols);
  const held = bytes + working <= limit && (!streamable || bytes <= HELD_SHARE * limit);
  const memory = held ? bytes + working : working;
  if (memory > limit || (!held && !streamable)) {
    throw new LayerError('limit', `needs ${beyondLimit(streamable ? working : bytes + working, limit)}`);
  }
  return { rows, held, chunk, working, memory };
}

/** Bytes that reading takes beside those of what is read. */
function viewOverhead({ slice, folded, madeOf = [] }: TensorInfo): number {
  const fold = slice ? slice.of.folded : folded;
  const parts = slice?.of.madeOf ?? folded?.of.madeOf ?? madeOf;
  return (slice ? sliceOverhead(slice) : 0) + (fold ? foldOverhead(fold) : 0) + madeOverhead(parts);
}

/** Bytes beside the stored ones: elements in float64 and Gram matrices. */
function workingBytes(layer: LayerGeometry | undefined, { farms }: InspectSettings, chunk: number): number {
  if (!layer) return chunk;
  const { rows, cols } = layer;
  const matrix = matrixBytes(rows, cols, chunk);
  if (layer.kind === 'conv') return matrix + 16 * layer.count * rows * cols;
  if (!farms.enabled) return matrix;
  return Math.max(matrix, matrixBytes(...farmsWindows(rows, cols, farms).window, chunk));
}

function matrixBytes(rows: number, cols: number, chunk: number): number {
  return CHUNKS * Math.min(chunk, 8 * rows * cols) + SymmetricSlabs.bytes(Math.min(rows, cols));
}

export interface LayerSource {
  checkpoint: Checkpoint;
  settings: InspectSettings;
  memory: MemoryBudget;
}

export interface LayerInput {
  plan: LayerPlan;
  /** Bytes of all its rows, if they are held. */
  bytes: Uint8Array | undefined;
  reservation: Reservation;
}

/**
 * Waits for memory, then reads.
 *
 * @throws LayerError, CheckpointError, the signal's reason as soon as it fires
 */
export async function layerInput(
  source: LayerSource,
  tensor: TensorInfo,
  layer: LayerGeometry | undefined,
  signal: AbortSignal,
): Promise<LayerInput> {
  const plan = planLayer(tensor, layer, source.settings, source.memory.limit);
  return read(source, tensor, plan, await source.memory.reserve(plan.memory, signal), signal);
}

/**
 * The same where the memory is free now; undefined where it is not.
 *
 * @param revoke is to stop it, or to release what it gave, soon: a layer in work waits for the memory
 */
export async function layerInputAhead(
  source: LayerSource,
  tensor: TensorInfo,
  layer: LayerGeometry | undefined,
  signal: AbortSignal,
  revoke: () => void,
): Promise<LayerInput | undefined> {
  const plan = planLayer(tensor, layer, source.settings, source.memory.limit);
  const reservation = source.memory.reserveSpare(plan.memory, revoke);
  return reservation && read(source, tensor, plan, reservation, signal);
}

async function read(
  { checkpoint }: LayerSource,
  tensor: TensorInfo,
  plan: LayerPlan,
  reservation: Reservation,
  signal: AbortSignal,
): Promise<LayerInput> {
  try {
    const bytes = plan.held ? await abortable(checkpoint.read(tensor, plan.rows, signal), signal) : undefined;
    return { plan, bytes, reservation };
  } catch (error) {
    reservation.release();
    throw error;
  }
}
