/**
 * GGUF, the format of ggml and llama.cpp: one file (`ggufHeader.ts`) or several parts (`ggufParts.ts`). Quantised blocks
 * are decoded as they are read, to the very float32 that ggml makes of them.
 *
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import path from 'node:path';
import type { Checkpoint, CheckpointFormat } from '../checkpoint';
import { concurrently } from '../files/concurrently';
import { FileSet } from '../files/fileSet';
import { looksLikeGguf } from './ggufHeader';
import { huggingFaceName } from './ggufNames';
import { partNames } from '../../shared/names/shardNames';
import { joinParts, readPart } from './ggufParts';
import { readElements } from './ggufElements';
import { withTrueShape } from './ggufShapes';
import type { GgufTensor } from './ggufTensor';
import { bandBytes, type RowRange } from '../elements/rowBand';
import type { RowSource } from '../elements/rowSource';
import { SourcedCheckpoint, type SourcedTensor } from '../elements/sourcedCheckpoint';

const FORMAT = 'gguf';

/** Headers read at the same time: hides the latency of network disks, keeps few files open. */
const HEADERS_AT_ONCE = 8;

export const ggufFormat: CheckpointFormat = {
  name: FORMAT,
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
  return new SourcedCheckpoint(files.under(file), {
    format: FORMAT,
    files: readable.map((part) => part.file),
    metadata: Object.fromEntries(metadata),
    tensors: tensors.map((tensor) =>
      tensor.unreadable === undefined ? new StoredRows(tensor, files) : { info: tensor },
    ),
    problems,
  });
}

/** Tensor and source in one object: a file can list 100 000. */
class StoredRows implements SourcedTensor, RowSource {
  constructor(
    readonly info: GgufTensor,
    private readonly files: FileSet,
  ) {}

  get source(): RowSource {
    return this;
  }

  readRows(rows: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    const { info } = this;
    const { offset, length } = bandBytes(info, rows);
    return this.files.use(info.file, (reader) => readElements(reader, info, offset, length, signal));
  }
}
