/**
 * Runs cases one after the other and reports each. A process of its own: what it does to its memory, its files or
 * itself is seen from outside.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { openCheckpoint } from '../../extension/checkpoint/registry';
import type { FuzzJob, WorkerMessage } from './fuzzMessages';
import { CASE_MILLISECONDS, MEMORY_BYTES } from './limits';
import { mutate } from './mutate';
import { openPlanted } from './planted';
import { Random } from './random';
import { fuzzSources, type Source } from './sources';
import { openAndRead, type Outcome } from './target';

/** Garbage beyond this is collected between cases: else it would look like memory that a reader takes. */
const GARBAGE_BYTES = 48 * 2 ** 20;

/** What may be in use after the last case beyond what was before the first; readers keep nothing when closed. */
const LEAK_BYTES = 32 * 2 ** 20;

const collect = (globalThis as { gc?: () => void }).gc ?? (() => undefined);

class Bench {
  private readonly originals: ReadonlyMap<string, Uint8Array>;
  private damaged: string | undefined;

  constructor(
    readonly source: Source,
    readonly folder: string,
  ) {
    mkdirSync(folder, { recursive: true });
    source.lay(folder);
    this.originals = new Map(source.damage.map((file) => [file, readFileSync(path.join(folder, file))]));
  }

  get file(): string {
    return path.join(this.folder, this.source.open);
  }

  /** Damages one file; all others are as laid. @returns what was done */
  damage(random: Random): string {
    const file = random.pick(this.source.damage);
    if (this.damaged !== undefined && this.damaged !== file) {
      writeFileSync(path.join(this.folder, this.damaged), this.originals.get(this.damaged)!);
    }
    const { bytes, description } = mutate(this.originals.get(file)!, random);
    writeFileSync(path.join(this.folder, file), bytes);
    this.damaged = file;
    return `${this.source.name}, ${file}: ${description}`;
  }

  /** Names, sizes and times of the files; changes when one is written, made or removed. */
  state(): string {
    const names = readdirSync(this.folder).sort();
    return names.map((name) => `${name} ${describe(path.join(this.folder, name))}`).join('\n');
  }
}

function describe(file: string): string {
  const { size, mtimeNs } = statSync(file, { bigint: true });
  return `${size} ${mtimeNs}`;
}

/** Open file descriptors, where the system tells. */
function openFiles(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}

function send(message: WorkerMessage): Promise<void> {
  return new Promise((resolve) => process.send!(message, () => resolve()));
}

/** Memory in use, garbage aside. */
function inUse(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function main(): Promise<void> {
  const job = JSON.parse(process.argv[2]!) as FuzzJob;
  const sources = fuzzSources().get(job.format);
  if (!sources) throw new Error(`no sources of format ${job.format}`);
  const benches = sources.map((source, index) => new Bench(source, path.join(job.folder, String(index))));
  for (const { file, source } of benches) {
    if (job.planted) break;
    const outcome = await openAndRead(openCheckpoint, file, new Random('sound'));
    if (outcome === 'refused') throw new Error(`${source.name} was refused before any damage`);
  }
  const before = inUse();
  const peakBefore = process.resourceUsage().maxRSS * 1024;
  for (let index = job.from; index < job.to; index++) {
    if (!(await runCase(job, benches[index % benches.length]!, index, peakBefore))) return;
    if (process.memoryUsage().arrayBuffers > GARBAGE_BYTES) collect();
  }
  const held = inUse() - before;
  if (held > LEAK_BYTES) throw new Error(`closed checkpoints hold ${Math.round(held / 2 ** 20)} MB`);
}

/** @returns false where the case failed; its files are left as they are */
async function runCase(job: FuzzJob, bench: Bench, index: number, peakBefore: number): Promise<boolean> {
  const random = new Random(job.seed, job.format, index);
  const description = bench.damage(random);
  await send({ kind: 'started', index, description, folder: bench.folder });
  const [state, files, started] = [bench.state(), openFiles(), performance.now()];
  let [outcome, fault]: [Outcome | undefined, string | undefined] = [undefined, undefined];
  let unsure = false;
  try {
    const open = job.planted ? (file: string) => openPlanted(file, index) : openCheckpoint;
    outcome = await openAndRead(open, bench.file, random);
    // Rejections that nobody awaits surface now.
    await tick();
  } catch (error) {
    fault = error instanceof Error ? (error.stack ?? error.message) : `threw ${String(error)}`;
  }
  const milliseconds = performance.now() - started;
  const peak = process.resourceUsage().maxRSS * 1024 - peakBefore;
  if (fault === undefined && bench.state() !== state) fault = 'changed the files of the checkpoint';
  if (fault === undefined && openFiles() > files) fault = `left ${openFiles() - files} files open`;
  if (fault === undefined && milliseconds > CASE_MILLISECONDS) {
    [fault, unsure] = [`took ${Math.round(milliseconds)} ms`, true];
  }
  if (fault === undefined && peak > MEMORY_BYTES) {
    [fault, unsure] = [`took ${Math.round(peak / 2 ** 20)} MB of memory`, true];
  }
  await send({ kind: 'ended', index, ...(fault === undefined ? { outcome } : { fault }), unsure, milliseconds });
  return fault === undefined;
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
