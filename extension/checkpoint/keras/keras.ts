/**
 * Keras 3's `.keras` files: a zip archive of the weights in HDF5 (`model.weights.h5`), the model's configuration and
 * what saved it. Weights that are stored are read in place; Keras deflates nothing.
 *
 * @see https://github.com/keras-team/keras/blob/master/keras/src/saving/saving_lib.py
 */
import { type CheckpointFormat } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import type { ReadableBytes } from '../files/fileBytes';
import { FileReader } from '../files/fileReader';
import { readHdf5 } from '../hdf5/hdf5';
import { configMetadata, inConfigOrder, type GroupAttributes } from './kerasModel';
import { withConfigUses } from './kerasUses';
import { MemoryBytes } from '../files/memoryBytes';
import { ProblemList } from '../problemList';
import type { RowSource } from '../elements/rowSource';
import { SourcedCheckpoint, type SourcedContents, type SourcedTensor } from '../elements/sourcedCheckpoint';
import { firstRecord, isZip, ZipArchive, type ZipEntry } from '../containers/zipArchive';

const FORMAT = 'keras';

const WEIGHTS = 'model.weights.h5';
const CONFIG = 'config.json';
const ABOUT = 'metadata.json';

/** A model of a thousand layers has 1 MB. */
const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

/** A date and a version. */
const MAX_ABOUT_BYTES = 65_536;

/** HDF5 is read here and there, which a deflated record allows only once it is inflated as a whole. */
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;

export const kerasFormat: CheckpointFormat = {
  name: FORMAT,

  matches: (file, head) =>
    isZip(head) && (/\.keras$/i.test(file) || [WEIGHTS, CONFIG, ABOUT].includes(firstRecord(head))),

  async open(file, signal) {
    const reader = await FileReader.open(file);
    try {
      return new SourcedCheckpoint(reader, await readArchive(reader, signal));
    } catch (error) {
      await reader.close();
      throw error;
    }
  },
};

async function readArchive(reader: FileReader, signal?: AbortSignal): Promise<SourcedContents> {
  const archive = await ZipArchive.open(reader, signal);
  const weights = archive.entries.get(WEIGHTS);
  if (!weights) {
    const names = [...archive.entries.keys()].slice(0, 5).join(', ');
    const message = `holds no "${WEIGHTS}" (but ${names || 'nothing'})`;
    throw new CheckpointError('unknown-format', message, { file: reader.path, remedy: 'save the model with Keras 3' });
  }
  const problems = new ProblemList(reader.path);
  const found = await readHdf5(await recordSource(archive, weights, reader, signal), signal);
  const contents = weights.stored ? { ...found, tensors: found.tensors.map(checked(archive, weights)) } : found;
  problems.pushAll(contents.problems);
  const config = await textOf(CONFIG, MAX_CONFIG_BYTES, archive, problems, signal);
  const about = await textOf(ABOUT, MAX_ABOUT_BYTES, archive, problems, signal);
  const metadata = config === undefined ? {} : configMetadata(config);
  return {
    ...contents,
    format: FORMAT,
    metadata: { ...(about !== undefined && { [ABOUT]: about }), ...metadata, ...contents.metadata },
    tensors: config === undefined ? contents.tensors : configured(contents.tensors, config, contents.attributes),
    problems: problems.list(),
  };
}

/**
 * Rows of a stored record are read here and there, so its checksum is compared on first use, which reads it once. Opening
 * does not wait for that.
 */
function checked(archive: ZipArchive, entry: ZipEntry): (tensor: SourcedTensor) => SourcedTensor {
  return ({ info, source }) => {
    if (!source) return { info };
    const readRows: RowSource['readRows'] = async (rows, signal) => {
      await archive.verify(entry, signal);
      return source.readRows(rows, signal);
    };
    return { info, source: { readRows } };
  };
}

function configured(tensors: readonly SourcedTensor[], config: string, attributes: GroupAttributes): SourcedTensor[] {
  return withConfigUses(inConfigOrder(tensors, config, attributes), config, attributes);
}

/** The record as a file of its own. @throws CheckpointError `limit` where it is compressed and large */
async function recordSource(
  archive: ZipArchive,
  entry: ZipEntry,
  { path }: FileReader,
  signal?: AbortSignal,
): Promise<ReadableBytes> {
  const { size } = entry;
  if (entry.stored) {
    return { path, size, read: (offset, length, cancel) => archive.readRange(entry, offset, offset + length, cancel) };
  }
  if (size > MAX_INFLATED_BYTES) {
    const message = `its "${WEIGHTS}" is compressed and has ${size} bytes; more than ${MAX_INFLATED_BYTES} are not unpacked`;
    throw new CheckpointError('limit', message, { file: path, remedy: `unzip it and open "${WEIGHTS}"` });
  }
  return new MemoryBytes(path, await archive.readWhole(entry, MAX_INFLATED_BYTES, signal));
}

/** A small record's text; undefined where there is none, or none that can be read, which is then a problem. */
async function textOf(
  name: string,
  maxBytes: number,
  archive: ZipArchive,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const entry = archive.entries.get(name);
  if (!entry) return undefined;
  try {
    return Buffer.from(await archive.readWhole(entry, maxBytes, signal)).toString('utf8');
  } catch (error) {
    if (!(error instanceof CheckpointError) || error.code === 'changed' || error.code === 'io') throw error;
    problems.push(error.toProblem());
    return undefined;
  }
}
