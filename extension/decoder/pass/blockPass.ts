/**
 * A pass of windows through all blocks of a model, one block in memory at a time: its weights, and the hidden states of all
 * windows. Every product is onnxruntime's, in float32.
 */
import { DecoderError } from '../decoderError';
import type { BlockDescription, DecoderDescription } from '../families/family';
import { COSINES, MASK, SINES } from '../graphs/attention';
import { blockModel, HIDDEN, OUT, ROUTES, routedModel, SHARED_GATE, TAPS } from '../graphs/blockGraph';
import { ropeTables, type Rope } from '../config/rope';
import type { WeightSource } from '../weights/weightSource';
import { passExperts, type RoutedBatch } from './expertPass';
import { assertWindows, embedded, windowsAtOnce, type Batch } from './hiddenStates';
import { loadModules, type LoadedModules } from './loadedModules';
import { causalMask } from './masks';
import type { PassListener } from './passListener';
import type { NamedValues, Sessions, Values } from './sessions';

export interface PassOptions {
  readonly sessions: Sessions;
  readonly signal?: AbortSignal;
  readonly listener?: PassListener;
}

/**
 * @param windows of equal length, at least 2 tokens each
 * @returns the hidden states behind the last block
 * @throws DecoderError `invalid-tokens`, `missing-weights`, `not-finite`; CheckpointError; the signal's reason; errors of
 *   onnxruntime
 */
export async function passBlocks(
  description: DecoderDescription,
  source: WeightSource,
  windows: readonly Int32Array[],
  options: PassOptions,
): Promise<Batch[]> {
  assertWindows(windows, description, source);
  const { signal, sessions } = options;
  const batches = await embedded(windows, description, source, sessions, signal);
  await continueBlocks(description, source, batches, { from: 0, to: description.blocks.length }, options);
  return batches;
}

/**
 * The blocks [from, to) alone: the batches' states, those before `from`, become those behind the last of them.
 *
 * @throws as `passBlocks`
 */
export async function continueBlocks(
  description: DecoderDescription,
  source: WeightSource,
  batches: readonly Batch[],
  { from, to }: { readonly from: number; readonly to: number },
  options: PassOptions,
): Promise<void> {
  const last = batches.at(-1)!;
  const length = last.states.length / (last.count * description.hidden);
  const pass = new Pass(description, source, last.first + last.count, length, options);
  for (let index = from; index < to; index++) {
    options.signal?.throwIfAborted();
    await pass.through(description.blocks[index]!, index, batches);
  }
}

class Pass {
  private readonly tables = new Map<string, NamedValues>();

  constructor(
    private readonly description: DecoderDescription,
    private readonly source: WeightSource,
    private readonly windows: number,
    private readonly length: number,
    private readonly options: PassOptions,
  ) {}

  /** The batches' states become those behind the block. */
  async through(block: BlockDescription, index: number, batches: readonly Batch[]): Promise<void> {
    const { signal, listener } = this.options;
    const { hidden, blocks } = this.description;
    const sizes = { hidden, headSize: block.kind.attention.headSize };
    const loaded = await loadModules(this.source, block.linears, block.norms, sizes, signal);
    const routed: RoutedBatch[] = [];
    for (const batch of batches) {
      signal?.throwIfAborted();
      const before = batch.states;
      if (block.experts) routed.push(await this.routed(block, loaded, batch));
      else batch.states = await this.dense(block, loaded, batch);
      this.assertFinite(block, batch);
      if (!block.experts) listener?.block?.(block, before, batch.states);
      const window = batch.first + batch.count;
      listener?.progress?.({ block: index, blocks: blocks.length, window, windows: this.windows });
    }
    if (block.experts) await this.throughExperts(block, routed, batches);
    await listener?.done?.(block);
  }

  private async throughExperts(
    block: BlockDescription,
    routed: readonly RoutedBatch[],
    batches: readonly Batch[],
  ): Promise<void> {
    const { hidden } = this.description;
    await passExperts(block, routed, { ...this.options, source: this.source, hidden });
    for (const [at, { before }] of routed.entries()) {
      this.assertFinite(block, batches[at]!);
      this.options.listener?.block?.(block, before, batches[at]!.states);
    }
  }

  private async dense(block: BlockDescription, loaded: LoadedModules, batch: Batch): Promise<Float32Array> {
    const taps = this.options.listener?.inputs !== undefined;
    const outputs = taps ? [OUT, ...Object.values(TAPS)] : [OUT];
    const sizes = this.graphSizes;
    const key = JSON.stringify(['block', block.kind, loaded.traits, sizes, taps]);
    const results = await this.run(
      key,
      () => blockModel(block.kind, loaded.traits, sizes, taps),
      block,
      loaded,
      batch,
      outputs,
    );
    await this.tap(block, results);
    return results[OUT]!.data;
  }

  /** The batch's states become the residual that the experts' outputs are added to. */
  private async routed(block: BlockDescription, loaded: LoadedModules, batch: Batch): Promise<RoutedBatch> {
    const taps = this.options.listener?.inputs !== undefined;
    const gated = block.linears.sharedGate !== undefined;
    const outputs = [OUT, TAPS.mlp, ROUTES, ...(gated ? [SHARED_GATE] : []), ...(taps ? [TAPS.attention, TAPS.o] : [])];
    const sizes = this.graphSizes;
    const key = JSON.stringify(['routed', block.kind, loaded.traits, sizes, taps]);
    const results = await this.run(
      key,
      () => routedModel(block.kind, loaded.traits, sizes, taps),
      block,
      loaded,
      batch,
      outputs,
    );
    await this.tap(block, results);
    const before = batch.states;
    batch.states = results[OUT]!.data;
    const gate = results[SHARED_GATE];
    return {
      batch,
      before,
      input: results[TAPS.mlp]!.data,
      routes: results[ROUTES]!,
      ...(gated && { gate: gate!.data }),
    };
  }

  private run(
    key: string,
    model: () => Uint8Array,
    block: BlockDescription,
    loaded: LoadedModules,
    { states }: Batch,
    outputs: readonly string[],
  ): Promise<Record<string, Values>> {
    const { hidden } = this.description;
    const x: Values = { data: states, dims: [states.length / hidden, hidden] };
    const feeds = {
      [HIDDEN]: x,
      ...loaded.feeds,
      ...this.mask(block.window),
      ...(block.rope && this.ropes(block.rope)),
    };
    return this.options.sessions.run(key, model, feeds, outputs);
  }

  private async tap({ linears }: BlockDescription, results: Readonly<Record<string, Values>>): Promise<void> {
    const inputs = this.options.listener?.inputs;
    if (!inputs) return;
    const enter = {
      [TAPS.attention]: ['q', 'k', 'v', 'qkv'],
      [TAPS.o]: ['o'],
      [TAPS.mlp]: ['gate', 'up', 'gateUp', 'router', 'sharedGate'],
      [TAPS.down]: ['down'],
    } as const;
    for (const [tap, roles] of Object.entries(enter)) {
      const modules = roles.flatMap((role) => linears[role]?.name ?? []);
      const rows = results[tap];
      if (rows && modules.length > 0) await inputs(modules, rows);
    }
  }

  private get graphSizes(): { length: number; windows: number } {
    return { length: this.length, windows: Math.min(this.windows, windowsAtOnce(this.length)) };
  }

  private mask(window = Infinity): NamedValues {
    const { length } = this;
    // A window that all tokens are in is none.
    const seen = window >= length ? Infinity : window;
    return this.once(`mask ${seen}`, () => ({ [MASK]: { data: causalMask(length, seen), dims: [length, length] } }));
  }

  private ropes(rope: Rope): NamedValues {
    if (rope.rotated === 0) return {};
    return this.once(JSON.stringify(rope), () => {
      const { cos, sin } = ropeTables(rope, this.length);
      const dims = [this.length, rope.rotated / 2];
      return { [COSINES]: { data: cos, dims }, [SINES]: { data: sin, dims } };
    });
  }

  private once(key: string, make: () => NamedValues): NamedValues {
    const known = this.tables.get(key) ?? make();
    this.tables.set(key, known);
    return known;
  }

  /** @throws DecoderError `not-finite` */
  private assertFinite({ name }: BlockDescription, { states, first }: Batch): void {
    const at = states.findIndex((value) => !Number.isFinite(value));
    if (at < 0) return;
    const token = Math.floor(at / this.description.hidden);
    throw new DecoderError(
      'not-finite',
      `${name}: its output is ${states[at]!} at token ${(token % this.length) + 1} of window ` +
        `${first + Math.floor(token / this.length) + 1}; its weights hold NaN, or numbers too large for float32`,
    );
  }
}
