/** The tiny models of decoderFixtures.py, and their logits by our runner. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../extension/checkpoint/openModel';
import type { Decoder } from '../../../extension/decoder/openDecoder';
import { openDecoder } from '../../../extension/decoder/openDecoder';
import { toLastStates } from '../../../extension/decoder/measures/lastStates';
import { headPart, logitsOf, vocabularyOf } from '../../../extension/decoder/measures/logits';
import { passBlocks } from '../../../extension/decoder/pass/blockPass';
import { Sessions } from '../../../extension/decoder/pass/sessions';
import type { WeightSource } from '../../../extension/decoder/weights/weightSource';
import { singles } from '../../../extension/decoder/weights/singles';
import { repositoryRoot } from '../../harness/shared';

export const GOLDEN = path.join(repositoryRoot, 'test', 'unit', 'decoder', 'golden');
export const SCRIPT = path.join(repositoryRoot, 'test', 'unit', 'decoder', 'decoderFixtures.py');

export interface Expected {
  readonly windows: Int32Array[];
  /** Windows × length × vocabulary. */
  readonly logits: Float32Array;
}

export function namesIn(folder: string): string[] {
  return readdirSync(folder).sort();
}

/** Arrays of a safetensors file by name. */
export async function arraysOf(file: string): Promise<Map<string, { data: Float32Array; shape: readonly number[] }>> {
  const model = await openModel(file);
  try {
    const arrays = model.tensors.map(async (tensor) => {
      const data = singles(await model.read(tensor), tensor.dtype);
      return [tensor.name, { data, shape: tensor.shape }] as const;
    });
    return new Map(await Promise.all(arrays));
  } finally {
    await model.close();
  }
}

export async function expectedOf(folder: string): Promise<Expected> {
  const arrays = await arraysOf(path.join(folder, 'expected.safetensors'));
  const { data, shape } = arrays.get('tokens')!;
  const length = shape[1]!;
  const windows = Array.from({ length: shape[0]! }, (_, i) =>
    Int32Array.from(data.subarray(i * length, (i + 1) * length)),
  );
  return { windows, logits: arrays.get('logits')!.data };
}

/** Opens a decoder, and closes it behind `work`. */
export async function withDecoder<T>(file: string, work: (decoder: Decoder) => Promise<T>): Promise<T> {
  const model = await openModel(file);
  try {
    return await work(await openDecoder(model));
  } finally {
    await model.close();
  }
}

export async function withSessions<T>(work: (sessions: Sessions) => Promise<T>): Promise<T> {
  const sessions = await Sessions.open();
  try {
    return await work(sessions);
  } finally {
    await sessions.release();
  }
}

/** Logits of all tokens of all windows, one below another. @param source other weights than the decoder's own */
export function ourLogits(
  { description, weights }: Decoder,
  windows: readonly Int32Array[],
  source: WeightSource = weights,
): Promise<Float32Array> {
  return withSessions(async (sessions) => {
    const batches = await passBlocks(description, source, windows, { sessions });
    await toLastStates(description, source, batches, sessions);
    const part = await headPart(description, source, { start: 0, end: vocabularyOf(description, source) });
    const pieces: Float32Array[] = [];
    for (const { states } of batches) pieces.push(await logitsOf(part, states, sessions));
    return joined(pieces);
  });
}

function joined(pieces: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Largest difference over the largest number. */
export function relativeDifference(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  let [difference, largest] = [ours.length === theirs.length ? 0 : Infinity, 0];
  for (let i = 0; i < theirs.length; i++) {
    difference = Math.max(difference, Math.abs(ours[i]! - theirs[i]!));
    largest = Math.max(largest, Math.abs(theirs[i]!));
    if (Number.isNaN(ours[i])) difference = Infinity;
  }
  return difference / largest;
}
