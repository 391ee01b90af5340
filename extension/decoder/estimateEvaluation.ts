/**
 * How long evaluating a model takes, from pieces that are run: the first block on two batches of windows, and logits of some
 * tokens. All blocks are taken to be like the first.
 */
import type { Variant } from './evaluateDecoders';
import { toLastStates } from './measures/lastStates';
import { scoreTokens } from './measures/tokenScores';
import { passBlocks } from './pass/blockPass';
import { windowsAtOnce, type Batch } from './pass/hiddenStates';
import type { Sessions } from './pass/sessions';

export interface EvaluationPiece {
  /** Of the whole evaluation. */
  readonly seconds: number;
  /** Windows that went through the first block. */
  readonly windows: number;
}

/** Tokens whose logits are timed: two numbers, so that reading the output matrix is told from multiplying by it. */
const SCORED = [16, 64] as const;

interface PieceOptions {
  readonly sessions: Sessions;
  readonly signal?: AbortSignal;
  /** Models that are evaluated, each of them like this one. */
  readonly models: number;
}

/**
 * @param windows of equal length, all that are to be evaluated
 * @throws as `passBlocks`, `scoreTokens`
 */
export async function estimateEvaluation(
  variant: Variant,
  windows: readonly Int32Array[],
  { sessions, signal, models }: PieceOptions,
): Promise<EvaluationPiece> {
  const { description, source } = variant;
  const blocks = description.blocks.length;
  const first = { ...description, blocks: description.blocks.slice(0, 1) };
  const length = windows[0]!.length;
  const step = windowsAtOnce(length);
  const pass = async (count: number): Promise<{ batches: Batch[]; seconds: number; ends: number[] }> => {
    const started = performance.now();
    const ends: number[] = [];
    const progress = (): void => void ends.push((performance.now() - started) / 1000);
    const options = { sessions, ...(signal && { signal }), listener: { progress } };
    const batches = await passBlocks(first, source, windows.slice(0, count), options);
    return { batches, seconds: (performance.now() - started) / 1000, ends };
  };
  // The first pass reads weights that the system may not hold yet, as those of the other blocks.
  const cold = await pass(step);
  const warm = await pass(2 * step);
  const [one, two] = warm.ends;
  const routed = first.blocks[0]?.experts !== undefined;
  const each = routed || two === undefined ? warm.seconds / warm.batches.length : two - one!;
  const reading = Math.max(0, cold.seconds - each);
  const passing = blocks * (reading + each * Math.ceil(windows.length / step));
  const logits = await scoring(variant, windows[0]!, warm.batches[0]!, sessions, signal);
  const scored = logits.reading + logits.token * windows.length * length;
  return { seconds: models * (passing + scored), windows: Math.min(windows.length, 2 * step) };
}

/** Seconds that the output matrix takes to be read, and a token's logits to be made. */
async function scoring(
  { name, description, source }: Variant,
  window: Int32Array,
  { states }: Batch,
  sessions: Sessions,
  signal?: AbortSignal,
): Promise<{ reading: number; token: number }> {
  const seconds: number[] = [];
  const counts = SCORED.map((count) => Math.min(count, window.length));
  // Once to open what runs it.
  for (const count of [counts[0]!, ...counts]) {
    const started = performance.now();
    const batch: Batch = { first: 0, count: 1, states: states.slice(0, count * description.hidden) };
    await toLastStates(description, source, [batch], sessions, signal);
    const scored = [{ name, description, source, batches: [batch] }];
    await scoreTokens(scored, [window.subarray(0, count)], { sessions, ...(signal && { signal }) });
    seconds.push((performance.now() - started) / 1000);
  }
  const [few, many] = counts as [number, number];
  const [, less, more] = seconds as [number, number, number];
  if (many === few) return { reading: 0, token: more / many };
  const token = Math.max(0, more - less) / (many - few);
  return { reading: Math.max(0, less - token * few), token };
}
