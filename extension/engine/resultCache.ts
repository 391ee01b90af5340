/**
 * Outcomes on disk, so that a checkpoint opened again shows its numbers at once. An entry is keyed by what the files
 * are (size, time, tensor table), the layer, the settings, the device asked for and the engine's version; it is written
 * beside its name and renamed, and carries a checksum: a damaged one is recomputed, not trusted.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { DeviceChoice, InspectSettings } from '../protocol';
import type { LayerOutcome } from './workerMessages';

/** Raised whenever a number's definition or the entry's layout changes. */
const CACHE_VERSION = 5;

/** The folder is cut back to this when an engine starts: spectra of some thousand layers. */
const MAX_CACHE_BYTES = 1024 * 1024 * 1024;

const CHECKSUM_BYTES = 32;

export class ResultCache {
  /**
   * @param folder undefined keeps nothing
   * @param device who asks for another one wants its numbers, not those of the former
   */
  constructor(
    private readonly folder: string | undefined,
    private readonly device: DeviceChoice,
  ) {}

  async get(identity: string, layer: string, settings: InspectSettings): Promise<LayerOutcome | undefined> {
    if (this.folder === undefined) return undefined;
    const file = this.file(this.folder, identity, layer, settings);
    let entry: Buffer;
    try {
      entry = await readFile(file);
    } catch {
      return undefined; // not cached, or unreadable: computed again either way
    }
    const payload = entry.subarray(CHECKSUM_BYTES);
    if (!checksum(payload).equals(entry.subarray(0, CHECKSUM_BYTES))) return undefined;
    const now = new Date();
    await utimes(file, now, now).catch(() => undefined); // the time only orders the cutting back
    return deserialize(payload) as LayerOutcome;
  }

  /** @throws the system's error where the folder cannot be written: the caller logs it once and goes on */
  async put(identity: string, layer: string, settings: InspectSettings, outcome: LayerOutcome): Promise<void> {
    if (this.folder === undefined) return;
    const file = this.file(this.folder, identity, layer, settings);
    await mkdir(path.dirname(file), { recursive: true });
    const payload = serialize(outcome);
    const partial = `${file}.${randomBytes(6).toString('hex')}`;
    try {
      await writeFile(partial, Buffer.concat([checksum(payload), payload]));
      await rename(partial, file);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }

  /** Removes the least recently used entries beyond the size limit. */
  async prune(): Promise<void> {
    if (this.folder === undefined) return;
    const entries: { file: string; size: number; time: number }[] = [];
    const names = await readdir(this.folder, { recursive: true }).catch(() => [] as string[]); // no folder yet
    for (const name of names) {
      const file = path.join(this.folder, name);
      const stats = await stat(file).catch(() => undefined); // removed by another engine meanwhile
      if (stats?.isFile()) entries.push({ file, size: stats.size, time: stats.mtimeMs });
    }
    entries.sort((a, b) => b.time - a.time);
    let total = 0;
    for (const { file, size } of entries) {
      total += size;
      if (total > MAX_CACHE_BYTES) await rm(file, { force: true });
    }
  }

  private file(folder: string, identity: string, layer: string, settings: InspectSettings): string {
    const key = createHash('sha256')
      .update(JSON.stringify([CACHE_VERSION, layer, settings, this.device]))
      .digest('hex');
    return path.join(folder, identity, `${key}.layer`);
  }
}

function checksum(payload: Uint8Array): Buffer {
  return createHash('sha256').update(payload).digest();
}
