/**
 * The zip format of `torch.save` (since 1.6) and of TorchScript: `<name>/data.pkl` refers to storages that are the
 * records `<name>/data/<key>`, stored without compression.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/caffe2/serialize/inline_container.h
 */
import { CheckpointError } from './checkpoint';
import { crc32 } from './crc32';
import type { FileReader } from './fileReader';
import { itemsOf } from './pickleArguments';
import { readPickle } from './pickle';
import { TorchPickleHost } from './pickleGlobals';
import { PickleDict, PickleObject, type PickleStorage, type PickleValue } from './pickleValues';
import type { StorageProblem, StorageSource, TorchFile } from './pytorchStorage';
import { classesWithTensors, declaredTensors } from './torchScript';
import { ZipArchive, type ZipEntry } from './zipArchive';
import { ZipWalk } from './zipWalk';

/** Name of the record that holds the object, and the folder it is in. */
const PICKLE = /^((?:[^/]*\/)?)data\.pkl$/;

/** `data.pkl` names tensors and small objects; 100 000 tensors take about 20 MB. */
const MAX_PICKLE_BYTES = 256 * 1024 * 1024;

/** PyTorch does not compress it; a small file must not ask for much memory. */
const MAX_INFLATED_PICKLE_BYTES = 64 * 1024 * 1024;

/** `byteorder` is `little` or `big`, `version` a number. */
const MAX_NOTE_BYTES = 64;

/** PyTorch never compresses storages; one that another program compressed must be inflated whole, in memory. */
const MAX_INFLATED_BYTES = 256 * 1024 * 1024;

/** @throws CheckpointError */
export async function openTorchZip(file: FileReader, signal?: AbortSignal): Promise<TorchFile> {
  const { archive, failure } = await openArchive(file, signal);
  const prefix = findPrefix(archive, file);
  const pickle = archive.entries.get(`${prefix}data.pkl`)!;
  const [bytes, byteOrder, version] = await Promise.all([
    archive.readWhole(pickle, pickleLimit(pickle), signal),
    readNote(archive, `${prefix}byteorder`, signal),
    readNote(archive, `${prefix}version`, signal),
  ]);
  if (byteOrder !== undefined && byteOrder !== 'little' && byteOrder !== 'big') {
    const message = `its byteorder record says "${byteOrder}", neither little nor big`;
    throw new CheckpointError('malformed', message, { file: file.path });
  }
  const host = new TorchPickleHost();
  const root = unpickle(file, pickle, bytes, host);
  const metadata: Record<string, string> = version === undefined ? {} : { 'archive version': version };
  const common = { host, metadata };
  const bigEndian = byteOrder === 'big';
  const storages = new ZipStorages(archive, `${prefix}data/`, bigEndian, failure);
  if (!(root instanceof PickleObject) || !root.global.startsWith('__torch__.')) {
    return { ...common, format: 'pytorch', root, storages, problems: [] };
  }
  const constants = archive.entries.get(`${prefix}constants.pkl`);
  if (classesWithTensors(root).size === 0 && constants) {
    // A frozen module: its weights are constants of its code, which calls them CONSTANTS.c0, CONSTANTS.c1, …
    const frozen = new TorchPickleHost();
    const packed = await archive.readWhole(constants, pickleLimit(constants), signal);
    const named = new PickleDict();
    for (const [i, item] of itemsOf(unpickle(file, constants, packed, frozen)).entries()) named.set(`c${i}`, item);
    const all = new PickleDict();
    all.set('CONSTANTS', named);
    const own = new ZipStorages(archive, `${prefix}constants/`, bigEndian, failure);
    return { host: frozen, metadata, format: 'torchscript', root: all, storages: own, problems: [] };
  }
  const { declared, problems } = await declaredTensors(archive, `${prefix}code/`, root, signal);
  return { ...common, format: 'torchscript', root, storages, declared, problems };
}

/** The archive, or what can be read of one that was cut short, with the reason. */
async function openArchive(
  file: FileReader,
  signal?: AbortSignal,
): Promise<{ archive: ZipArchive; failure?: StorageProblem }> {
  try {
    return { archive: await ZipArchive.open(file, signal) };
  } catch (error) {
    if (!(error instanceof CheckpointError) || (error.code !== 'truncated' && error.code !== 'malformed')) throw error;
    const walk = new ZipWalk(file, signal);
    const first = await walk.next();
    const entries = first && (await recordsBehind(first, walk, file, signal));
    if (!entries) throw error;
    const failure = { code: error.code, reason: error.reason, offset: walk.position };
    return { archive: ZipArchive.of(file, entries), failure };
  }
}

/** All records of a `torch.save` archive, whose `first` one holds the object: it tells the sizes of the storages. */
async function recordsBehind(
  first: ZipEntry,
  walk: ZipWalk,
  file: FileReader,
  signal?: AbortSignal,
): Promise<ZipEntry[] | undefined> {
  const prefix = PICKLE.exec(first.name)?.[1];
  if (prefix === undefined) return undefined;
  const host = new TorchPickleHost();
  const bytes = await ZipArchive.of(file, [first]).readWhole(first, pickleLimit(first), signal);
  unpickle(file, first, bytes, host);
  const sizes = new Map<string, number>();
  for (const [key, { length, type }] of host.storages) sizes.set(`${prefix}data/${key}`, length * type.bytes);
  const entries: ZipEntry[] = [];
  for (let entry: ZipEntry | undefined = first; entry; entry = await walk.next((name) => sizes.get(name))) {
    entries.push(entry);
  }
  return entries;
}

function pickleLimit({ stored }: ZipEntry): number {
  return stored ? MAX_PICKLE_BYTES : MAX_INFLATED_PICKLE_BYTES;
}

function unpickle(
  file: FileReader,
  entry: ZipEntry,
  bytes: Uint8Array<ArrayBuffer>,
  host: TorchPickleHost,
): PickleValue {
  const source = { file: `${file.path} (${entry.name})`, bytes, offset: 0, available: bytes.length };
  return readPickle(source, host).value;
}

/** What comes before `data.pkl`: a folder named after the file it was first saved as. */
function findPrefix(archive: ZipArchive, file: FileReader): string {
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
    const remedy = "save its weights with torch.save(program.state_dict, 'weights.pt')";
    throw new CheckpointError('unsupported', 'is a torch.export program', { file: file.path, remedy });
  }
  const shown = names.slice(0, 3).join(', ');
  const message = `is a zip archive without a data.pkl (it holds ${shown || 'nothing'}), so not a PyTorch checkpoint`;
  throw new CheckpointError('unknown-format', message, { file: file.path });
}

async function readNote(archive: ZipArchive, name: string, signal?: AbortSignal): Promise<string | undefined> {
  const entry = archive.entries.get(name);
  if (!entry) return undefined;
  return Buffer.from(await archive.readWhole(entry, MAX_NOTE_BYTES, signal))
    .toString('utf8')
    .trim();
}

/** Reads storages by range, and checks a storage's CRC whenever its bytes were read in order from first to last. */
class ZipStorages implements StorageSource {
  /** Running checksum of each storage that is being read from its start. */
  private readonly running = new Map<ZipEntry, { next: number; crc: number }>();
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
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const entry = this.archive.entries.get(this.prefix + storage.key)!;
    if (!entry.stored) return (await this.inflate(entry, signal)).slice(start, end);
    const bytes = await this.archive.readRange(entry, start, end, signal);
    this.check(entry, bytes, start);
    return bytes;
  }

  private check(entry: ZipEntry, bytes: Uint8Array, start: number): void {
    const before = this.running.get(entry);
    if (start !== 0 && before?.next !== start) return;
    const next = start + bytes.length;
    const crc = crc32(bytes, start === 0 ? 0 : before?.crc);
    if (next < entry.size) {
      this.running.set(entry, { next, crc });
      return;
    }
    this.running.delete(entry);
    this.archive.assertCrc(entry, crc);
  }

  private async inflate(entry: ZipEntry, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (this.inflated?.entry === entry) return this.inflated.bytes;
    const bytes = await this.archive.readWhole(entry, MAX_INFLATED_BYTES, signal);
    this.inflated = { entry, bytes };
    return bytes;
  }
}
