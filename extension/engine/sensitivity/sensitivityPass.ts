/**
 * The losses of units, one at a time. Units are taken in the order of their first blocks, and a unit repeats the blocks from
 * its own on. So the dense model runs twice, and in memory are the dense states before the block that is looked at, those
 * behind the last one, and those of the units that are scored together. Runs in the process of `models/modelRun.ts`.
 */
import { evaluated } from '../../decoder/evaluateDecoders';
import { toLastStates } from '../../decoder/measures/lastStates';
import { scoreTokens, type Scored } from '../../decoder/measures/tokenScores';
import { BOOTSTRAP } from '../../decoder/measures/windowBootstrap';
import { openDecoder, type Decoder } from '../../decoder/openDecoder';
import { continueBlocks, passBlocks } from '../../decoder/pass/blockPass';
import { assertWindows, embedded, type Batch } from '../../decoder/pass/hiddenStates';
import { Sessions } from '../../decoder/pass/sessions';
import type { WeightSource } from '../../decoder/weights/weightSource';
import { openStatistics, type StatisticsSource } from '../../compression/statistics/statisticsSource';
import type { CompressionPlan } from '../../shared/compression/plans';
import { agreeing } from '../../shared/agreeing';
import type { EvaluatedDecoder } from '../../shared/decoderRuns';
import { ESTIMATE, type SensitivityRequest, type SensitivityRun, type SensitivityUnit } from './sensitivityRecords';
import { PlannedWeights } from '../decoders/plannedWeights';
import { windowsFor } from '../decoders/tokenInputs';
import type { EngineDocument } from '../document/engineDocument';
import { OpenDocuments } from '../document/openDocuments';
import { planWeights } from '../requests/planWeights';
import { tiedLayers } from '../requests/tiedLayers';
import { firstBlocks } from './firstBlocks';

/** Bytes of the states of units that are scored together: the dense logits are made once for all of them. */
const SCORED_BYTES = 256 * 1024 * 1024;
/** Each holds logits of its own while it is scored. */
const SCORED_TOGETHER = 8;

type Progress = (fraction: number, message: string) => void;

/** @throws DecoderError, CheckpointError, CompressionError; errors of onnxruntime */
export async function sensitivityOf(request: SensitivityRequest, progress: Progress): Promise<SensitivityRun> {
  const documents = new OpenDocuments();
  const sessions = await Sessions.open();
  let statistics: StatisticsSource | undefined;
  try {
    const document = await documents.open(request.model);
    const decoder = await openDecoder(document.checkpoint);
    if (request.statistics !== undefined) {
      statistics = await openStatistics(request.statistics, document.checkpoint);
    }
    const { windows, description: inputs } = await windowsFor(document.checkpoint, decoder, request.tokens);
    const planned = await plannedUnits(decoder, document, request.units, statistics);
    const run = new UnitsRun(decoder, windows, planned, sessions, progress);
    const [dense, ...units] = await run.all();
    const length = windows[0]!.length;
    return {
      windows: windows.length,
      length,
      tokens: windows.length * (length - 1),
      inputs,
      bootstrap: { seed: BOOTSTRAP.seed, resamples: BOOTSTRAP.resamples },
      dense: dense!,
      units,
    };
  } finally {
    await statistics?.close();
    await sessions.release();
    await documents.closeAll();
  }
}

interface PlannedUnit {
  readonly name: string;
  readonly source: WeightSource;
  /** Index of the first block that changes. */
  readonly from: number;
}

async function plannedUnits(
  decoder: Decoder,
  document: EngineDocument,
  units: readonly SensitivityUnit[],
  statistics: StatisticsSource | undefined,
): Promise<PlannedUnit[]> {
  const { signal } = new AbortController();
  const tied = await tiedLayers(document, signal);
  const blocks = firstBlocks(decoder);
  return units.map(({ name, layers }) => {
    const { weights } = planWeights(document, { layers } as CompressionPlan, undefined, tied);
    const source = new PlannedWeights(decoder, document, { weights, groups: [] }, statistics);
    return { name, source, from: blocks.first(Object.keys(layers)) };
  });
}

class UnitsRun {
  private done = 0;
  private readonly total: number;
  /** Milliseconds of one block, dense. */
  private perBlock = 0;

  constructor(
    private readonly decoder: Decoder,
    private readonly windows: readonly Int32Array[],
    private readonly units: readonly PlannedUnit[],
    private readonly sessions: Sessions,
    private readonly progress: Progress,
  ) {
    const { length } = decoder.description.blocks;
    this.total = units.reduce((sum, { from }) => sum + length - from, 2 * length);
  }

  /** The dense model's, then the units' in their order. */
  async all(): Promise<EvaluatedDecoder[]> {
    const { units, windows, sessions } = this;
    const { description, weights } = this.decoder;
    assertWindows(windows, description, weights);
    const started = performance.now();
    const last = await passBlocks(description, weights, windows, { sessions, listener: this.listener('dense') });
    this.perBlock = (performance.now() - started) / description.blocks.length;
    await toLastStates(description, weights, last, sessions);
    const dense: Scored = { name: 'dense', description, source: weights, batches: last };
    this.tellEstimate();
    const results = new Map<string, EvaluatedDecoder>();
    const states = await embedded(windows, description, weights, sessions);
    for (let block = 0; block < description.blocks.length; block++) {
      const here = units.filter(({ from }) => from === block);
      for (const some of inParts(here, this.together(states))) {
        for (const result of await this.scored(dense, some, states)) results.set(result.name, result);
      }
      if (!units.some(({ from }) => from > block)) break;
      await this.through(weights, states, { from: block, to: block + 1 }, 'dense');
    }
    const [own] = await scoreTokens([dense], windows, { sessions });
    return [evaluated('dense', own!, windows[0]!.length - 1), ...units.map(({ name }) => results.get(name)!)];
  }

  private async scored(
    dense: Scored,
    units: readonly PlannedUnit[],
    before: readonly Batch[],
  ): Promise<EvaluatedDecoder[]> {
    const { description } = this.decoder;
    const scored: Scored[] = [];
    for (const { name, source, from } of units) {
      const batches = before.map((batch) => ({ ...batch }));
      await this.through(source, batches, { from, to: description.blocks.length }, name);
      await toLastStates(description, source, batches, this.sessions);
      scored.push({ name, description, source, batches });
    }
    const scores = await scoreTokens([dense, ...scored], this.windows, { sessions: this.sessions });
    return units.map(({ name }, index) => evaluated(name, scores[1 + index]!, this.windows[0]!.length - 1));
  }

  private through(
    source: WeightSource,
    batches: readonly Batch[],
    range: { from: number; to: number },
    name: string,
  ): Promise<void> {
    const { sessions, decoder } = this;
    return continueBlocks(decoder.description, source, batches, range, { sessions, listener: this.listener(name) });
  }

  private listener(name: string) {
    return {
      progress: ({
        block,
        blocks,
        window,
        windows,
      }: Record<'block' | 'blocks' | 'window' | 'windows', number>): void => {
        if (window === windows) this.done++;
        this.progress(Math.min(1, this.done / this.total), `${name}: block ${block + 1} of ${blocks}`);
      },
    };
  }

  private tellEstimate(): void {
    const seconds = ((this.total - this.done) * this.perBlock) / 1000;
    const time = seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
    const count = agreeing(this.units.length, '1 unit', `${this.units.length} units`);
    const message = `${ESTIMATE}about ${time} for ${count}, beside compressing them`;
    this.progress(this.done / this.total, message);
  }

  private together(states: readonly Batch[]): number {
    const bytes = states.reduce((sum, each) => sum + each.states.byteLength, 0);
    return Math.max(1, Math.min(SCORED_TOGETHER, Math.floor(SCORED_BYTES / bytes)));
  }
}

function inParts<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
}
