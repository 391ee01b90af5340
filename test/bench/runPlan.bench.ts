/**
 * A plan run over a 1.1-billion-parameter LLaMA in BF16, 2.2 GB: how fast layers are copied beside `cp`, what memory it
 * takes at most, and how long a compressed layer takes. Nearly all of the model is copied, so that copying is what counts.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { openModel } from '../../extension/checkpoint/openModel';
import { contentFingerprint } from '../../extension/engine/document/contentFingerprint';
import { defaultThreads } from '../../extension/engine/resources/limits';
import type { CompressionPlan, LayerPlan } from '../../extension/shared/compression/plans';
import { makeLlama1b } from '../harness/checkpoints/madeCheckpoints';
import { EngineProcess } from '../harness/engineProcess';
import { planOf } from '../harness/smallModels';
import { repositoryRoot } from '../harness/shared';
import { benchTable, median, type BenchRow } from './benchTable';

const PASSES = 3;

/**
 * A virtual machine gives freed memory back to its host after some seconds, and gets it anew slowly. So each work begins
 * that long after the last one's files were removed; else whichever comes first has the faster memory.
 */
const SETTLE_MS = 5000;

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

/** Of a block: the layers that are compressed. */
const COMPRESSED: Record<string, LayerPlan> = {
  'model.layers.0.self_attn.k_proj.weight': { method: 'svd', rank: 64 },
  'model.layers.0.mlp.up_proj.weight': { method: 'svd', rank: 256 },
};

/** Also holds what it keeps running, on Linux. */
class MeasuredEngine extends EngineProcess {
  constructor() {
    super({
      threads: defaultThreads(availableParallelism()),
      preload: path.join(repositoryRoot, 'test', 'harness', 'engineProbe.js'),
    });
  }

  /** Most resident memory so far, in megabytes. @see proc(5), VmHWM */
  peakMegabytes(): number {
    const status = readFileSync(`/proc/${this.child.pid!}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) / 1024;
  }
}

interface Run {
  seconds: number;
  peak: number;
}

async function run(model: string, target: string, plan: CompressionPlan): Promise<Run> {
  const engine = new MeasuredEngine();
  try {
    const { document } = await engine.request('open', { path: model });
    const checkpoint = { name: 'made', fingerprint: await fingerprintOf(model) };
    await settled();
    const started = performance.now();
    await engine.request('runPlan', {
      document,
      request: { plan: { ...plan, checkpoint }, layout: 'safetensors', target },
    });
    return { seconds: (performance.now() - started) / 1000, peak: engine.peakMegabytes() };
  } finally {
    engine.dispose();
    rmSync(target, { recursive: true, force: true });
  }
}

async function fingerprintOf(model: string): Promise<string> {
  const checkpoint = await openModel(model);
  try {
    return await contentFingerprint(checkpoint, new AbortController().signal);
  } finally {
    await checkpoint.close();
  }
}

function timed(work: () => void): number {
  const started = performance.now();
  work();
  return (performance.now() - started) / 1000;
}

/** What a program without the system's own copying can reach: one buffer that stays in the processor's cache. */
function plainLoop(from: string, to: string): void {
  const buffer = Buffer.allocUnsafe(128 * 1024);
  const [input, output] = [openSync(from, 'r'), openSync(to, 'w')];
  for (let at = 0, count; (count = readSync(input, buffer, 0, buffer.length, at)) > 0; at += count) {
    for (let done = 0; done < count;) done += writeSync(output, buffer, done, count - done, at + done);
  }
  closeSync(input);
  closeSync(output);
}

async function rows(folder: string): Promise<BenchRow[]> {
  const model = makeLlama1b(path.join(folder, 'model'));
  const bytes = statSync(model).size;
  const copy = path.join(folder, 'copy');
  const target = path.join(folder, 'out');
  const [cp, loop, synced, copied, both]: number[][] = [[], [], [], [], []];
  let peak = 0;
  // The smallest layer there is, so that the time is that of copying.
  const copying = planOf({ 'model.layers.0.self_attn.k_proj.weight': { method: 'svd', rank: 1 } });
  for (let pass = 0; pass < PASSES; pass++) {
    await settled();
    cp!.push(timed(() => execFileSync('cp', [model, copy])));
    rmSync(copy);
    await settled();
    loop!.push(timed(() => plainLoop(model, copy)));
    rmSync(copy);
    await settled();
    synced!.push(
      timed(() => {
        execFileSync('cp', [model, copy]);
        execFileSync('sync', [copy]);
      }),
    );
    rmSync(copy);
    copied!.push((await run(model, target, copying)).seconds);
    const whole = await run(model, target, planOf(COMPRESSED));
    both!.push(whole.seconds);
    peak = Math.max(peak, whole.peak);
  }
  const speed = (seconds: readonly number[]): number => bytes / median(seconds) / 1e6;
  const note = `cp: ${speed(cp!).toFixed(0)} MB/s, cp and sync: ${speed(synced!).toFixed(0)} MB/s, ours with sync`;
  return [
    {
      work: 'a model with one small layer compressed',
      ours: median(copied!),
      peer: median(cp!),
      bounds: 'ratio',
      limit: 2,
      note,
    },
    { work: 'the same beside a loop of reads and writes', ours: median(copied!), peer: median(loop!), bounds: 'ratio' },
    { work: 'the same beside cp and sync', ours: median(copied!), peer: median(synced!), bounds: 'ratio', limit: 2 },
    { work: 'two layers compressed, 256 × 2048 and 5632 × 2048', ours: median(both!), bounds: 'value' },
    { work: 'peak memory of the engine', ours: peak, bounds: 'value', limit: 1536, unit: 'MB', note: 'resident set' },
  ];
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-bench-'));
  try {
    process.stdout.write(benchTable('Running a plan over a model of 1.1 billion parameters, BF16', await rows(folder)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
