/**
 * Flax's MessagePack files (`flax.serialization.to_bytes`, `flax_model.msgpack`): parameters, and optimizer state where
 * it is a training checkpoint, named by their keys.
 */
import type { CheckpointFormat, TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { elementSize } from '../elements/dtype';
import { FileReader } from '../files/fileReader';
import type { FlaxArray, Piece } from './flaxArray';
import { FlaxTree } from './flaxTree';
import { MsgpackReader } from './msgpackReader';
import { ProblemList } from '../problemList';
import { ViewSource, type ReadRange } from '../elements/rowSource';
import { SourcedCheckpoint, type SourcedContents, type SourcedTensor } from '../elements/sourcedCheckpoint';
import { elementCount, contiguousStrides } from '../elements/shape';
import { withNamedState } from '../elements/trainingNames';

const FORMAT = 'flax';

/** A map, a key, and soon after an extension of a small type (1 is an array) that begins with a tuple of three. */
const BEGINNING = /^[\x81-\x8f\xde\xdf][^]{0,4}[\xa1-\xbf\xd9][^]*?[\xc7-\xc9][^]{1,4}\p{Cc}\x93/u;

export const flaxFormat: CheckpointFormat = {
  name: FORMAT,
  matches: (_file, head) => BEGINNING.test(Buffer.from(head).toString('latin1')),

  async open(file, signal) {
    const reader = await FileReader.open(file);
    try {
      return new SourcedCheckpoint(reader, await readContents(reader, signal));
    } catch (error) {
      await reader.close();
      throw error;
    }
  },
};

async function readContents(reader: FileReader, signal?: AbortSignal): Promise<SourcedContents> {
  const problems = new ProblemList(reader.path);
  const tree = new FlaxTree(new MsgpackReader(reader, signal), problems);
  try {
    await tree.read();
  } catch (error) {
    const damage = error instanceof CheckpointError && ['truncated', 'malformed', 'limit'].includes(error.code);
    if (!damage || tree.arrays.length === 0) throw error;
    const reason = `${error.reason}: only tensors before the place are shown`;
    problems.push(new CheckpointError(error.code, reason, error.where).toProblem());
  }
  return {
    format: FORMAT,
    metadata: Object.fromEntries(tree.metadata),
    tensors: tree.arrays.map((array) => tensorOf(array, reader)),
    problems: problems.list(),
  };
}

function tensorOf({ name, shape, dtype, pieces }: FlaxArray, reader: FileReader): SourcedTensor {
  const view = { dtype, shape, strides: contiguousStrides(shape), byteOffset: 0, bigEndian: false };
  const byteLength = (elementCount(shape) as number) * elementSize(dtype);
  const info: TensorInfo = { name, group: '', shape, dtype, byteLength, kernelLayout: '…IO' };
  return { info: withNamedState(info), source: new ViewSource(view, joined(pieces, reader)) };
}

/** Ranges of the pieces' joined bytes. */
function joined(pieces: readonly Piece[], reader: FileReader): ReadRange {
  return async (start, end, signal) => {
    const bytes = new Uint8Array(end - start);
    let at = 0;
    for (const { offset, length } of pieces) {
      const [from, to] = [Math.max(start, at), Math.min(end, at + length)];
      if (from < to) await reader.readInto(bytes.subarray(from - start, to - start), offset + from - at, signal);
      at += length;
    }
    return bytes;
  };
}
