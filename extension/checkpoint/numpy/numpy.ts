/**
 * NumPy arrays: one in an `.npy` file, or several in the zip archive `.npz`, each a record `<name>.npy`, stored or
 * deflated. Arrays of Python objects are pickles: they are named and not read.
 *
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import path from 'node:path';
import { type CheckpointFormat, type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { concurrently } from '../files/concurrently';
import { FileReader } from '../files/fileReader';
import { isNumpy, readNumpyHeader, type NumpyHeader } from './numpyHeader';
import { NumpyRecord, OpenRecords } from './numpyRecord';
import { firstNames, ProblemList } from '../problemList';
import { ViewSource } from '../elements/rowSource';
import { SourcedCheckpoint, type SourcedContents, type SourcedTensor } from '../elements/sourcedCheckpoint';
import { viewBytes, viewProblem } from '../elements/tensorView';
import { withNamedState } from '../elements/trainingNames';
import { firstRecord, isZip, ZipArchive, type ZipEntry } from '../containers/zipArchive';

const FORMAT = 'numpy';
const ARRAY_SUFFIX = '.npy';

/** Headers of an archive read at the same time. */
const HEADERS_AT_ONCE = 8;

/** Arrays of an archive, those that are inflated counted thrice: the header of each is read, in 0.1 ms. */
const MAX_ARRAYS = 15_000;

/** Records that are not arrays: so many are named. */
const MAX_NAMES_SHOWN = 20;

export const numpyFormat: CheckpointFormat = {
  name: FORMAT,

  matches(file, head) {
    if (isNumpy(head)) return true;
    return isZip(head) && (/\.npz$/i.test(file) || firstRecord(head).endsWith(ARRAY_SUFFIX));
  },

  async open(file, signal) {
    const reader = await FileReader.open(file);
    try {
      const head = await reader.read(0, Math.min(reader.size, 8), signal);
      const contents = isZip(head) ? await openArchive(reader, signal) : await openArray(reader, signal);
      return new SourcedCheckpoint(reader, contents);
    } catch (error) {
      await reader.close();
      throw error;
    }
  },
};

/** The one array of an `.npy` file, which has no name but the file's. */
async function openArray(reader: FileReader, signal?: AbortSignal): Promise<SourcedContents> {
  const name = path.basename(reader.path).replace(/\.npy$/i, '');
  try {
    const header = await readNumpyHeader((start, end) => reader.read(start, end - start, signal), reader.size);
    const problem = viewProblem(header.view, reader.size);
    if (problem) throw new CheckpointError(problem.code, problem.reason);
    const source = new ViewSource(header.view, (start, end, cancel) => reader.read(start, end - start, cancel));
    const metadata = { 'numpy format version': header.version, ...(header.fortran && { order: 'Fortran' }) };
    return { format: FORMAT, metadata, tensors: [{ info: infoOf(name, header), source }], problems: [] };
  } catch (error) {
    throw placed(error, reader.path);
  }
}

async function openArchive(reader: FileReader, signal?: AbortSignal): Promise<SourcedContents> {
  const archive = await ZipArchive.open(reader, signal);
  const problems = new ProblemList(reader.path);
  const open = new OpenRecords(archive);
  const all = [...archive.entries.values()];
  const arrays = all.filter(({ name }) => name.endsWith(ARRAY_SUFFIX));
  if (arrays.length === 0) {
    const shown = all.slice(0, 3).map(({ name }) => name);
    const message = `is a zip archive without a NumPy array (it holds ${shown.join(', ') || 'nothing'})`;
    throw new CheckpointError('unknown-format', message, { file: reader.path });
  }
  const listed = within(arrays);
  if (listed.length < arrays.length) {
    const message = `holds ${arrays.length} arrays: only the first ${listed.length} are shown, as each takes time`;
    problems.add('limit', message, { remedy: 'save it in parts, or as safetensors' });
  }
  const found = await concurrently(listed, HEADERS_AT_ONCE, async (entry) => {
    signal?.throwIfAborted();
    try {
      return await arrayOf(entry, archive, open, signal);
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.code === 'changed' || error.code === 'io') throw error;
      return placed(error, reader.path).ofTensor(nameOf(entry));
    }
  }).catch((error: unknown) => {
    open.close();
    throw error;
  });
  for (const error of found) if (error instanceof CheckpointError) problems.push(error.toProblem());
  const others = all.filter(({ name }) => !name.endsWith(ARRAY_SUFFIX)).map(({ name }) => name);
  const shown = firstNames(others, MAX_NAMES_SHOWN);
  return {
    format: FORMAT,
    metadata: others.length === 0 ? {} : { 'records that are no arrays': shown },
    tensors: found.filter((array): array is SourcedTensor => !(array instanceof CheckpointError)),
    problems: problems.list(),
    close: () => open.close(),
  };
}

/** As many of the first as may be read. */
function within(arrays: readonly ZipEntry[]): readonly ZipEntry[] {
  let left = MAX_ARRAYS;
  const end = arrays.findIndex(({ stored }) => (left -= stored ? 1 : 3) < 0);
  return end < 0 ? arrays : arrays.slice(0, end);
}

async function arrayOf(
  entry: ZipEntry,
  archive: ZipArchive,
  open: OpenRecords,
  signal?: AbortSignal,
): Promise<SourcedTensor> {
  const record = new NumpyRecord(archive, entry, open);
  const header = await record.header((read) => readNumpyHeader(read, entry.size), signal);
  const problem = viewProblem(header.view, entry.size);
  if (problem) throw new CheckpointError(problem.code, problem.reason);
  const source = new ViewSource(header.view, (start, end, cancel) => record.read(start, end, cancel));
  return { info: withNamedState(infoOf(nameOf(entry), header)), source };
}

function nameOf({ name }: ZipEntry): string {
  return name.slice(0, -ARRAY_SUFFIX.length);
}

function infoOf(name: string, { view, stored }: NumpyHeader): TensorInfo {
  const byteLength = viewBytes(view)!;
  return {
    name,
    group: '',
    shape: view.shape,
    dtype: view.dtype,
    byteLength,
    ...(stored !== undefined && { encoding: { name: stored, byteLength } }),
    // Nothing in the file says which; Flax and Keras, which archive weights so too, call theirs `kernel`.
    kernelLayout: /(^|[/.])kernel(:0)?$/.test(name) ? '…IO' : 'OI…',
  };
}

/** The same error, with the file in front of it. */
function placed(error: unknown, file: string): CheckpointError {
  if (!(error instanceof CheckpointError)) throw error;
  return error.where.file === undefined
    ? new CheckpointError(error.code, error.reason, { ...error.where, file })
    : error;
}
