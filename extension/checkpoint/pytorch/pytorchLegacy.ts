/**
 * The stream that `torch.save` wrote before 1.6: a pickled magic number, protocol version and machine description,
 * the object, the list of storage keys, and then for each key an element count and the elements, little-endian.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/torch/serialization.py, `_legacy_save`
 */
import { CheckpointError } from '../checkpointError';
import { concurrently } from '../files/concurrently';
import type { FileBytes } from '../files/fileBytes';
import { salvagePickle } from '../pickle/pickle';
import type { OpeningBudget } from '../files/openingBudget';
import { ReadWindow } from '../files/readWindow';
import { PickleNeedsMore } from '../pickle/pickleCursor';
import { TorchPickleHost } from './pickleGlobals';
import { PickleDict, PickleSequence, type PickleStorage, type PickleValue } from '../pickle/pickleValues';
import type { StorageProblem, StorageSource, TorchFile } from './pytorchStorage';
import { holdsTensors } from './stateDict';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/** Pickles are read through a window that grows until they fit: this is its first size. */
const FIRST_WINDOW_BYTES = 1024 * 1024;

/** As for the zip format's `data.pkl`. */
const MAX_PICKLE_BYTES = 256 * 1024 * 1024;

/** Each storage begins with its number of elements. */
const COUNT_BYTES = 8;

/** Element counts read at the same time: hides the latency of network disks. */
const READS_AT_ONCE = 32;

/** @throws CheckpointError */
export async function openTorchLegacy(
  file: FileBytes,
  budget: OpeningBudget,
  signal?: AbortSignal,
): Promise<TorchFile> {
  const host = new TorchPickleHost();
  const stream = new PickleStream(file, host, budget, signal);
  const { value: first, failure } = await stream.salvage();
  if (failure && !holdsTensors(first, budget)) throw failure;
  if (first !== MAGIC) {
    // Not written by torch.save: a plain pickle, whose NumPy arrays can be read.
    const problems = failure ? [failure.toProblem()] : [];
    return { format: 'pytorch', root: first, host, storages: new LegacyStorages(file), metadata: {}, problems, budget };
  }
  const protocol = await stream.next();
  if (protocol !== PROTOCOL) {
    const message = `protocol version ${typeof protocol === 'number' ? protocol : '?'} of torch.save is not known`;
    throw new CheckpointError('unsupported', message, { file: file.path });
  }
  const system = await stream.next();
  if (system instanceof PickleDict && system.get('little_endian') === false) {
    // Elements are little-endian whatever machine wrote them, but long integers may have another size.
    const sizes = system.get('type_sizes');
    if (sizes instanceof PickleDict && sizes.get('long') !== 4 && sizes.get('long') !== 8) {
      throw new CheckpointError('unsupported', 'was written on a machine of unknown kind', { file: file.path });
    }
  }
  const root = await stream.next();
  const storages = new LegacyStorages(file);
  try {
    await storages.find(await stream.next(), host.storages, stream.offset, signal);
  } catch (error) {
    if (!storages.fails(error)) throw error;
  }
  return { format: 'pytorch', root, host, storages, metadata: {}, problems: [], budget };
}

/** Pickles that follow one another in a file. */
class PickleStream {
  offset = 0;
  private readonly window: ReadWindow;
  private largestWindow = 0;

  constructor(
    private readonly file: FileBytes,
    private readonly host: TorchPickleHost,
    private readonly budget: OpeningBudget,
    signal: AbortSignal | undefined,
  ) {
    this.window = new ReadWindow(file, signal);
  }

  /** @throws CheckpointError where the next pickle is not whole: what comes behind it cannot be found */
  async next(): Promise<PickleValue> {
    const { value, failure } = await this.salvage();
    if (failure) throw failure;
    return value;
  }

  /** The next pickle, or what comes before the place where it breaks off, and why. */
  async salvage(): Promise<{ value: PickleValue; failure?: CheckpointError }> {
    let needed = 1;
    for (;;) {
      await this.ensure(needed);
      const bytes = this.window.view(this.offset, this.window.end - this.offset);
      const available = this.file.size - this.offset;
      const { left } = this.budget;
      try {
        const source = { file: this.file.path, bytes, offset: this.offset, available };
        const { length, ...read } = salvagePickle(source, this.host, this.budget);
        this.offset += length;
        return read;
      } catch (error) {
        if (!(error instanceof PickleNeedsMore)) throw error;
        // Reading again from the pickle's start is cheap as the window grows fourfold, and nothing of it is kept.
        this.budget.giveBack(left - this.budget.left);
        needed = Math.max(error.bytes, 4 * bytes.length);
      }
    }
  }

  private async ensure(length: number): Promise<void> {
    const available = this.file.size - this.offset;
    const have = this.window.end - this.offset;
    if (this.window.bytes.length > 0 && have >= Math.min(length, available)) return;
    const wanted = Math.min(available, Math.max(length, FIRST_WINDOW_BYTES));
    if (wanted > MAX_PICKLE_BYTES && have >= MAX_PICKLE_BYTES) {
      const message = `the pickle is longer than ${MAX_PICKLE_BYTES} bytes`;
      throw new CheckpointError('limit', message, { file: this.file.path, offset: this.offset });
    }
    await this.window.load(this.offset, Math.min(wanted, MAX_PICKLE_BYTES));
    const { length: held } = this.window.bytes;
    this.budget.bring(Math.max(0, held - this.largestWindow));
    this.largestWindow = Math.max(this.largestWindow, held);
  }
}

interface Plan {
  found: { offset: number; storage: PickleStorage }[];
  failure?: CheckpointError;
}

class LegacyStorages implements StorageSource {
  readonly bigEndian = false;
  private readonly places = new Map<string, { offset: number; bytes: number }>();
  failure: StorageProblem | undefined;

  constructor(private readonly file: FileBytes) {}

  /** Keeps what is wrong from some place on, so that what comes before can be read. @returns false for other errors */
  fails(error: unknown): boolean {
    if (!(error instanceof CheckpointError)) return false;
    const { code, reason, where } = error;
    if (code !== 'truncated' && code !== 'malformed' && code !== 'unsupported' && code !== 'limit') return false;
    this.failure = { code, reason, ...(where.offset !== undefined && { offset: where.offset }) };
    return true;
  }

  /**
   * Computes where each storage lies from the sizes that the object's pickle declared, and checks them against the
   * counts in the file.
   *
   * @throws CheckpointError `truncated`, `malformed`; storages before the place stay readable
   */
  async find(
    keys: PickleValue,
    declared: ReadonlyMap<string, PickleStorage>,
    offset: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const { found, failure } = this.plan(keys, declared, offset);
    const counts = await concurrently(found, READS_AT_ONCE, (item) => this.file.read(item.offset, COUNT_BYTES, signal));
    for (const [i, { storage, offset: start }] of found.entries()) {
      const count = Buffer.from(counts[i]!.buffer).readBigInt64LE(0);
      if (count !== BigInt(storage.length)) {
        const reason = `the storage "${storage.key}" has ${count} elements where ${storage.length} were declared`;
        throw this.fail('malformed', reason, start);
      }
      this.places.set(storage.key, { offset: start + COUNT_BYTES, bytes: storage.length * storage.type.bytes });
    }
    if (failure) throw failure;
  }

  /** The places at which the storages must lie, as far as that can be told. */
  private plan(keys: PickleValue, declared: ReadonlyMap<string, PickleStorage>, offset: number): Plan {
    if (!(keys instanceof PickleSequence)) throw this.fail('malformed', 'its list of storages is damaged', offset);
    const found: { offset: number; storage: PickleStorage }[] = [];
    let at = offset;
    for (const key of keys.items) {
      const storage = typeof key === 'string' ? declared.get(key) : undefined;
      if (!storage) {
        const reason = `storage ${found.length} of ${keys.items.length} is stored but never described`;
        return { found, failure: this.fail('malformed', reason, at) };
      }
      const end = at + COUNT_BYTES + storage.length * storage.type.bytes;
      if (end > this.file.size) {
        const reason = `the file ends at byte ${this.file.size}, inside of data up to byte ${end}`;
        return { found, failure: this.fail('truncated', reason, at) };
      }
      found.push({ offset: at, storage });
      at = end;
    }
    return { found };
  }

  private fail(code: 'truncated' | 'malformed', reason: string, offset: number): CheckpointError {
    return new CheckpointError(code, reason, { file: this.file.path, offset });
  }

  locate(storage: PickleStorage): number | StorageProblem {
    const place = this.places.get(storage.key);
    return place?.bytes ?? this.failure ?? { code: 'truncated', reason: `its storage "${storage.key}" is missing` };
  }

  /** The format has no checksums. */
  read(
    storage: PickleStorage,
    start: number,
    end: number,
    _whole: boolean,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.file.read(this.places.get(storage.key)!.offset + start, end - start, signal);
  }
}
