/**
 * A sweep over a 1.1-billion-parameter LLaMA in BF16, as the extension host drives it: layers a minute, memory, how long
 * the engine is deaf meanwhile, and how soon it obeys a cancel.
 *
 * `EIGENSCOPE_SWEEP_BLOCKS=22` measures the whole model; by default two blocks and the embeddings are, and the time of all
 * 22 blocks is extrapolated.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { DEFAULT_FARMS } from '../../extension/engine/cliArguments';
import { defaultThreads } from '../../extension/engine/limits';
import type { InspectSettings } from '../../extension/protocol';
import { EngineProcess } from '../harness/engineProcess';
import { LLAMA_1B_BLOCKS, makeLlama1b } from '../harness/madeCheckpoints';
import { repositoryRoot } from '../harness/shared';
import { benchTable, median, type BenchRow } from './benchTable';

const DEFAULT_BLOCKS = 2;
const PEEK_MS = 250;

const withoutFarms: InspectSettings = { farms: { ...DEFAULT_FARMS, enabled: false } };

interface Report {
  stalls: { p99: number; max: number };
  peakMegabytes: number;
  megabytes: number;
}

class ProbedEngine extends EngineProcess {
  private readonly file: string;

  constructor(folder: string) {
    const file = path.join(folder, 'probe.json');
    super({
      cacheFolder: path.join(folder, 'cache'),
      threads: defaultThreads(availableParallelism()),
      preload: path.join(repositoryRoot, 'test', 'harness', 'engineProbe.js'),
      environment: { EIGENSCOPE_PROBE: file },
    });
    this.file = file;
  }

  /** What happened since the last report. */
  async report(): Promise<Report> {
    rmSync(this.file, { force: true });
    this.child.kill('SIGUSR2');
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      try {
        return JSON.parse(readFileSync(this.file, 'utf8')) as Report;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }
}

/** Seconds of a sweep over some tensors, and the milliseconds that requests took meanwhile. */
async function swept(
  engine: EngineProcess,
  document: string,
  names: string[],
  settings: InspectSettings,
): Promise<{ seconds: number; answers: number[] }> {
  const answers: number[] = [];
  const started = performance.now();
  await engine.request('inspect', { document, names, settings });
  let asking = true;
  const ask = (async (): Promise<void> => {
    while (asking) {
      const asked = performance.now();
      await engine.request('peek', { path: 'none', layer: 'none', settings });
      answers.push(performance.now() - asked);
      await new Promise((resolve) => setTimeout(resolve, PEEK_MS));
    }
  })();
  await engine.idle();
  const seconds = (performance.now() - started) / 1000;
  asking = false;
  await ask;
  return { seconds, answers };
}

async function main(folder: string): Promise<void> {
  const blocks = Number(process.env.EIGENSCOPE_SWEEP_BLOCKS ?? DEFAULT_BLOCKS);
  const file = makeLlama1b(folder, blocks);
  const engine = new ProbedEngine(folder);
  try {
    const { document, tensors } = await engine.request('open', { path: file });
    await engine.request('device', null);
    await engine.report();
    const inBlocks = tensors.filter(({ name }) => name.includes('.layers.'));
    const others = tensors.filter((tensor) => !inBlocks.includes(tensor));
    const namesOf = (list: typeof tensors): string[] => list.map(({ name }) => name);
    const part = await swept(engine, document, namesOf(inBlocks), withoutFarms);
    const rest = await swept(engine, document, namesOf(others), withoutFarms);
    const { stalls, peakMegabytes } = await engine.report();
    const spectra = (list: typeof tensors): number => list.reduce((sum, { layers }) => sum + layers.length, 0);
    const seconds = (part.seconds * LLAMA_1B_BLOCKS) / blocks + rest.seconds;
    const layers = (spectra(inBlocks) * LLAMA_1B_BLOCKS) / blocks + spectra(others);
    const answers = [...part.answers, ...rest.answers];
    const failed = engine.results.filter(({ result }) => result.problems.length > 0);
    if (failed.length > 0) throw new Error(failed.map(({ result }) => result.problems[0]!.message).join('\n'));
    const extent =
      blocks === LLAMA_1B_BLOCKS ? 'all 22 blocks' : `extrapolated from ${blocks} blocks and the embeddings to all 22`;
    const rows: BenchRow[] = [
      { work: 'sweep, no FARMS', ours: (60 * layers) / seconds, bounds: 'value', unit: 'layers/min', note: extent },
      { work: 'whole model, no FARMS', ours: seconds / 60, bounds: 'value', unit: 'min', note: extent },
      { work: 'peak memory', ours: peakMegabytes, bounds: 'value', limit: 1536, unit: 'MB', note: 'resident set' },
      { work: 'event loop held up, longest', ours: stalls.max, bounds: 'value', unit: 'ms' },
      { work: 'event loop held up, 99 %', ours: stalls.p99, bounds: 'value', unit: 'ms' },
      { work: 'a request answered, median', ours: median(answers), bounds: 'value', unit: 'ms' },
      { work: 'a request answered, longest', ours: Math.max(...answers), bounds: 'value', limit: 200, unit: 'ms' },
    ];
    process.stdout.write(benchTable('Sweep of a made 1.1B LLaMA, BF16', rows));
  } finally {
    engine.dispose();
  }
}

const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-sweep-'));
main(folder)
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => rmSync(folder, { recursive: true, force: true }));
