/**
 * How soon a large layer obeys a cancel, in every stage of it: until the request is answered, and until the work is really
 * gone. The engine has one place and one worker here, so that a small layer queued with the cancel has its result only when
 * both are free.
 *
 * `EIGENSCOPE_CANCEL_SIDE` is the side of the matrix (4096 by default), `EIGENSCOPE_CANCELS` how often each stage is
 * cancelled; `npm run bench -- cancel` runs it alone.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CancellationTokenSource } from 'vscode-jsonrpc';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import type { InspectSettings } from '../../extension/shared/layers';
import { problemOf } from '../../extension/shared/rpc';
import { EngineProcess } from '../harness/engineProcess';
import { makeRandomMatrix, uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { repositoryRoot } from '../harness/shared';
import { benchTable, median, type BenchRow } from './benchTable';

const SIDE = Number(process.env.EIGENSCOPE_CANCEL_SIDE ?? 4096);
const CANCELS = Number(process.env.EIGENSCOPE_CANCELS ?? 3);
const LIMIT_MS = 200;

/** Longest wait within a stage before it is cancelled: halved each time the layer was ready first. */
const SPREAD_MS = 400;
const TRIES = 6;

const SMALL_LAYERS = 200;

/** Shares of a layer without FARMS, as its progress counts them. */
const CHASE_FROM = 0.81;
const CHASE_END = 0.945;
/** Fraction done, for a layer whose spectrum is taken twice. */
const SHUFFLE_FROM = 0.495;

const plain: InspectSettings = { farms: { ...DEFAULT_FARMS, enabled: false } };
const farms: InspectSettings = { farms: { ...DEFAULT_FARMS, mode: 'adaptive' } };
const randomised: InspectSettings = { ...plain, randomise: true };
const tested: InspectSettings = { ...plain, goodness: true };

class ReadyTooSoon extends Error {}

interface Cancelled {
  answered: number;
  gone: number;
}

/** Work that is under way, and how to end it. */
interface Running {
  /** Resolves once it is answered that it was cancelled. */
  cancel: () => Promise<unknown>;
  /** Resolves when the stage to be cancelled has begun. */
  begun: Promise<void>;
  /** True if it is over, so that there is nothing to cancel. */
  ready: () => boolean;
}

class Bench {
  readonly rows: BenchRow[] = [];
  private next = 0;
  private inspections = 0;

  constructor(
    private readonly engine: EngineProcess,
    private readonly large: string,
    private readonly small: string,
  ) {}

  static async open(engine: EngineProcess, large: string, small: string): Promise<Bench> {
    const [one, other] = [await engine.request('open', { path: large }), await engine.request('open', { path: small })];
    await engine.request('device', null);
    const bench = new Bench(engine, one.document, other.document);
    // The first layer waits for code to be compiled and threads to start, which is not what is measured.
    await bench.smallLayer();
    return bench;
  }

  /** Resolves with the result of a layer that nobody has asked for. */
  private async smallLayer(): Promise<void> {
    const name = `layer.${this.next++}`;
    await this.engine.request('inspect', { document: this.small, names: [name], settings: plain });
    await this.engine.until(() => this.engine.results.some(({ result }) => result.name === name));
  }

  async measure(stage: string, start: () => Running | Promise<Running>, note?: string): Promise<void> {
    const times: Cancelled[] = [];
    let spread = SPREAD_MS;
    for (let tries = 0; times.length < CANCELS;) {
      try {
        times.push(await this.cancelOnce(start, spread * Math.random()));
      } catch (error) {
        if (!(error instanceof ReadyTooSoon) || ++tries === TRIES) throw error;
        spread /= 2;
      }
    }
    for (const [what, all] of [
      ['answered', times.map(({ answered }) => answered)],
      ['gone', times.map(({ gone }) => gone)],
    ] as const) {
      const middle = `median ${median(all).toFixed(0)} ms${note === undefined ? '' : `; ${note}`}`;
      const row = { bounds: 'value', limit: LIMIT_MS, unit: 'ms', note: middle } as const;
      this.rows.push({ ...row, work: `${stage}: ${what}`, ours: Math.max(...all) });
    }
  }

  private async cancelOnce(start: () => Running | Promise<Running>, after: number): Promise<Cancelled> {
    const { begun, cancel, ready } = await start();
    await begun;
    await new Promise((resolve) => setTimeout(resolve, after));
    if (ready()) throw new ReadyTooSoon('a layer was ready before it could be cancelled');
    const cancelled = performance.now();
    const answered = cancel().then(() => performance.now() - cancelled);
    const gone = this.smallLayer().then(() => performance.now() - cancelled);
    return { answered: await answered, gone: await gone };
  }

  /** The layer in the queue; `begun` is asked with all news of it so far. */
  inspecting(settings: InspectSettings, begun: (news: EngineProcess['progress']) => boolean): () => Promise<Running> {
    const { engine, large } = this;
    return async () => {
      const [seen, done] = [engine.progress.length, engine.results.length];
      const ready = (): boolean => engine.results.length > done;
      // A layer that was ready too soon is known: with another tolerance, which matters to FARMS alone, it is not.
      const tolerance = settings.farms.tolerance / (1 + 1e-6 * ++this.inspections);
      await engine.request('inspect', {
        document: large,
        settings: { ...settings, farms: { ...settings.farms, tolerance } },
      });
      return {
        begun: engine.until(() => ready() || begun(engine.progress.slice(seen))),
        cancel: () => engine.request('cancel', { document: large }),
        ready,
      };
    };
  }

  /** A request with a token, whose answer is that it was cancelled. */
  asking(
    ask: (engine: EngineProcess, document: string, token: CancellationTokenSource['token']) => Promise<unknown>,
    begun: () => Promise<void>,
  ): () => Running {
    return () => {
      const source = new CancellationTokenSource();
      let ready = false;
      const answer = ask(this.engine, this.large, source.token).then(
        () => (ready = true),
        (error: unknown) => {
          if (problemOf(error).code !== 'cancelled') throw error;
        },
      );
      answer.catch(() => undefined);
      const cancel = (): Promise<unknown> => {
        source.cancel();
        return answer;
      };
      return { begun: begun(), cancel, ready: () => ready };
    };
  }
}

/** True if a stage is under way, and the layer as far as `from`. */
function within(stage: string, from = 0): (news: EngineProcess['progress']) => boolean {
  return (news) => news.some((each) => each.stage === stage && each.fraction >= from);
}

/** True if products are made the second time: of the shuffled matrix. */
function again(news: EngineProcess['progress']): boolean {
  const solved = news.findIndex(({ stage }) => stage === 'eigenvalues');
  return solved >= 0 && news.slice(solved).some(({ stage }) => stage === 'products');
}

async function stages(bench: Bench, folder: string): Promise<void> {
  const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 150));
  await bench.measure(
    'beginning, statistics',
    bench.inspecting(plain, () => true),
  );
  await bench.measure('products', bench.inspecting(plain, within('products')));
  await bench.measure('eigenvalues: reduction', bench.inspecting(plain, within('eigenvalues')));
  const chase = bench.inspecting(plain, within('eigenvalues', CHASE_FROM));
  await bench.measure('eigenvalues: bulge chase', chase);
  const end = bench.inspecting(plain, within('eigenvalues', CHASE_END));
  await bench.measure('eigenvalues: tridiagonal matrix, fits', end);
  await bench.measure('FARMS', bench.inspecting(farms, within('FARMS')));
  const shuffled = bench.inspecting(randomised, (news) => news.some(({ fraction }) => fraction >= SHUFFLE_FROM));
  await bench.measure('randomise: shuffle', shuffled);
  await bench.measure('randomise: second spectrum', bench.inspecting(randomised, again));
  await bench.measure('goodness of fit', bench.inspecting(tested, within('goodness of fit')));
  const vectors = bench.asking(
    (engine, document, token) => engine.request('singularVectors', { document, layer: 'weight', count: 64 }, token),
    soon,
  );
  await bench.measure('singular vectors', vectors);
  const request = { layer: 'weight', method: 'svd', rank: { kind: 'rank', rank: SIDE / 2 } } as const;
  const save = { ...request, output: 'factors', target: path.join(folder, 'saved.safetensors') } as const;
  const saving = bench.asking(
    (engine, document, token) => engine.request('saveCompressed', { document, request: save, settings: plain }, token),
    soon,
  );
  await bench.measure('saving', saving);
}

async function main(folder: string): Promise<void> {
  const large = makeRandomMatrix(folder, SIDE, SIDE);
  const small = writeSafetensors(
    path.join(folder, 'small.safetensors'),
    Array.from({ length: SMALL_LAYERS }, (_, index) => ({
      name: `layer.${index}`,
      shape: [32, 16],
      values: uniform(32 * 16, index),
    })),
  );
  const cacheFolder = path.join(folder, 'cache');
  const engine = new EngineProcess({ cacheFolder, threads: 1 });
  const slow = new EngineProcess({
    cacheFolder: path.join(folder, 'slow'),
    threads: 1,
    preload: path.join(repositoryRoot, 'test', 'harness', 'fakes', 'slowDisk.js'),
    environment: { EIGENSCOPE_READ_MS: '5000' },
  });
  try {
    const reading = await Bench.open(slow, large, small);
    await reading.measure('reading', reading.inspecting(plain, within('reading')), 'a disk that takes 5 s a read');
    const bench = await Bench.open(engine, large, small);
    await stages(bench, folder);
    const title = `Cancelling a ${SIDE} × ${SIDE} F32 layer, longest of ${CANCELS}`;
    process.stdout.write(benchTable(title, [...reading.rows, ...bench.rows]));
  } finally {
    engine.dispose();
    slow.dispose();
  }
}

const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-cancel-'));
main(folder)
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => rmSync(folder, { recursive: true, force: true }));
