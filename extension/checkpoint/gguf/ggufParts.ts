/**
 * Models split over several GGUF files, `model-00001-of-00003.gguf` and so on, as llama.cpp's `gguf-split` writes them:
 * each part is a GGUF file of its own, and the first one has the metadata.
 *
 * @see https://github.com/ggml-org/llama.cpp/blob/master/tools/gguf-split/README.md
 */
import path from 'node:path';
import type { Problem } from '../../shared/tensors';
import { CheckpointError } from '../checkpointError';
import type { FileSet } from '../files/fileSet';
import { readGgufHeader, type GgufHeader } from './ggufHeader';
import type { GgufTensor } from './ggufTensor';
import { ProblemList } from '../problemList';
import { l10n } from '../../shared/language/l10n';

export interface GgufPart {
  readonly file: string;
  readonly header?: GgufHeader;
  readonly error?: CheckpointError;
}

/** @throws DOMException `AbortError` when `signal` fires */
export async function readPart(file: string, files: FileSet, signal?: AbortSignal): Promise<GgufPart> {
  try {
    return { file, header: await files.use(file, (reader) => readGgufHeader(reader, signal)) };
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    if (error.code !== 'not-found') return { file, error };
    return {
      file,
      error: new CheckpointError('missing-shard', l10n.english('the part is missing'), { file, cause: error }),
    };
  }
}

export interface JoinedParts {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: readonly GgufTensor[];
  readonly problems: readonly Problem[];
}

/** One list of tensors out of all parts, in their order, and what does not fit together. */
export function joinParts(checkpointPath: string, parts: readonly GgufPart[]): JoinedParts {
  const problems = new ProblemList(checkpointPath);
  const metadata = new Map<string, string>();
  const tensors = new Map<string, GgufTensor>();
  let declared = 0;
  for (const { file, header, error } of parts) {
    if (error) problems.push(error.toProblem());
    if (!header) continue;
    for (const [key, value] of header.metadata) if (!metadata.has(key)) metadata.set(key, value);
    problems.pushAll(header.problems);
    declared += header.declaredTensors;
    for (const tensor of header.tensors) {
      const first = tensors.get(tensor.name);
      if (!first) tensors.set(tensor.name, tensor);
      else {
        const message = `is in two parts, and the one in ${path.basename(first.file)} is shown`;
        problems.add('malformed', message, { file, tensor: tensor.name });
      }
    }
  }
  compareWithMetadata({ parts, metadata, declared }, problems);
  return { metadata, tensors: [...tensors.values()], problems: problems.list() };
}

/** Checks that these are all: the first part says how many parts and tensors there are. */
function compareWithMetadata(
  { parts, metadata, declared }: Pick<JoinedParts, 'metadata'> & { parts: readonly GgufPart[]; declared: number },
  problems: ProblemList,
): void {
  const count = Number(metadata.get('split.count') ?? 0);
  if (count > 1 && parts.length === 1) {
    const message = `is one of ${count} parts, and its name does not say what the others are called`;
    problems.add('missing-shard', message);
  } else if (count > 1 && count !== parts.length) {
    problems.add('malformed', `is one of ${count} parts by its metadata, but of ${parts.length} by its name`);
  }
  const total = metadata.get('split.tensors.count');
  if (total !== undefined && parts.length > 1 && parts.every(({ header }) => header) && Number(total) !== declared) {
    problems.add('malformed', `its metadata promise ${total} tensors, but the parts list ${declared}`);
  }
}
