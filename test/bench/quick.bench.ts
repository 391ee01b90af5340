/**
 * The first minutes of a 7B model: quick looks at the matrices of its blocks, the time left as it is told on the way, and
 * some exact spectra to hold it to.
 *
 * `EIGENSCOPE_QUICK_BLOCKS=32` looks at the whole model, 13 GB on disk; by default four blocks are, and the time of all 32 is
 * extrapolated. Wall time is of a machine that may be busy; processor time over two cores is what it takes on a free one.
 * The time left is judged by processor time, too: by how much of it is used when it is told, and how much after that.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import type { PassSeconds } from '../../extension/shared/estimates';
import type { InspectSettings } from '../../extension/shared/layers';
import { exactCost } from '../../extension/engine/quick/quickPlan';
import { unpackSummary } from '../../extension/shared/packedTensors';
import { LLAMA_7B_BLOCKS, makeLlama7bBlocks } from '../harness/checkpoints/madeCheckpoints';
import { benchTable, type BenchRow } from './benchTable';
import { ProbedEngine } from './probedEngine';

const DEFAULT_BLOCKS = 4;
const BLOCK_BYTES = 405e6;
const MATRICES = 7 * LLAMA_7B_BLOCKS;

/** The time left is noted after so long, or half of the looks if those are sooner over. */
const NOTED_AFTER_MS = 60_000;

/** The limits of the issue. */
const MOST_SECONDS = 180;
const CORES = 2;
const MOST_OFF = 0.25;

/** Computed exactly, for the time left of spectra. */
const SPECTRA = ['self_attn.q_proj', 'mlp.up_proj', 'mlp.down_proj'];

const settings: InspectSettings = { farms: DEFAULT_FARMS };

/** What was told on the way, and what was used until then. */
interface Note {
  seconds: number;
  cpuSeconds: number;
  left: PassSeconds;
}

interface Looked {
  seconds: number;
  cpuSeconds: number;
  count: number;
  note: Note;
  /** The longest that the event loop was held up, in ms. */
  stall: number;
}

/** Looks at everything. */
async function looked(engine: ProbedEngine, document: string): Promise<Looked> {
  const before = (await engine.report()).cpuSeconds;
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  await engine.request('inspect', { document, settings, depth: 'quick' });
  await engine.until(() => {
    const { quick, secondsLeft } = engine.queue ?? {};
    if (!quick || secondsLeft?.quick === undefined) return false;
    return 1000 * seconds() >= NOTED_AFTER_MS || 2 * quick.done >= quick.total;
  });
  const told = { seconds: seconds(), left: engine.queue!.secondsLeft! };
  const then = await engine.report();
  const note = { ...told, cpuSeconds: then.cpuSeconds - before };
  await engine.idle();
  const took = seconds();
  const last = await engine.report();
  const stall = Math.max(then.stalls.max, last.stalls.max);
  return { seconds: took, cpuSeconds: last.cpuSeconds - before, count: engine.looks.length, note, stall };
}

async function main(folder: string): Promise<void> {
  const blocks = Number(process.env.EIGENSCOPE_QUICK_BLOCKS ?? DEFAULT_BLOCKS);
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < 1.2 * blocks * BLOCK_BYTES) {
    throw new Error(`${folder} needs ${Math.ceil((1.2 * blocks * BLOCK_BYTES) / 1e6)} MB of free disk`);
  }
  const engine = new ProbedEngine(folder);
  try {
    const index = makeLlama7bBlocks(path.join(folder, 'model'), blocks);
    const { document, tensors } = unpackSummary(await engine.request('open', { path: index }));
    const { seconds, cpuSeconds, count, note, stall } = await looked(engine, document);
    const { peakMegabytes } = await engine.report();
    const failed = engine.looks.filter(({ look }) => look.reason !== undefined || !look.estimates.effective_rank);
    if (failed.length > 0 || count !== 7 * blocks)
      throw new Error(`${count} looks, ${failed.length} of them without estimates`);
    const scale = MATRICES / count;
    /** Processor seconds of a wall second while it was told. */
    const share = note.cpuSeconds / note.seconds;
    const told = note.left.quick! * share;
    const took = cpuSeconds - note.cpuSeconds;

    // Exact spectra of one layer of each shape; the rest costs as much by formula.
    const cost = (name: string): number => {
      const [rows, cols] = tensors.find((tensor) => tensor.name === name)!.shape as [number, number];
      return exactCost({ name, tensor: name, kind: 'matrix', rows, cols, count: 1 }, settings);
    };
    const matrices = tensors.filter(({ layers }) => layers.length > 0).map(({ name }) => name);
    const chosen = SPECTRA.map((role) => `model.layers.0.${role}.weight`);
    const before = (await engine.report()).cpuSeconds;
    const began = performance.now();
    await engine.request('inspect', { document, names: chosen, settings });
    await engine.until(() => chosen.every((name) => engine.results.some(({ result }) => result.name === name)));
    const wall = (performance.now() - began) / 1000;
    const used = (await engine.report()).cpuSeconds - before;
    const part =
      chosen.reduce((sum, name) => sum + cost(name), 0) / matrices.reduce((sum, name) => sum + cost(name), 0);
    const exact = used / part;
    const toldExact = (note.left.exact ?? NaN) * share;

    const how = blocks === LLAMA_7B_BLOCKS ? 'all 32 blocks' : `extrapolated from ${blocks} of 32 blocks`;
    const off = (a: number, b: number): number => Math.abs(a / b - 1);
    const rows: BenchRow[] = [
      { work: 'estimates of 224 matrices', ours: seconds * scale, limit: MOST_SECONDS, bounds: 'value', note: how },
      {
        ...{
          work: 'the same on two free cores',
          ours: (cpuSeconds * scale) / CORES,
          bounds: 'value',
          limit: MOST_SECONDS,
        },
        note: `${(cpuSeconds / count).toFixed(2)} s of processor time a matrix`,
      },
      {
        ...{ work: 'time left of looks, off by', ours: off(told, took), bounds: 'value', limit: MOST_OFF, unit: '×' },
        note: `told after ${note.seconds.toFixed(0)} s: ${told.toFixed(0)} s of processor time, took ${took.toFixed(0)} s`,
      },
      {
        ...{
          work: 'time left of spectra, off by',
          ours: off(toldExact, exact),
          bounds: 'value',
          limit: MOST_OFF,
          unit: '×',
        },
        note: `told ${toldExact.toFixed(0)} s of processor time, three layers say ${exact.toFixed(0)} s`,
      },
      { work: 'three spectra', ours: wall, bounds: 'value', note: `${used.toFixed(0)} s of processor time` },
      { work: 'peak memory', ours: peakMegabytes, bounds: 'value', unit: 'MB', note: 'resident set' },
      { work: 'event loop held up, longest', ours: stall, bounds: 'value', unit: 'ms' },
    ];
    process.stdout.write(benchTable('First minutes of a made 7B LLaMA, BF16', rows));
  } finally {
    engine.dispose();
  }
}

const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-quick-'));
main(folder)
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => rmSync(folder, { recursive: true, force: true }));
