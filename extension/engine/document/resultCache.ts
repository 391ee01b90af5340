/**
 * Outcomes on disk, so that a checkpoint opened again shows its numbers at once. An entry is found by what the files are
 * (path, size, times, tensor table), the layer, the settings, how exact it is, the device asked for and which numbers
 * there are. It is written beside its name and renamed; its checksum covers all of that and a probe of the layer's
 * content, so that one which is damaged, moved or of other content is recomputed, not trusted.
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { isErrno } from '../../checkpoint/files/fileReader';
import type { DeviceChoice } from '../../shared/devices';
import type { InspectSettings } from '../../shared/layers';
import { metricTable } from '../../shared/metricTable';
import { rankRules } from '../../shared/ranks/rankRules';
import type { LayerOutcome } from '../worker/layerRecords';

/** Raised whenever a number's definition or the entry's layout changes. */
const CACHE_VERSION = 9;

/** An entry from before one of these was added lacks it, and says no reason: it does not answer. */
const NUMBERS: readonly string[] = [...metricTable, ...rankRules].map(({ key }) => key);

/** The folder is cut back to this: spectra of some thousand layers. */
const MAX_CACHE_BYTES = 1024 * 1024 * 1024;

/** Entries that nobody asked for in this time go, too. */
const MAX_UNUSED_MS = 90 * 24 * 3600 * 1000;

/** Spectra of the largest layers have some megabytes; of what is larger, nothing was written here. */
const MAX_ENTRY_BYTES = 64 * 1024 * 1024;

/** Cutting back reads the whole folder: once in this time is enough for all processes together. */
const PRUNE_EVERY_MS = 3600 * 1000;

/** No entry takes so long to be written: what is still there is left over from a process that was killed. */
const PARTIAL_MS = 3600 * 1000;

/** Tries to write an entry into a folder that other processes remove. */
const MOST_TRIES = 5;

const CHECKSUM_BYTES = 32;

/** Names that are written here; whatever else lies in the folder is somebody else's. */
const IDENTITY = /^[0-9a-f]{32}$/;
const ENTRY = /^[0-9a-f]{64}\.layer(\.[0-9a-f]{12})?$/;

/** Its time says when the folder was cut back last. */
const PRUNED = 'pruned';

export interface ResultKey {
  /** Identity of the files, as 32 hexadecimal digits. */
  identity: string;
  layer: string;
  settings: InspectSettings;
  /** As `layerExactness.ts` tells; of a quick look, as `quickLooks.ts` does. */
  exactness: string;
  /** Hash of some of the layer's bytes. */
  probe: Buffer;
}

export class ResultCache {
  /**
   * @param folder undefined keeps nothing
   * @param device results of another device do not answer for it
   * @param numbers keys of the numbers that a result has
   */
  constructor(
    private readonly folder: string | undefined,
    private readonly device: DeviceChoice,
    private readonly numbers = NUMBERS,
  ) {}

  /** False if nothing is kept: callers need not make a key. */
  get enabled(): boolean {
    return this.folder !== undefined;
  }

  /** The same type as was put under such a key. */
  async get<T extends object = LayerOutcome>(key: ResultKey): Promise<T | undefined> {
    if (this.folder === undefined) return undefined;
    const entry = await readEntry(this.file(this.folder, key));
    const payload = entry?.subarray(CHECKSUM_BYTES);
    if (!entry || !payload || !this.checksum(key, payload).equals(entry.subarray(0, CHECKSUM_BYTES))) return undefined;
    return deserialize(payload) as T;
  }

  /** @throws the system's error where the folder cannot be written: the caller logs it once and goes on */
  async put(key: ResultKey, outcome: object): Promise<void> {
    if (this.folder === undefined) return;
    const payload = serialize(outcome);
    if (CHECKSUM_BYTES + payload.length > MAX_ENTRY_BYTES) return;
    const file = this.file(this.folder, key);
    const entry = Buffer.concat([this.checksum(key, payload), payload]);
    for (let tries = 1; ; tries++) {
      try {
        await writeEntry(file, entry);
        return;
      } catch (error) {
        // Another process, which cuts back, has just removed the folder that was empty.
        if (!isErrno(error, 'ENOENT') || tries === MOST_TRIES) throw error;
      }
    }
  }

  /**
   * Removes entries that were not used for long, and the least recently used ones beyond the size limit. Does nothing
   * where any process did so within the hour. Other processes may read and write meanwhile.
   *
   * @throws the system's error where an entry cannot be removed
   */
  async prune(): Promise<void> {
    if (this.folder === undefined || !(await this.isDue(this.folder))) return;
    const entries: { file: string; size: number; time: number }[] = [];
    const now = Date.now();
    for (const { folder, name } of await namesIn(this.folder)) {
      const file = path.join(folder, name);
      const stats = await lstat(file).catch(() => undefined); // removed by another process meanwhile
      if (!stats?.isFile()) continue;
      const partial = !name.endsWith('.layer');
      const age = now - stats.mtimeMs;
      if (partial ? age > PARTIAL_MS : age > MAX_UNUSED_MS) await rm(file, { force: true });
      else if (!partial) entries.push({ file, size: stats.size, time: stats.mtimeMs });
    }
    entries.sort((a, b) => b.time - a.time);
    let total = 0;
    for (const { file, size } of entries) {
      total += size;
      if (total > MAX_CACHE_BYTES) await rm(file, { force: true });
    }
    for (const folder of await identityFolders(this.folder)) await rmdir(folder).catch(() => undefined); // not empty
  }

  private async isDue(folder: string): Promise<boolean> {
    const mark = path.join(folder, PRUNED);
    const before = await stat(mark).catch(() => undefined);
    const now = new Date();
    if (before && Math.abs(now.getTime() - before.mtimeMs) < PRUNE_EVERY_MS) return false;
    try {
      // Before the work: a process that starts meanwhile leaves it to this one.
      if (before) await utimes(mark, now, now);
      else await writeFile(mark, '', { flag: 'wx', mode: 0o600 });
      return true;
    } catch {
      return false; // no folder yet, or another process was first
    }
  }

  private file(folder: string, { identity, layer, settings, exactness }: ResultKey): string {
    const key = createHash('sha256')
      .update(JSON.stringify([CACHE_VERSION, this.numbers, layer, settings, exactness, this.device]))
      .digest('hex');
    return path.join(folder, identity, `${key}.layer`);
  }

  private checksum({ identity, layer, settings, exactness, probe }: ResultKey, payload: Uint8Array): Buffer {
    const key = [CACHE_VERSION, this.numbers, identity, layer, settings, exactness, this.device, probe.toString('hex')];
    return createHash('sha256')
      .update(`${JSON.stringify(key)}\n`)
      .update(payload)
      .digest();
  }
}

/** The bytes of an entry, which then counts as used; undefined where there is none, or it is nothing that is written here. */
async function readEntry(file: string): Promise<Buffer | undefined> {
  // Not waiting for the writer of a pipe, and not following links.
  const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants as { O_NOFOLLOW?: number; O_NONBLOCK?: number }; // not on Windows
  const flags = constants.O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  try {
    const handle = await open(file, flags);
    try {
      const stats = await handle.stat();
      if (!stats.isFile() || stats.size <= CHECKSUM_BYTES || stats.size > MAX_ENTRY_BYTES) return undefined;
      const entry = Buffer.alloc(stats.size);
      const { bytesRead } = await handle.read(entry, 0, entry.length, 0);
      const now = new Date();
      // Windows sets times of files that are open for writing only. The time only orders the cutting back.
      await handle.utimes(now, now).catch(() => utimes(file, now, now).catch(() => undefined));
      return entry.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    return undefined; // not cached, or unreadable: computed again either way
  }
}

async function writeEntry(file: string, entry: Buffer): Promise<void> {
  await makeFolder(path.dirname(file));
  const partial = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(partial, entry, { flag: 'wx', mode: 0o600 });
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** With those above it. Node's own way of doing so never ends in a file system that makes none (`/proc`). */
async function makeFolder(folder: string): Promise<void> {
  const make = (): Promise<void> => mkdir(folder, { mode: 0o700 });
  try {
    await make().catch(async (error: unknown) => {
      if (!isErrno(error, 'ENOENT') || path.dirname(folder) === folder) throw error;
      await makeFolder(path.dirname(folder));
      await make();
    });
  } catch (error) {
    // Exists already, perhaps made by another process. If it is no folder, writing into it will say so.
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}

async function identityFolders(folder: string): Promise<string[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch(() => []); // no folder yet
  return found
    .filter((each) => each.isDirectory() && IDENTITY.test(each.name))
    .map(({ name }) => path.join(folder, name));
}

/** Entries, and remains of some that were not written to the end. Links lead nowhere. */
async function namesIn(folder: string): Promise<{ folder: string; name: string }[]> {
  const found: { folder: string; name: string }[] = [];
  for (const each of await identityFolders(folder)) {
    const names = await readdir(each).catch(() => [] as string[]); // removed meanwhile
    for (const name of names) if (ENTRY.test(name)) found.push({ folder: each, name });
  }
  return found;
}
