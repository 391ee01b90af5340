/**
 * Sees which files the readers open, list or change: through Node's functions, which are theirs as well. Nothing but
 * files of the checkpoint's own folder may be opened, and none written.
 */
import fs from 'node:fs';
import promises from 'node:fs/promises';
import path from 'node:path';

type AnyFunction = (...parameters: unknown[]) => unknown;
type Functions = Record<string, AnyFunction>;

const OPENERS = ['open', 'readFile', 'readdir', 'opendir', 'createReadStream', 'openAsBlob'];
const WRITERS = [
  ...[
    'writeFile',
    'appendFile',
    'createWriteStream',
    'truncate',
    'mkdir',
    'mkdtemp',
    'rm',
    'rmdir',
    'unlink',
    'rename',
  ],
  ...['copyFile', 'cp', 'link', 'symlink', 'chmod', 'chown', 'utimes', 'lutimes'],
];

export class FileWatch {
  private folder: string | undefined;
  private readonly seen: string[] = [];

  constructor() {
    for (const functions of [fs, promises] as unknown as Functions[]) {
      for (const name of [...OPENERS, ...WRITERS]) {
        this.wrap(functions, name);
        this.wrap(functions, `${name}Sync`);
      }
    }
  }

  /** Runs the task. @returns its result, and what it did that it must not do, in words */
  async during<T>(folder: string, task: () => Promise<T>): Promise<{ result: T; forbidden: readonly string[] }> {
    this.folder = path.resolve(folder);
    this.seen.length = 0;
    try {
      return { result: await task(), forbidden: this.seen };
    } finally {
      this.folder = undefined;
    }
  }

  private wrap(functions: Functions, name: string): void {
    const original = functions[name];
    if (!original) return;
    functions[name] = (...parameters) => {
      this.note(name, String(parameters[0]), parameters[1]);
      return original.apply(functions, parameters);
    };
  }

  private note(name: string, file: string, flags: unknown): void {
    if (this.folder === undefined) return;
    const base = name.replace(/Sync$/, '');
    // Source maps of a stack trace are read by Node itself.
    if (file.endsWith('.js.map')) return;
    if (WRITERS.includes(base) || (base === 'open' && typeof flags === 'string' && flags !== 'r')) {
      this.seen.push(`wrote by ${name}(${file})`);
    } else if (!`${path.resolve(file)}${path.sep}`.startsWith(`${this.folder}${path.sep}`)) {
      this.seen.push(`read outside of the checkpoint's folder: ${name}(${file})`);
    }
  }
}
