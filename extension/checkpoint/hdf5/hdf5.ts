/**
 * HDF5: files of named arrays in groups, as Keras up to version 2 and many plain scripts save weights. Read by hand,
 * 3 000 lines in this folder, because reads must be positioned, bounded and cancellable, and files may be hostile.
 *
 * Measured against h5wasm 0.10.3, the HDF5 C library in WebAssembly, on 2 cores with Node 20 (medians of 4 processes):
 * - Both read by position: h5wasm's build for Node sees the host's files.
 * - From start to the list of 16 tensors in 640 MB: 0.55 s here, 1.7 s there, most of it to load its code, with 20 and
 *   43 MB of memory. Reading all of a 3 MB Keras model, once open: 10 ms and 99 ms.
 * - All of 640 MB in bands of 8 MB: 2.8 s and 3.6 s; of 586 MB in gzip chunks: 18 s and 36 s, with 190 and 168 MB.
 * - A read cancelled after 20 ms ended 13 ms later here, and never held its thread for more than 5 ms. There a read of
 *   40 MB holds its thread for 0.7 s, and only the end of its worker stops it.
 * - Of 314 damaged files (as hdf5Damage.test.ts makes them) none hangs or crashes either. There 26 give an error and no
 *   list at all, and 40 cut ones are refused that are listed here with what is whole; the traps take 342 and 174 MB.
 * - Size in the package: 1 MB compressed; this folder with all that it imports, 22 kB.
 * Both listed and read the same files, in bands of 8 MB, in processes of their own.
 *
 * @see https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
 */
import type { Problem } from '../../shared/tensors';
import { type CheckpointFormat, type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import type { ReadableBytes } from '../files/fileBytes';
import { FileReader } from '../files/fileReader';
import { UnpackedChunks } from './hdf5ChunkedRows';
import { looksLikeHdf5, readSuperblock } from './hdf5Superblock';
import { Hdf5Tree, type FoundDataset } from './hdf5Tree';
import {
  isKeras,
  isKerasOptimizer,
  kerasAlias,
  kerasGroup,
  kerasMetadata,
  type GroupAttributes,
} from '../keras/kerasModel';
import { withConfigUses } from '../keras/kerasUses';
import { firstNames, NAMES_SHOWN, ProblemList } from '../problemList';
import { SourcedCheckpoint, type SourcedContents, type SourcedTensor } from '../elements/sourcedCheckpoint';
import { namedState } from '../elements/trainingNames';

const FORMAT = 'hdf5';

export const hdf5Format: CheckpointFormat = {
  name: FORMAT,
  matches: (_file, head) => looksLikeHdf5(head),

  async open(file, signal) {
    const reader = await FileReader.open(file);
    try {
      return new SourcedCheckpoint(reader, await readHdf5(reader, signal));
    } catch (error) {
      await reader.close();
      throw error;
    }
  },
};

export interface Hdf5Contents extends SourcedContents {
  readonly attributes: GroupAttributes;
}

/** All tensors of the file, and what its attributes say. @throws CheckpointError where it has none that can be listed */
export async function readHdf5(source: ReadableBytes, signal?: AbortSignal): Promise<Hdf5Contents> {
  const { version, bytes, root, end } = await readSuperblock(source, signal);
  const problems = new ProblemList(source.path);
  const unpacked = new UnpackedChunks();
  const tree = new Hdf5Tree(bytes, unpacked, problems);
  try {
    await tree.read(root);
  } catch (error) {
    if (!(error instanceof CheckpointError) || error.code !== 'limit' || tree.datasets.length === 0) throw error;
    problems.push(error.toProblem());
  }
  const { attributes } = tree;
  const keras = isKeras(attributes);
  const tensors = tree.datasets.map((found) => tensorOf(found, keras, kerasAlias(attributes, found.name)));
  // Whole models that Keras wrote before its third version.
  const config = attributes.get('')?.get('model_config');
  return {
    format: FORMAT,
    attributes,
    metadata: { ...kerasMetadata(attributes), 'HDF5 superblock version': String(version) },
    tensors: typeof config === 'string' ? withConfigUses(tensors, config, attributes) : tensors,
    problems: end === undefined || end <= source.size ? problems.list() : cutProblems(problems.list(), source, end),
    close: () => unpacked.clear(),
  };
}

/** Problems of a file that was written with `end` bytes: one sentence for all that lies behind its end, then the others. */
function cutProblems(problems: readonly Problem[], { path, size }: ReadableBytes, end: number): Problem[] {
  const isCut = ({ code, tensor }: Problem): boolean => code === 'truncated' && tensor !== undefined;
  const lost = problems.filter(isCut).map(({ tensor }) => tensor!);
  const names =
    lost.length === 0 ? '' : `: ${firstNames(lost, NAMES_SHOWN)} ${lost.length === 1 ? 'is' : 'are'} cut off`;
  const message = `has ${size.toLocaleString('en')} bytes, but was written with ${end.toLocaleString('en')}${names}`;
  const cut = new CheckpointError('truncated', message, { file: path });
  return [cut.toProblem(), ...problems.filter((problem) => !isCut(problem))];
}

type Writable = { -readonly [Key in keyof TensorInfo]: TensorInfo[Key] };

function tensorOf(
  { name, dataset, sharedWith }: FoundDataset,
  keras: boolean,
  alias: string | undefined,
): SourcedTensor {
  const { shape, dtype, byteLength, stored, source, unreadable } = dataset;
  // For files that Keras did not write, only the name can tell.
  const kernelLayout = keras || !/(^|[/.])weights?(:0)?$/.test(name) ? '…IO' : 'OI…';
  const info: Writable = { name, group: kerasGroup(name), shape, dtype, byteLength, kernelLayout };
  const notModel = isKerasOptimizer(info.group) ? 'optimizer state' : namedState(info);
  if (notModel !== undefined) info.notModel = notModel;
  if (alias !== undefined) info.alias = alias;
  if (stored !== undefined) info.encoding = { name: stored, byteLength };
  if (unreadable !== undefined) info.unreadable = unreadable;
  if (sharedWith !== undefined && byteLength > 0) info.sharedWith = sharedWith;
  return source ? { info, source } : { info };
}
