/** The experts of a block, one in memory at a time, over the tokens of all windows that go to it. */
import type { BlockDescription, Linear, MlpRole } from '../families/family';
import { expertModel, HIDDEN, OUT, TAPS } from '../graphs/blockGraph';
import type { WeightSource } from '../weights/weightSource';
import type { Batch } from './hiddenStates';
import { loadModules } from './loadedModules';
import type { PassListener } from './passListener';
import { routesOf } from './routing';
import type { Sessions, Values } from './sessions';

/** Tokens that go through an expert together. */
const TOKENS_AT_ONCE = 2048;

/** A batch between a block's attention and its experts; its states are the residual. */
export interface RoutedBatch {
  readonly batch: Batch;
  /** States before the block. */
  readonly before: Float32Array;
  /** What the experts get, tokens × hidden. */
  readonly input: Float32Array;
  /** Logits of the router, tokens × experts. */
  readonly routes: Values;
  /** Logit of the shared expert for each token. */
  readonly gate?: Float32Array;
}

interface ExpertOptions {
  readonly sessions: Sessions;
  readonly source: WeightSource;
  readonly hidden: number;
  readonly signal?: AbortSignal;
  readonly listener?: PassListener;
}

/** Adds what the experts give to the batches' states. @throws as `passBlocks` */
export async function passExperts(
  block: BlockDescription,
  batches: readonly RoutedBatch[],
  options: ExpertOptions,
): Promise<void> {
  const { each, shared, perToken, normalised } = block.experts!;
  const sums = batches.map(({ input }) => new Float32Array(input.length));
  const routes = batches.map(({ routes: { data } }) => routesOf(data, each.length, perToken, normalised));
  for (const [index, modules] of each.entries()) {
    const chosen = routes.flatMap(({ tokens, weights }, batch) =>
      Array.from(tokens[index]!, (token, i): Chosen => ({ batch, token, weight: weights[index]![i]! })),
    );
    if (chosen.length > 0) await passExpert(block, modules, chosen, batches, sums, options);
  }
  if (shared) {
    const all = batches.flatMap(({ gate, input }, batch) =>
      Array.from({ length: input.length / options.hidden }, (_, token): Chosen => {
        return { batch, token, weight: gate ? 1 / (1 + Math.exp(-gate[token]!)) : 1 };
      }),
    );
    await passExpert(block, shared, all, batches, sums, options);
  }
  for (const [index, { batch }] of batches.entries()) {
    const { states } = batch;
    const sum = sums[index]!;
    for (let i = 0; i < states.length; i++) states[i] = states[i]! + sum[i]!;
  }
}

interface Chosen {
  readonly batch: number;
  readonly token: number;
  readonly weight: number;
}

async function passExpert(
  { kind }: BlockDescription,
  modules: Readonly<Partial<Record<MlpRole, Linear>>>,
  chosen: readonly Chosen[],
  batches: readonly RoutedBatch[],
  sums: readonly Float32Array[],
  { sessions, source, hidden, signal, listener }: ExpertOptions,
): Promise<void> {
  const { traits, feeds } = await loadModules(source, modules, {}, { hidden, headSize: 0 }, signal);
  const taps = listener?.inputs !== undefined;
  const key = JSON.stringify(['expert', kind.mlp, traits, taps]);
  for (let from = 0; from < chosen.length; from += TOKENS_AT_ONCE) {
    signal?.throwIfAborted();
    const some = chosen.slice(from, from + TOKENS_AT_ONCE);
    const data = new Float32Array(some.length * hidden);
    for (const [row, { batch, token }] of some.entries()) {
      data.set(batches[batch]!.input.subarray(token * hidden, (token + 1) * hidden), row * hidden);
    }
    const x: Values = { data, dims: [some.length, hidden] };
    const outputs = taps ? [OUT, TAPS.down] : [OUT];
    const results: Record<string, Values> = await sessions.run(
      key,
      () => expertModel(kind.mlp, traits, taps),
      { [HIDDEN]: x, ...feeds },
      outputs,
    );
    if (listener?.inputs) {
      const names = (...roles: readonly MlpRole[]): string[] => roles.flatMap((role) => modules[role]?.name ?? []);
      await listener.inputs(names('gate', 'up', 'gateUp'), x);
      await listener.inputs(names('down'), results[TAPS.down]!);
    }
    const out = results[OUT]!.data;
    for (const [row, { batch, token, weight }] of some.entries()) {
      const sum = sums[batch]!;
      for (let i = 0; i < hidden; i++)
        sum[token * hidden + i] = sum[token * hidden + i]! + weight * out[row * hidden + i]!;
    }
  }
}
