/**
 * The zip format of `torch.save` (since 1.6) and of TorchScript: `<name>/data.pkl` refers to storages that are the
 * records `<name>/data/<key>`, stored without compression.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/caffe2/serialize/inline_container.h
 */
import type { Problem } from '../../shared/tensors';
import { CheckpointError } from '../checkpointError';
import { crc32, RunningCrc } from '../containers/crc32';
import { readExportedProgram, weightLists, WEIGHTS } from './exportedProgram';
import type { FileBytes } from '../files/fileBytes';
import type { OpeningBudget } from '../files/openingBudget';
import { itemsOf } from '../pickle/pickleArguments';
import { salvagePickle } from '../pickle/pickle';
import { TorchPickleHost } from './pickleGlobals';
import { PickleDict, PickleObject, type PickleStorage, type PickleValue } from '../pickle/pickleValues';
import type { StorageProblem, StorageSource, TorchFile } from './pytorchStorage';
import { holdsTensors } from './stateDict';
import { declaredTensors } from './torchScript';
import { ZipArchive, type ZipEntry } from '../containers/zipArchive';
import { ZipWalk } from '../containers/zipWalk';

/** Name of the record that holds the object, and the folder it is in. */
const PICKLE = /^((?:[^/]*\/)?)data\.pkl$/;

/** The records that tell the sizes of storages, which a TorchScript archive keeps in the folder of that name. */
const NAMING = /^((?:[^/]*\/)?(data|constants))\.pkl$/;

/** `data.pkl` names tensors and small objects; 100 000 tensors take about 20 MB. */
const MAX_PICKLE_BYTES = 256 * 1024 * 1024;

/** PyTorch does not compress it; a small file must not ask for much memory. */
const MAX_INFLATED_PICKLE_BYTES = 64 * 1024 * 1024;

/** `byteorder` is `little` or `big`, `version` a number. */
const MAX_NOTE_BYTES = 64;

/** PyTorch never compresses storages; one that another program compressed must be inflated whole, in memory. */
const MAX_INFLATED_BYTES = 256 * 1024 * 1024;

/** @throws CheckpointError */
export async function openTorchZip(file: FileBytes, budget: OpeningBudget, signal?: AbortSignal): Promise<TorchFile> {
  const { archive, failure, unpickled } = await openArchive(file, budget, signal);
  const lists = weightLists(archive);
  if (lists.length > 0) {
    const { root, folder } = await readExportedProgram(archive, lists, file.path, signal);
    const order = await readNote(archive, `${folder.slice(0, -WEIGHTS.length)}byteorder`, signal);
    const storages = new ZipStorages(archive, folder, isBigEndian(order, file), failure);
    const metadata = { 'archive format': 'torch.export' };
    return { format: 'pytorch', root, host: new TorchPickleHost(), storages, metadata, problems: [], budget };
  }
  const prefix = findPrefix(archive, file);
  const pickle = archive.entries.get(`${prefix}data.pkl`)!;
  const [{ value: root, problems, host }, byteOrder, version] = await Promise.all([
    unpickled.get(pickle.localHeader) ?? unpickle(file, archive, pickle, budget, signal),
    readNote(archive, `${prefix}byteorder`, signal),
    readNote(archive, `${prefix}version`, signal),
  ]);
  const metadata: Record<string, string> = version === undefined ? {} : { 'archive version': version };
  const common = { host, metadata, budget };
  const bigEndian = isBigEndian(byteOrder, file);
  const storages = new ZipStorages(archive, `${prefix}data/`, bigEndian, failure);
  if (!(root instanceof PickleObject) || !root.global.startsWith('__torch__.')) {
    return { ...common, format: 'pytorch', root, storages, problems };
  }
  const constants = archive.entries.get(`${prefix}constants.pkl`);
  if (constants && !holdsTensors(root, budget)) {
    // A frozen module: its weights are constants of its code, which calls them CONSTANTS.c0, CONSTANTS.c1, …
    const items = unpickled.get(constants.localHeader) ?? (await unpickle(file, archive, constants, budget, signal));
    const named = new PickleDict();
    for (const [i, item] of itemsOf(items.value).entries()) named.set(`c${i}`, item);
    const all = new PickleDict();
    all.set('CONSTANTS', named);
    const own = new ZipStorages(archive, `${prefix}constants/`, bigEndian, failure);
    const told = [...problems, ...items.problems];
    return { ...common, host: items.host, format: 'torchscript', root: all, storages: own, problems: told };
  }
  const code = await declaredTensors(archive, `${prefix}code/`, root, budget, signal);
  const { declared } = code;
  return { ...common, format: 'torchscript', root, storages, declared, problems: [...problems, ...code.problems] };
}

interface Unpickled {
  readonly value: PickleValue;
  readonly host: TorchPickleHost;
  readonly problems: readonly Problem[];
}

/** An archive and what was unpickled already, by the place of the record. */
interface OpenedArchive {
  readonly archive: ZipArchive;
  readonly unpickled: ReadonlyMap<number, Unpickled>;
  readonly failure?: StorageProblem;
}

/** The archive, or what can be read of one that was cut short, with the reason. */
async function openArchive(file: FileBytes, budget: OpeningBudget, signal?: AbortSignal): Promise<OpenedArchive> {
  try {
    return { archive: await ZipArchive.open(file, signal, budget), unpickled: new Map() };
  } catch (error) {
    if (!(error instanceof CheckpointError) || (error.code !== 'truncated' && error.code !== 'malformed')) throw error;
    const walk = new ZipWalk(file, budget, signal);
    const { entries, unpickled } = await recordsOf(walk, file, budget, signal);
    const { code } = error;
    if (!entries.some(({ name }) => PICKLE.test(name))) {
      const named = entries.some(({ name }) => /(^|\/)data\/\d+$/.test(name));
      const reason = named ? `${error.reason}, and data.pkl, which names its tensors, is not there` : error.reason;
      throw new CheckpointError(code, reason, { file: file.path, offset: walk.position, cause: error });
    }
    const failure = { code, reason: error.reason, offset: walk.position };
    return { archive: ZipArchive.of(file, entries), unpickled, failure };
  }
}

/**
 * The records of an archive from its start, as far as they are there. `torch.save` puts the object first, which tells the
 * sizes of the storages; TorchScript puts it behind them, so that their ends must be searched for.
 */
async function recordsOf(
  walk: ZipWalk,
  file: FileBytes,
  budget: OpeningBudget,
  signal?: AbortSignal,
): Promise<{ entries: ZipEntry[]; unpickled: Map<number, Unpickled> }> {
  const sizes = new Map<string, number>();
  const entries: ZipEntry[] = [];
  const unpickled = new Map<number, Unpickled>();
  for (let entry = await walk.next(); entry; entry = await walk.next((name) => sizes.get(name))) {
    entries.push(entry);
    const folder = NAMING.exec(entry.name)?.[1];
    if (folder === undefined) continue;
    const host = new TorchPickleHost();
    try {
      const found = await unpickle(file, ZipArchive.of(file, [entry]), entry, budget, signal, host);
      unpickled.set(entry.localHeader, found);
    } catch (error) {
      // It is seen later if that matters: when the object is wanted. Nothing can be read beyond the budget.
      if (!(error instanceof CheckpointError) || error.code === 'limit') throw error;
    }
    for (const [key, { length, type }] of host.storages) sizes.set(`${folder}/${key}`, length * type.bytes);
  }
  // Names are worth having where the data comes before them.
  const rest = entries.length > 0 ? await walk.remainder() : undefined;
  if (rest && NAMING.test(rest.name)) entries.push(rest);
  return { entries, unpickled };
}

function pickleLimit({ stored }: ZipEntry): number {
  return stored ? MAX_PICKLE_BYTES : MAX_INFLATED_PICKLE_BYTES;
}

/**
 * The value of a record that is a pickle, as far as it can be read: names that are left are worth more than none.
 *
 * @throws CheckpointError where nothing of it can be
 */
async function unpickle(
  file: FileBytes,
  archive: ZipArchive,
  entry: ZipEntry,
  budget: OpeningBudget,
  signal?: AbortSignal,
  host = new TorchPickleHost(),
): Promise<Unpickled> {
  if (!entry.stored && entry.size <= pickleLimit(entry)) budget.take(entry.size);
  const bytes = await archive.readUnchecked(entry, pickleLimit(entry), signal);
  if (entry.stored) budget.bring(bytes.length);
  const source = { file: `${file.path} (${entry.name})`, bytes, offset: 0, available: bytes.length };
  let damage: CheckpointError | undefined;
  try {
    archive.assertCrc(entry, crc32(bytes));
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    damage = error;
  }
  const { value, failure } = salvagePickle(source, host, budget);
  if (failure) {
    if (!holdsTensors(value, budget)) throw failure;
    // The remains of a record that was cut with its archive are reported as that.
    if (entry.crc32 === undefined) return { value, host, problems: [] };
    const { code, reason, where } = failure;
    const sum = damage ? ', does not match its checksum (CRC-32)' : '';
    const message = `its record "${entry.name}"${sum} breaks off: ${reason}; only tensors named before are shown`;
    const start = entry.stored ? (await archive.dataStart(entry, signal)) + (where.offset ?? 0) : entry.localHeader;
    const problem = new CheckpointError(code, message, { file: file.path, offset: start, cause: failure });
    return { value, host, problems: [problem.toProblem()] };
  }
  if (!damage) return { value, host, problems: [] };
  const message = `${damage.reason}: names, shapes and places of its tensors may be wrong`;
  const problem = new CheckpointError(damage.code, message, { ...damage.where, cause: damage });
  return { value, host, problems: [problem.toProblem()] };
}

/** What comes before `data.pkl`: a folder named after the file it was first saved as. */
function findPrefix(archive: ZipArchive, file: FileBytes): string {
  let found: string | undefined;
  for (const name of archive.entries.keys()) {
    const prefix = PICKLE.exec(name)?.[1];
    if (prefix === undefined) continue;
    if (found !== undefined) {
      const message = `holds two checkpoints, "${found}data.pkl" and "${name}"`;
      throw new CheckpointError('malformed', message, { file: file.path, remedy: 'unpack the one that is meant' });
    }
    found = prefix;
  }
  if (found !== undefined) return found;
  const names = [...archive.entries.keys()];
  const old = names.some((name) => /^(?:[^/]*\/)?model\.json$/.test(name));
  if (old) {
    const message = 'is a TorchScript archive from before PyTorch 1.4';
    throw new CheckpointError('unsupported', message, {
      file: file.path,
      remedy: 'load and save it with a newer PyTorch',
    });
  }
  if (names.some((name) => /(^|\/)(archive_format|serialized_exported_program\.json)$/.test(name))) {
    const message = 'is a torch.export program from before PyTorch 2.8, or has no list of weights';
    const remedy = "save it with a newer PyTorch, or its weights with torch.save(program.state_dict, 'weights.pt')";
    throw new CheckpointError('unsupported', message, { file: file.path, remedy });
  }
  const shown = names.slice(0, 3).join(', ');
  const message = `is a zip archive without a data.pkl (it holds ${shown || 'nothing'}), so not a PyTorch checkpoint`;
  throw new CheckpointError('unknown-format', message, { file: file.path });
}

/** @throws CheckpointError `malformed` */
function isBigEndian(order: string | undefined, file: FileBytes): boolean {
  if (order === undefined || order === 'little' || order === 'big') return order === 'big';
  const message = `its byteorder record says "${order}", neither little nor big`;
  throw new CheckpointError('malformed', message, { file: file.path });
}

async function readNote(archive: ZipArchive, name: string, signal?: AbortSignal): Promise<string | undefined> {
  const entry = archive.entries.get(name);
  if (!entry) return undefined;
  return Buffer.from(await archive.readWhole(entry, MAX_NOTE_BYTES, signal))
    .toString('utf8')
    .trim();
}

/** Reads storages by range. The CRC is that of a whole storage: of a part of it, it is compared before; else while it is read. */
class ZipStorages implements StorageSource {
  /** Checksum of each storage that is being read. */
  private readonly running = new Map<ZipEntry, RunningCrc>();
  /** The last storage that had to be inflated: its rows are usually asked for one band after the other. */
  private inflated: { entry: ZipEntry; bytes: Uint8Array<ArrayBuffer> } | undefined;

  constructor(
    private readonly archive: ZipArchive,
    private readonly prefix: string,
    readonly bigEndian: boolean,
    readonly failure: StorageProblem | undefined,
  ) {}

  locate(storage: PickleStorage): number | StorageProblem {
    const name = this.prefix + storage.key;
    const entry = this.archive.entries.get(name);
    if (!entry && this.failure) return this.failure;
    if (!entry) return { code: 'truncated', reason: `its data "${name}" is missing from the archive` };
    if (entry.refused) return { code: entry.refused.code, reason: `its data "${name}" ${entry.refused.reason}` };
    if (!entry.stored && entry.size > MAX_INFLATED_BYTES) {
      const reason = `its data "${name}" is compressed and larger than ${MAX_INFLATED_BYTES} bytes`;
      return { code: 'unsupported', reason };
    }
    return entry.size;
  }

  async read(
    storage: PickleStorage,
    start: number,
    end: number,
    whole: boolean,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const entry = this.archive.entries.get(this.prefix + storage.key)!;
    if (!entry.stored) return (await this.inflate(entry, signal)).slice(start, end);
    if (!whole) await this.archive.verify(entry, signal);
    const bytes = await this.archive.readRange(entry, start, end, signal);
    if (whole) this.check(entry, bytes, start);
    return bytes;
  }

  private check(entry: ZipEntry, bytes: Uint8Array, start: number): void {
    const running = this.running.get(entry) ?? new RunningCrc(entry.size);
    this.running.set(entry, running);
    const crc = running.add(bytes, start);
    if (crc !== undefined) this.archive.assertCrc(entry, crc);
  }

  private async inflate(entry: ZipEntry, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (this.inflated?.entry === entry) return this.inflated.bytes;
    const bytes = await this.archive.readWhole(entry, MAX_INFLATED_BYTES, signal);
    this.inflated = { entry, bytes };
    return bytes;
  }
}
