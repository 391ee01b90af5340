/** The tensors of a saved model in the source's order: those that are copied, and in their places those of the pieces. */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import type { Append } from '../appender';
import { copiedTensor } from '../copiedTensor';
import { byteLength, type HeaderEntry } from '../safetensorsLayout';
import { isStored } from '../storageNotes';
import type { Piece, PieceReader, SaveJob } from './writer';

/** Read of a piece at a time. */
const BAND_BYTES = 8 * 1024 * 1024;

export interface WrittenTensor extends HeaderEntry {
  /** The pieces (`Piece.of`) that it is read from; absent for a copy. */
  readonly pieces?: readonly string[];
  write(append: Append, pieces: PieceReader, signal: AbortSignal): Promise<void>;
}

/**
 * Everything that a saved model holds. A piece's tensors stand where the first one of the tensors stood that it replaces;
 * one that has the name of a replaced tensor stands in its place.
 *
 * @param inPlaceOf further tensors in the place of one that is replaced
 */
export function modelTensors(
  job: Pick<SaveJob, 'checkpoint' | 'leftOut'>,
  pieces: readonly Piece[],
  inPlaceOf: (replaced: TensorInfo) => readonly WrittenTensor[] = () => [],
): WrittenTensor[] {
  const { checkpoint, leftOut } = job;
  const dropped = new Set(pieces.flatMap(({ drops }) => drops));
  const renames = new Map(pieces.flatMap((piece) => Object.entries(piece.renames ?? {})));
  const atPlace = new Map<string, WrittenTensor[]>();
  for (const piece of pieces) {
    const drops = new Set(piece.drops);
    for (const tensor of piece.tensors) {
      const place = drops.has(tensor.name) ? tensor.name : piece.drops[0]!;
      const list = atPlace.get(place);
      if (list) list.push(pieceTensor(piece, tensor));
      else atPlace.set(place, [pieceTensor(piece, tensor)]);
    }
  }
  return checkpoint.tensors.flatMap((tensor): readonly WrittenTensor[] => {
    const { name } = tensor;
    const placed = atPlace.get(name) ?? [];
    if (dropped.has(name)) return [...placed, ...inPlaceOf(tensor)];
    if (leftOut.has(name) || !isStored(tensor)) return [];
    const renamed = renames.get(name);
    const copies = copiesOf(job, tensor);
    return renamed === undefined ? copies : copies.map((copy) => ({ ...copy, name: renamed }));
  });
}

function copiesOf({ checkpoint }: Pick<SaveJob, 'checkpoint'>, tensor: TensorInfo): WrittenTensor[] {
  return copiedTensor(checkpoint, tensor).map((copied) => ({
    ...copied,
    write: (append, _, signal) => copied.write(append, signal),
  }));
}

/** A tensor of a piece as a file holds it. */
export function pieceTensor({ of: piece }: Pick<Piece, 'of'>, tensor: HeaderEntry): WrittenTensor {
  const { name, dtype, shape } = tensor;
  return {
    ...{ name, dtype, shape, pieces: [piece] },
    write: async (append, pieces, signal) => {
      const length = byteLength(tensor);
      for (let start = 0; start < length; start += BAND_BYTES) {
        signal.throwIfAborted();
        await append(await pieces.read(piece, name, start, Math.min(length, start + BAND_BYTES)));
      }
    },
  };
}
