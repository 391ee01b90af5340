/**
 * Names of the partial files that a save writes to, and the removal of those that a killed save left behind. The name
 * says which process writes it, so that a file is removed as soon as its writer is gone, and never before.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { lstat, readdir, unlink } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import path from 'node:path';
import { isErrno } from '../checkpoint/files/fileReader';

/**
 * No process can tell if one on another machine still runs. A save writes all the time: if its file has not been
 * written to for a day, the process is dead, or has slept through it.
 */
const OLD_AFTER_MS = 24 * 60 * 60 * 1000;

/** Clocks of the machine and of its disk differ a little. */
const CLOCK_SLACK_MS = 60 * 1000;

/** Most file systems take names of 255 bytes; what is appended takes 54. */
const MAX_BASE_BYTES = 200;

/** `<target>.eigenscope-<process>-<machine>-<random>.partial`; earlier versions had the random part alone. */
const NAME = /\.eigenscope-(?:([0-9a-f]{1,8})-([0-9a-f]{8})-)?[0-9a-f]{16}\.partial$/;

/** Those that this process is writing. */
const written = new Set<string>();

/** A new name in the target's folder, taken until `partialDone`. */
export function newPartialName(target: string): string {
  const writer = `${process.pid.toString(16)}-${machine()}`;
  const name = `${shortBase(target)}.eigenscope-${writer}-${randomBytes(8).toString('hex')}.partial`;
  const file = path.join(path.dirname(target), name);
  written.add(file);
  return file;
}

/** The file has taken its target's name, or is removed. */
export function partialDone(partial: string): void {
  written.delete(partial);
}

/** All partial files in a folder. */
export async function partialsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.length <= 255 && NAME.test(name)).map((name) => path.join(folder, name));
}

/**
 * Removes partial files of saves that are over. Failing to is no reason not to save or to open: they only take space.
 */
export async function removeAbandonedPartials(folder: string, now = Date.now()): Promise<void> {
  for (const { partial, abandoned } of await partialFiles(folder, now)) {
    if (abandoned) await unlink(partial).catch(() => undefined);
  }
}

/** The partial files in a folder whose saves are not over. Removes nothing. */
export async function livingPartials(folder: string, now = Date.now()): Promise<string[]> {
  const found = await partialFiles(folder, now);
  return found.flatMap(({ partial, abandoned }) => (abandoned ? [] : [partial]));
}

async function partialFiles(folder: string, now: number): Promise<{ partial: string; abandoned: boolean }[]> {
  const found = [];
  for (const partial of await partialsIn(folder)) {
    const stats = await lstat(partial).catch(() => undefined);
    if (stats?.isFile()) found.push({ partial, abandoned: isAbandoned(partial, stats.mtimeMs, now) });
  }
  return found;
}

/** Who writes a partial file, for people. */
export function writerOf(partial: string): string {
  const [, writer, place] = NAME.exec(path.basename(partial))!;
  if (writer === undefined || place !== machine()) return 'a process on another machine';
  const pid = parseInt(writer, 16);
  return pid === process.pid ? 'this process' : `process ${pid}`;
}

function isAbandoned(partial: string, writtenAt: number, now: number): boolean {
  const [, writer, place] = NAME.exec(path.basename(partial))!;
  if (writer === undefined || place !== machine()) return now - writtenAt > OLD_AFTER_MS;
  const started = Date.now() - 1000 * uptime();
  if (writtenAt < started - CLOCK_SLACK_MS) return true;
  const pid = parseInt(writer, 16);
  // The number of a dead process may be ours by now.
  return pid === process.pid ? !written.has(partial) : !isRunning(pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Any other refusal is that of a process which is there.
    return !isErrno(error, 'ESRCH');
  }
}

/** Names the space in which a process number means one process: a machine, or a container on it. */
function machine(): string {
  let space = '';
  try {
    space = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Only Linux has such spaces.
  }
  return createHash('sha256').update(`${hostname()} ${space}`).digest('hex').slice(0, 8);
}

function shortBase(target: string): string {
  const base = path.basename(target);
  return Buffer.byteLength(base) <= MAX_BASE_BYTES
    ? base
    : createHash('sha256').update(base).digest('hex').slice(0, 32);
}
