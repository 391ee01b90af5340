/**
 * A sweep over a 1.1-billion-parameter LLaMA in BF16, as the extension host drives it: layers a minute, memory, how long
 * the engine is deaf meanwhile, and how soon it obeys a cancel. Before it, the kernels over elements beside a plain copy.
 *
 * `EIGENSCOPE_SWEEP_BLOCKS=22` measures the whole model; by default two blocks and the embeddings are, and the time of all
 * 22 blocks is extrapolated.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CancellationTokenSource } from 'vscode-jsonrpc';
import { widen } from '../../extension/checkpoint/elements/dtype';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import { loadElementKernels } from '../../extension/linalg/kernels/elementKernels';
import type { InspectSettings } from '../../extension/shared/layers';
import { unpackSummary } from '../../extension/shared/packedTensors';
import { StatisticsAccumulator } from '../../extension/spectral/metrics/statistics';
import { EngineProcess } from '../harness/engineProcess';
import { LLAMA_1B_BLOCKS, makeLlama1b, writeHeavyTailed } from '../harness/checkpoints/madeCheckpoints';
import { repositoryRoot } from '../harness/shared';
import { benchTable, median, type BenchRow } from './benchTable';
import { ProbedEngine, type Report } from './probedEngine';

const DEFAULT_BLOCKS = 2;
/** Bytes of one block in BF16, and of both embeddings. */
const BLOCK_BYTES = 88e6;
const EMBEDDING_BYTES = 263e6;

const REQUEST_EVERY_MS = 250;
/** Cancels of each stage, at random moments of it. */
const CANCELS = 3;

const ELEMENTS = 1 << 22;
const REPEATS = 9;

const withoutFarms: InspectSettings = { farms: { ...DEFAULT_FARMS, enabled: false } };
const adaptiveFarms: InspectSettings = { farms: { ...DEFAULT_FARMS, mode: 'adaptive' } };

interface Sweep {
  seconds: number;
  cpuSeconds: number;
  stalls: Report['stalls'];
  /** Milliseconds that requests took meanwhile. */
  answers: number[];
}

async function swept(
  engine: ProbedEngine,
  document: string,
  names: string[],
  settings: InspectSettings,
): Promise<Sweep> {
  const answers: number[] = [];
  const before = await engine.report();
  const started = performance.now();
  await engine.request('inspect', { document, names, settings });
  let asking = true;
  const ask = (async (): Promise<void> => {
    while (asking) {
      const asked = performance.now();
      await engine.request('peek', { path: 'none', layer: 'none', settings });
      answers.push(performance.now() - asked);
      await new Promise((resolve) => setTimeout(resolve, REQUEST_EVERY_MS));
    }
  })();
  await engine.idle();
  const seconds = (performance.now() - started) / 1000;
  asking = false;
  await ask;
  const failed = engine.results.filter(({ result }) => result.problems.length > 0);
  if (failed.length > 0) throw new Error(failed.map(({ result }) => result.problems[0]!.message).join('\n'));
  const { cpuSeconds, stalls } = await engine.report();
  return { seconds, cpuSeconds: cpuSeconds - before.cpuSeconds, stalls, answers };
}

/** Milliseconds from a cancel in a stage to its answer. @throws Error where the layer was ready before */
async function cancelTime(engine: EngineProcess, document: string, stage: string): Promise<number> {
  const source = new CancellationTokenSource();
  const seen = engine.progress.length;
  const params = { document, layer: 'weight', settings: adaptiveFarms };
  const asked = engine.request('spectrum', params, source.token).catch(() => undefined);
  await Promise.race([asked, engine.until(() => engine.progress.slice(seen).some((each) => each.stage === stage))]);
  await new Promise((resolve) => setTimeout(resolve, 100 * Math.random()));
  const cancelled = performance.now();
  source.cancel();
  if (await asked) throw new Error(`the layer was ready before it could be cancelled while ${stage}`);
  return performance.now() - cancelled;
}

async function cancelRows(folder: string): Promise<BenchRow[]> {
  const file = writeHeavyTailed(path.join(folder, 'square.safetensors'), [{ name: 'weight', shape: [4096, 4096] }]);
  const rows: BenchRow[] = [];
  const engine = new ProbedEngine(folder);
  const slow = new EngineProcess({
    cacheFolder: path.join(folder, 'slow'),
    preload: path.join(repositoryRoot, 'test', 'harness', 'fakes', 'slowDisk.js'),
    environment: { EIGENSCOPE_READ_MS: '5000' },
  });
  try {
    for (const [stage, asked] of [
      ['reading', slow],
      ['products', engine],
      ['eigenvalues', engine],
      ['FARMS', engine],
    ] as const) {
      const { document } = await asked.request('open', { path: file });
      await asked.request('device', null);
      const times: number[] = [];
      for (let i = 0; i < CANCELS; i++) times.push(await cancelTime(asked, document, stage));
      const note = stage === 'reading' ? 'from a disk that takes 5 s a read' : '4096 × 4096';
      const work = `cancel while ${stage}, longest of ${CANCELS}`;
      rows.push({ work, ours: Math.max(...times), bounds: 'value', limit: 200, unit: 'ms', note });
    }
  } finally {
    engine.dispose();
    slow.dispose();
  }
  return rows;
}

/** Seconds of processor time: the machine may be busy with other things. */
function processorSeconds(work: () => void): number {
  const runs = Array.from({ length: REPEATS }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  });
  return median(runs);
}

/** Gigabytes a second, read and written, from memory to memory. */
function elementRows(): BenchRow[] {
  const kernels = loadElementKernels();
  const to = new Float64Array(ELEMENTS).fill(1);
  const from = new Float64Array(ELEMENTS).fill(2);
  const stored = Uint16Array.from({ length: ELEMENTS }, (_, index) => 0x3c00 + (index % 997));
  const rate = (bytes: number, work: () => void): number => (bytes * ELEMENTS) / processorSeconds(work) / 1e9;
  const copy = rate(16, () => to.set(from));
  const rows = (['BF16', 'F16', 'F8_E4M3', 'F8_E5M2'] as const).map((dtype): BenchRow => {
    const size = dtype.startsWith('F8') ? 1 : 2;
    const bytes = new Uint8Array(stored.buffer, 0, ELEMENTS * size);
    const plain = rate(size + 8, () => widen(bytes, dtype, to));
    const ours = rate(size + 8, () => kernels.widen(bytes, dtype, to));
    const note = `peer: float64 copy; the plain twin ${plain.toPrecision(2)} GB/s`;
    return { work: `widen ${dtype} to float64`, ours, peer: copy, bounds: 'ratio', unit: 'GB/s', note };
  });
  const plain = rate(8, () => new StatisticsAccumulator().add(from));
  const ours = rate(8, () => new StatisticsAccumulator(kernels.moments).add(from));
  const note = `peer: float64 copy; the plain twin ${plain.toPrecision(2)} GB/s`;
  return [...rows, { work: 'statistics of float64', ours, peer: copy, bounds: 'ratio', unit: 'GB/s', note }];
}

async function sweepRows(folder: string, blocks: number): Promise<BenchRow[]> {
  const file = makeLlama1b(folder, blocks);
  const engine = new ProbedEngine(folder);
  try {
    const { document, tensors } = unpackSummary(await engine.request('open', { path: file }));
    await engine.request('device', null);
    const inBlocks = tensors.filter(({ name }) => name.includes('.layers.'));
    const others = tensors.filter((tensor) => !inBlocks.includes(tensor));
    const namesOf = (list: typeof tensors): string[] => list.map(({ name }) => name);
    const layersIn = (list: typeof tensors): number => list.reduce((sum, { layers }) => sum + layers.length, 0);
    const part = await swept(engine, document, namesOf(inBlocks), withoutFarms);
    const rest = await swept(engine, document, namesOf(others), withoutFarms);
    const { peakMegabytes } = await engine.report();
    const farms = await swept(engine, document, namesOf(inBlocks.slice(0, 3)), adaptiveFarms);
    const { peakMegabytes: farmsPeak } = await engine.report();
    const whole = (of: 'seconds' | 'cpuSeconds'): number => (part[of] * LLAMA_1B_BLOCKS) / blocks + rest[of];
    const layers = (layersIn(inBlocks) * LLAMA_1B_BLOCKS) / blocks + layersIn(others);
    const answers = [...part.answers, ...rest.answers, ...farms.answers];
    const worst = (of: 'p99' | 'max'): number => Math.max(...[part, rest, farms].map(({ stalls }) => stalls[of]));
    const note =
      blocks === LLAMA_1B_BLOCKS ? 'all 22 blocks' : `extrapolated from ${blocks} of 22 blocks and the embeddings`;
    const farmsLayers = layersIn(inBlocks.slice(0, 3));
    const value = { bounds: 'value' } as const;
    return [
      { ...value, work: 'no FARMS', ours: (60 * layers) / whole('seconds'), unit: 'layers/min', note },
      { ...value, work: 'no FARMS, whole model', ours: whole('seconds') / 60, unit: 'min', note },
      { ...value, work: 'no FARMS, processor time', ours: whole('cpuSeconds') / layers, unit: 's/layer', note },
      {
        ...value,
        work: 'adaptive FARMS too',
        ours: (60 * farmsLayers) / farms.seconds,
        unit: 'layers/min',
        note: `the first ${farmsLayers} layers of a block`,
      },
      { ...value, work: 'peak memory, no FARMS', ours: peakMegabytes, limit: 1536, unit: 'MB', note: 'resident set' },
      { ...value, work: 'peak memory, FARMS too', ours: farmsPeak, limit: 1536, unit: 'MB', note: 'resident set' },
      { ...value, work: 'event loop held up, longest', ours: worst('max'), unit: 'ms' },
      { ...value, work: 'event loop held up, 99 %', ours: worst('p99'), unit: 'ms' },
      { ...value, work: 'a request answered, median', ours: median(answers), unit: 'ms' },
      { ...value, work: 'a request answered, longest', ours: Math.max(...answers), limit: 200, unit: 'ms' },
    ];
  } finally {
    engine.dispose();
  }
}

async function main(folder: string): Promise<void> {
  const blocks = Number(process.env.EIGENSCOPE_SWEEP_BLOCKS ?? DEFAULT_BLOCKS);
  const { bavail, bsize } = statfsSync(folder);
  const needed = blocks * BLOCK_BYTES + EMBEDDING_BYTES;
  if (bavail * bsize < 2 * needed) throw new Error(`${folder} needs ${Math.ceil((2 * needed) / 1e6)} MB of free disk`);
  process.stdout.write(benchTable('Elements (processor time)', elementRows()));
  process.stdout.write(benchTable('Sweep of a made 1.1B LLaMA, BF16', await sweepRows(folder, blocks)));
  process.stdout.write(benchTable('Cancelling', await cancelRows(folder)));
}

const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-sweep-'));
main(folder)
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => rmSync(folder, { recursive: true, force: true }));
