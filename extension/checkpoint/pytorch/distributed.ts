/**
 * Distributed checkpoints (torch.distributed.checkpoint; FSDP's sharded state dicts): a folder with `.metadata` and the
 * files `__rank_number.distcp` of all ranks, in which each chunk of a tensor is a record as `torch.save` writes it.
 * Opening reads the metadata only; each tensor is put together from its chunks as it is read.
 *
 * @see https://pytorch.org/docs/stable/distributed.checkpoint.html
 */
import path from 'node:path';
import { DISTRIBUTED_METADATA, DISTRIBUTED_RECORDS } from '../../shared/names/checkpointNames';
import { type Checkpoint, type CheckpointFormat, type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { TiledRows } from '../elements/tiledRows';
import { concurrently } from '../files/concurrently';
import { readDistributedMetadata, type DistributedContents, type DistributedTensor } from './distributedMetadata';
import { RecordCache } from './distributedRecord';
import { elementSize } from '../elements/dtype';
import type { FileBytes } from '../files/fileBytes';
import { FileSet } from '../files/fileSet';
import { OpeningBudget } from '../files/openingBudget';
import { readPickle } from '../pickle/pickle';
import { TorchPickleHost } from './pickleGlobals';
import type { PickleValue } from '../pickle/pickleValues';
import { countNames, ProblemList } from '../problemList';
import { dangerProblem } from './pytorch';
import { SourcedCheckpoint, type SourcedTensor } from '../elements/sourcedCheckpoint';
import { elementCount } from '../elements/shape';
import { siblingPath } from '../files/siblingPath';
import { withNamedState } from '../elements/trainingNames';
import { l10n } from '../../shared/language/l10n';

/** A tensor's entry takes some 100 bytes, and each of its chunks some 200: more than are looked at. */
const MAX_METADATA_BYTES = 128 * 1024 * 1024;

/** As many ranks wrote the largest models, one file each; looking for one takes 90 µs. */
const MAX_FILES = 16_384;

/** Files looked at at the same time: hides the latency of network disks. */
const FILES_AT_ONCE = 16;

/** Objects that are not tensors: so many are listed. */
const MAX_OBJECTS_LISTED = 200;

export const distributedFormat: CheckpointFormat = {
  name: 'distributed',
  matches: (file) => path.basename(file) === DISTRIBUTED_METADATA || file.toLowerCase().endsWith(DISTRIBUTED_RECORDS),
  async open(file, signal) {
    const folder = path.dirname(file);
    const metadataPath = path.join(folder, DISTRIBUTED_METADATA);
    const files = new FileSet();
    try {
      const metadata = await openMetadata(files, metadataPath, file);
      const problems = new ProblemList(metadataPath);
      const contents = readDistributedMetadata(await unpickle(metadata, problems, signal), metadataPath, problems);
      return await makeCheckpoint(metadata, contents, files, problems);
    } catch (error) {
      await files.close();
      throw error;
    }
  },
};

async function openMetadata(files: FileSet, metadataPath: string, opened: string): Promise<FileBytes> {
  try {
    return await files.bytes(metadataPath);
  } catch (error) {
    if (!(error instanceof CheckpointError) || error.code !== 'not-found' || opened === metadataPath) throw error;
    const message = `is one of a distributed checkpoint's files, and ${DISTRIBUTED_METADATA}, which says what is in them, is missing`;
    throw new CheckpointError('missing-shard', message, { file: opened, cause: error, remedy: 'put it beside them' });
  }
}

async function unpickle(file: FileBytes, problems: ProblemList, signal?: AbortSignal): Promise<PickleValue> {
  if (file.size > MAX_METADATA_BYTES) {
    const message = `has ${file.size} bytes; more than ${MAX_METADATA_BYTES} are not read`;
    throw new CheckpointError('limit', message, { file: file.path });
  }
  const bytes = await file.read(0, file.size, signal);
  const host = new TorchPickleHost();
  const budget = new OpeningBudget(file.path);
  budget.bring(bytes.length);
  const { value } = readPickle({ file: file.path, bytes, offset: 0, available: bytes.length }, host, budget);
  const danger = dangerProblem(host);
  if (danger !== undefined) problems.add('unsafe-pickle', danger);
  return value;
}

/** A file of records, or why it cannot be opened, by the metadata's name for it. */
type FoundFile = { readonly file: FileBytes } | { readonly error: CheckpointError };

async function makeCheckpoint(
  metadata: FileBytes,
  { tensors, objects }: DistributedContents,
  fileSet: FileSet,
  problems: ProblemList,
): Promise<Checkpoint> {
  const folder = path.dirname(metadata.path);
  const found = await findFiles(folder, tensors, fileSet);
  const records = new RecordCache();
  const lost = new Map<CheckpointError, string[]>();
  const sourced: SourcedTensor[] = [];
  for (const tensor of tensors) {
    const error = firstMissing(tensor, found);
    if (error)
      lost
        .set(error, lost.get(error) ?? [])
        .get(error)!
        .push(tensor.name);
    else if (reportOutside(tensor, found, problems)) continue;
    else sourced.push(sourcedTensor(tensor, found, records, metadata.path));
  }
  for (const [{ code, reason, where }, names] of lost) {
    problems.push(new CheckpointError(code, `${reason}, so ${countNames(names)} cannot be shown`, where).toProblem());
  }
  const readable = [...found.values()].flatMap((file) => ('file' in file ? [file.file.path] : []));
  return new SourcedCheckpoint(metadata, {
    format: 'distributed',
    files: [metadata.path, ...readable],
    weightFiles: readable.length,
    metadata: Object.fromEntries(
      [...objects].slice(0, MAX_OBJECTS_LISTED).map(([name, { length }]) => [name, `${length} bytes, no tensor`]),
    ),
    tensors: sourced,
    problems: problems.list(),
    close: () => fileSet.close(),
  });
}

async function findFiles(
  folder: string,
  tensors: readonly DistributedTensor[],
  files: FileSet,
): Promise<ReadonlyMap<string, FoundFile>> {
  const names = [...new Set(tensors.flatMap(({ chunks }) => chunks.map(({ place }) => place.name)))];
  const found = await concurrently(names.slice(0, MAX_FILES), FILES_AT_ONCE, (name) => findFile(folder, name, files));
  const message = `names ${names.length} files; more than ${MAX_FILES} are not looked for`;
  const rest = { error: new CheckpointError('limit', message, { file: path.join(folder, DISTRIBUTED_METADATA) }) };
  return new Map(names.map((name, i) => [name, found[i] ?? rest]));
}

async function findFile(folder: string, name: string, files: FileSet): Promise<FoundFile> {
  const file = siblingPath(folder, name);
  if (file === undefined) {
    const message = `names the file ${JSON.stringify(name.slice(0, 200))}, which is not beside it and is not opened`;
    return { error: new CheckpointError('malformed', message, { file: path.join(folder, DISTRIBUTED_METADATA) }) };
  }
  try {
    return { file: await files.bytes(file) };
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    if (error.code !== 'not-found') return { error };
    return { error: new CheckpointError('missing-shard', l10n.english('the file is missing'), { file, cause: error }) };
  }
}

function firstMissing(
  { chunks }: DistributedTensor,
  found: ReadonlyMap<string, FoundFile>,
): CheckpointError | undefined {
  for (const { place } of chunks) {
    const file = found.get(place.name)!;
    if ('error' in file) return file.error;
  }
  return undefined;
}

/** Tells of a chunk that its file is too short for. */
function reportOutside(
  { name, chunks }: DistributedTensor,
  found: ReadonlyMap<string, FoundFile>,
  problems: ProblemList,
): boolean {
  for (const { place } of chunks) {
    const { path: file, size } = (found.get(place.name) as { file: FileBytes }).file;
    if (place.offset + place.length <= size) continue;
    const message = `its chunk goes up to byte ${place.offset + place.length}, but the file ends at byte ${size}`;
    problems.add('truncated', message, { file, offset: place.offset, tensor: name });
    return true;
  }
  return false;
}

function sourcedTensor(
  { name, shape, dtype, chunks }: DistributedTensor,
  found: ReadonlyMap<string, FoundFile>,
  records: RecordCache,
  metadataPath: string,
): SourcedTensor {
  const byteLength = (elementCount(shape) as number) * elementSize(dtype);
  const info: TensorInfo = { name, group: '', shape, dtype, byteLength, kernelLayout: 'OI…' };
  const stored = chunks.map(({ offsets, sizes, place }) => {
    const { file } = found.get(place.name) as { file: FileBytes };
    return { offsets, sizes, source: records.source({ file, ...place, shape: sizes, dtype }) };
  });
  return { info: withNamedState(info), source: new TiledRows(shape, elementSize(dtype), stored, metadataPath) };
}
