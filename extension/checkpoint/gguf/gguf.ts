/**
 * GGUF, the format of ggml and llama.cpp: one file (`ggufHeader.ts`) or several parts (`ggufParts.ts`). Quantised blocks
 * are decoded as they are read, to the very float32 that ggml makes of them.
 *
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import path from 'node:path';
import type { Problem } from '../../shared/tensors';
import type { Checkpoint, CheckpointFormat, TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { concurrently } from '../files/concurrently';
import { FileSet } from '../files/fileSet';
import { looksLikeGguf } from './ggufHeader';
import { huggingFaceName } from './ggufNames';
import { joinParts, partNames, readPart } from './ggufParts';
import { readElements } from './ggufElements';
import { withTrueShape } from './ggufShapes';
import type { GgufTensor } from './ggufTensor';
import { bandBytes, type RowRange } from '../elements/rowBand';

const FORMAT = 'gguf';

/** Headers read at the same time: hides the latency of network disks, keeps few files open. */
const HEADERS_AT_ONCE = 8;

export const ggufFormat: CheckpointFormat = {
  name: FORMAT,
  suffixes: ['.gguf'],
  matches: (_path, head) => looksLikeGguf(head),
  async open(file, signal) {
    const files = new FileSet();
    try {
      return await openParts(file, files, signal);
    } catch (error) {
      await files.close();
      throw error;
    }
  },
};

/** @throws CheckpointError where no part can be read: what is wrong with the one that was asked for */
async function openParts(file: string, files: FileSet, signal?: AbortSignal): Promise<Checkpoint> {
  const places = partNames(path.basename(file)).map((name) => path.join(path.dirname(file), name));
  const parts = await concurrently(places, HEADERS_AT_ONCE, (place) => readPart(place, files, signal));
  const readable = parts.filter(({ header }) => header);
  const own = parts.find((part) => part.file === file)?.error;
  if (readable.length === 0 && own) throw own;
  const { metadata, problems, ...joined } = joinParts(file, parts);
  const tensors = joined.tensors.map((tensor) => withTrueShape(tensor, metadata));
  const architecture = metadata.get('general.architecture');
  for (const tensor of tensors) {
    const alias = huggingFaceName(tensor.name, architecture);
    if (alias !== undefined) tensor.alias = alias;
  }
  return new GgufCheckpoint(
    file,
    readable.map((part) => part.file),
    Object.fromEntries(metadata),
    tensors,
    problems,
    files,
  );
}

class GgufCheckpoint implements Checkpoint {
  readonly format = FORMAT;
  private readonly stored = new Map<string, GgufTensor>();

  constructor(
    readonly path: string,
    readonly files: readonly string[],
    readonly metadata: Readonly<Record<string, string>>,
    readonly tensors: readonly GgufTensor[],
    readonly problems: readonly Problem[],
    private readonly fileSet: FileSet,
  ) {
    for (const tensor of tensors) this.stored.set(tensor.name, tensor);
  }

  async read({ name }: TensorInfo, rows?: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const tensor = this.stored.get(name);
    if (!tensor) {
      throw new CheckpointError('malformed', 'is not in the checkpoint', { file: this.path, tensor: name });
    }
    const { offset, length } = bandBytes(tensor, rows);
    return this.fileSet.use(tensor.file, (reader) => readElements(reader, tensor, offset, length, signal));
  }

  async close(): Promise<void> {
    await this.fileSet.close();
  }
}
