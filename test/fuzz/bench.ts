/** A sound checkpoint in a folder of its own, one of whose files is damaged, case after case. */
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Source } from './source';

/** A file that lies beside the benches' folders: what leads out of a folder leads there. */
export const OUTSIDE = 'outside';

export class Bench {
  private readonly originals: ReadonlyMap<string, Buffer>;
  private damaged: string | undefined;

  constructor(
    readonly source: Source,
    readonly folder: string,
  ) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(path.dirname(folder), OUTSIDE), Buffer.alloc(4096, 1));
    source.lay(folder);
    this.originals = new Map(source.damage.map((file) => [file, readFileSync(path.join(folder, file))]));
  }

  /** The path to open. */
  get file(): string {
    return path.join(this.folder, this.source.open);
  }

  sound(file: string): Buffer {
    const original = this.originals.get(file);
    if (!original) throw new Error(`${this.source.name} has no ${file} to damage`);
    return original;
  }

  /** Replaces one file; all others are as laid. @param length of the file, where zeros follow the bytes */
  damage(file: string, bytes: Uint8Array, length = bytes.length): void {
    if (this.damaged !== undefined && this.damaged !== file) {
      writeFileSync(path.join(this.folder, this.damaged), this.sound(this.damaged));
    }
    const place = path.join(this.folder, file);
    writeFileSync(place, bytes);
    if (length > bytes.length) truncateSync(place, length);
    this.damaged = file;
  }

  /** Names, sizes and times of the files; changes when one is written, made or removed. */
  state(): string {
    const names = readdirSync(this.folder, { recursive: true, encoding: 'utf8' }).sort();
    return names.map((name) => `${name} ${describe(path.join(this.folder, name))}`).join('\n');
  }
}

function describe(file: string): string {
  const { size, mtimeNs } = statSync(file, { bigint: true });
  return `${size} ${mtimeNs}`;
}
