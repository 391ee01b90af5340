/**
 * Opening the largest checkpoints that are published: 1 TB, 90 000 tensors, 163 shards, from headers alone. As the
 * extension does it: asked of the engine's process, up to the table on this side of the channel. Each opening is of a
 * new process; the cold ones find nothing of the files in memory.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unpackSummary } from '../../extension/shared/packedTensors';
import { EngineProcess } from '../harness/engineProcess';
import { makeTerabyte } from '../harness/checkpoints/madeCheckpoints';
import { benchTable, median, type BenchRow } from './benchTable';

const REPEATS = 5;
const LIMIT_SECONDS = 2;
const LIMIT_MEGABYTES = 300;

interface Opening {
  seconds: number;
  /** The engine's process, where the system tells. */
  usage: Usage | undefined;
  tensors: number;
  problems: readonly string[];
}

/** What a process took since it began: its threads' time on processors, and the most memory at once. */
interface Usage {
  processorSeconds: number;
  megabytes: number;
}

/** Ticks of the counters in /proc, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

async function opening(index: string, folder: string): Promise<Opening> {
  const engine = new EngineProcess({ cacheFolder: path.join(folder, 'cache') });
  try {
    await engine.request('close', { document: 'none' }); // the process is there when a person clicks
    const idle = usageOf(engine.child.pid!);
    const started = performance.now();
    const { tensors, problems } = unpackSummary(await engine.request('open', { path: index }));
    const seconds = (performance.now() - started) / 1000;
    const after = usageOf(engine.child.pid!);
    const usage = idle && after && { ...after, processorSeconds: after.processorSeconds - idle.processorSeconds };
    return { seconds, usage, tensors: tensors.length, problems: problems.map(({ message }) => message) };
  } finally {
    engine.dispose();
  }
}

function usageOf(pid: number): Usage | undefined {
  if (process.platform !== 'linux') return undefined;
  const kilobytes = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  // Behind the name in brackets come fields 3, 4, …: 14 and 15 are the ticks in user and in system mode.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  const ticks = Number(fields[14 - 3]) + Number(fields[15 - 3]);
  return { processorSeconds: ticks / TICKS_PER_SECOND, megabytes: kilobytes / 1024 };
}

/** Has the system forget what it keeps of the files. @returns false where there is no such command */
function forget(folder: string): boolean {
  try {
    for (const name of readdirSync(folder)) {
      const file = path.join(folder, name);
      execFileSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
    }
    return true;
  } catch {
    return false;
  }
}

/** Writes out what is not on the disk yet: until then it cannot be forgotten. */
function flush(folder: string): void {
  for (const name of readdirSync(folder)) {
    const handle = openSync(path.join(folder, name), 'r+');
    fsyncSync(handle);
    closeSync(handle);
  }
}

async function rows(what: string, index: string, scratch: string): Promise<BenchRow[]> {
  const folder = path.dirname(index);
  const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
  const measured: BenchRow[] = [];
  for (const cache of ['warm', 'cold'] as const) {
    const openings: Opening[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      if (cache === 'cold' && !forget(folder)) break;
      openings.push(await opening(index, scratch));
    }
    const [first] = openings;
    if (!first) continue;
    if (first.problems.length > 0) throw new Error(first.problems.join('\n'));
    const work = `open ${what}, ${cache} cache`;
    const usages = openings.flatMap(({ usage }) => usage ?? []);
    const busy = median(usages.map(({ processorSeconds }) => processorSeconds));
    const ofIt = usages.length > 0 ? `, ${busy.toFixed(2)} s of it on a processor` : '';
    const note = `${(bytes / 1e12).toFixed(2)} TB, ${first.tensors} rows in the table; median of ${REPEATS}${ofIt}`;
    const seconds = median(openings.map((each) => each.seconds));
    measured.push({ work, ours: seconds, bounds: 'value', limit: LIMIT_SECONDS, note });
    if (usages.length === 0) continue;
    const ours = Math.max(...usages.map(({ megabytes }) => megabytes));
    const limit = { bounds: 'value', limit: LIMIT_MEGABYTES, unit: 'MB' } as const;
    measured.push({ work: `${work}: memory`, ours, ...limit, note: "the engine's process, most of all openings" });
  }
  return measured;
}

async function main(): Promise<void> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'eigenscope-open-'));
  try {
    const table: BenchRow[] = [];
    for (const [kind, what] of [
      ['plain', '90 000 BF16 weights'],
      ['scaled', '45 000 FP8 weights and their scales'],
    ] as const) {
      const index = makeTerabyte(path.join(scratch, kind), kind);
      flush(path.dirname(index));
      table.push(...(await rows(what, index, scratch)));
    }
    process.stdout.write(benchTable('Opening 1 TB in 163 shards', table));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

void main();
