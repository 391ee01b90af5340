/**
 * Runs cases one after the other and reports each. A process of its own: what it does to its memory, its files or
 * itself is seen from outside.
 */
import { readdirSync } from 'node:fs';
import { setImmediate as tick } from 'node:timers/promises';
import { openModel } from '../../extension/checkpoint/openModel';
import { allowed, ownTime } from '../harness/machineSpeed';
import type { Bench } from './bench';
import { casesOf, type Cases } from './cases';
import { FileWatch } from './fileWatch';
import type { FuzzJob, WorkerMessage } from './fuzzMessages';
import { CASE_MILLISECONDS, MEMORY_BYTES } from './limits';
import { openPlanted } from './planted';
import { Random } from './random';
import { openAndRead, type Outcome } from './target';

/** Garbage beyond this is collected between cases: else it would look like memory that a reader takes. */
const GARBAGE_BYTES = 48 * 2 ** 20;

/** What may be in use after the last case beyond what was before the first; readers keep nothing when closed. */
const LEAK_BYTES = 32 * 2 ** 20;

const collect = (globalThis as { gc?: () => void }).gc ?? (() => undefined);

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

/** The most memory that this process ever had, in bytes. */
function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}

class Run {
  private readonly watch = new FileWatch();
  /** Peak memory without what readers took. */
  private base: number;

  constructor(
    private readonly job: FuzzJob,
    private readonly cases: Cases,
  ) {
    this.base = peakMemory();
  }

  /** @returns false where the case failed; its files are left as they are */
  async case(index: number): Promise<boolean> {
    const { job } = this;
    const random = new Random(job.seed, job.format, index);
    const before = peakMemory();
    const { bench, description, told } = this.cases.make(index, random);
    this.base += peakMemory() - before;
    await send({ kind: 'started', index, description, folder: bench.folder });
    const [state, files, started] = [bench.state(), openFiles(), ownTime()];
    const open = job.origin === 'planted' ? (file: string) => openPlanted(file, index) : openModel;
    const attempt = await this.attempt(bench, () => openAndRead(open, bench.file, random));
    const milliseconds = ownTime() - started;
    const peak = peakMemory() - this.base;
    const { outcome } = attempt;
    let fault = attempt.thrown;
    let unsure = false;
    if (bench.state() !== state) fault ??= 'changed the files of the checkpoint';
    fault ??= attempt.forbidden;
    if (openFiles() > files) fault ??= `left ${openFiles() - files} files open`;
    if (told && outcome === 'opened') fault ??= 'opened without an error or a problem';
    // The machine is measured only for a case that is over, which is when it counts.
    if (fault === undefined && milliseconds > CASE_MILLISECONDS && milliseconds > allowed(CASE_MILLISECONDS)) {
      [fault, unsure] = [`took ${Math.round(milliseconds)} ms`, true];
    }
    if (fault === undefined && peak > MEMORY_BYTES) {
      [fault, unsure] = [`took ${Math.round(peak / 2 ** 20)} MB of memory`, true];
    }
    await send({ kind: 'ended', index, ...(fault === undefined ? { outcome } : { fault }), unsure, milliseconds });
    return fault === undefined;
  }

  private async attempt(
    { folder }: Bench,
    open: () => Promise<Outcome>,
  ): Promise<{ outcome?: Outcome; forbidden?: string | undefined; thrown?: string }> {
    try {
      const { result, forbidden } = await this.watch.during(folder, async () => {
        const outcome = await open();
        // Rejections that nobody awaits surface now.
        await tick();
        return outcome;
      });
      return { outcome: result, forbidden: forbidden[0] };
    } catch (error) {
      return { thrown: error instanceof Error ? (error.stack ?? error.message) : `threw ${String(error)}` };
    }
  }
}

async function main(): Promise<void> {
  const job = JSON.parse(process.argv[2]!) as FuzzJob;
  const cases = casesOf(job);
  for (const { file, source } of cases.benches) {
    if (job.origin === 'planted') break;
    const outcome = await openAndRead(openModel, file, new Random('sound'));
    if (outcome === 'refused') throw new Error(`${source.name} was refused before any damage`);
    if (job.origin === 'corpus' && outcome !== 'opened')
      throw new Error(`${source.name} is not sound before any damage`);
  }
  const before = inUse();
  const run = new Run(job, cases);
  for (let index = job.from; index < job.to; index += job.step) {
    if (!(await run.case(index))) return;
    if (process.memoryUsage().arrayBuffers > GARBAGE_BYTES) collect();
  }
  const held = inUse() - before;
  if (held > LEAK_BYTES) throw new Error(`closed checkpoints hold ${Math.round(held / 2 ** 20)} MB`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
