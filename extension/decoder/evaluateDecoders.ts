/** Perplexity of a model and of variants of it on the same windows, and how far the variants' next tokens are from the first's. */
import type { DecoderEvaluation, EvaluatedDecoder } from '../shared/decoderRuns';
import { l10n } from '../shared/language/l10n';
import { fileName } from '../shared/names/fileName';
import type { DecoderDescription } from './families/family';
import { toLastStates } from './measures/lastStates';
import { scoreTokens, type Scored, type TokenScores } from './measures/tokenScores';
import { BOOTSTRAP, bootstrapInterval } from './measures/windowBootstrap';
import { passBlocks } from './pass/blockPass';
import type { Sessions } from './pass/sessions';
import type { WeightSource } from './weights/weightSource';

/** A model, or a variant of one: the same description with other weights. */
export interface Variant {
  readonly name: string;
  readonly description: DecoderDescription;
  readonly source: WeightSource;
}

export interface EvaluateOptions {
  readonly sessions: Sessions;
  readonly signal?: AbortSignal;
  readonly progress?: (fraction: number, message: string) => void;
}

/** Share of the time that logits take, roughly: much for small models, little for large ones. */
const SCORING = 0.15;

/**
 * @param variants the first one is what the others are compared with
 * @param windows of equal length
 * @throws as `passBlocks`, `scoreTokens`
 */
export async function evaluateDecoders(
  variants: readonly Variant[],
  windows: readonly Int32Array[],
  { sessions, signal, progress }: EvaluateOptions,
): Promise<DecoderEvaluation> {
  const scored: Scored[] = [];
  for (const [index, { name, description, source }] of variants.entries()) {
    const share = (done: number): number => ((index + done) / variants.length) * (1 - SCORING);
    const batches = await passBlocks(description, source, windows, {
      sessions,
      ...(signal && { signal }),
      listener: {
        progress: ({ block, blocks, window, windows: all }) =>
          progress?.(
            share((block + window / all) / blocks),
            l10n.english('{0}: block {1} of {2}, window {3} of {4}', fileName(name), block + 1, blocks, window, all),
          ),
      },
    });
    await toLastStates(description, source, batches, sessions, signal);
    scored.push({ name, description, source, batches });
  }
  const scores = await scoreTokens(scored, windows, {
    sessions,
    ...(signal && { signal }),
    progress: (fraction) => progress?.(1 - SCORING + SCORING * fraction, l10n.english('logits')),
  });
  const length = windows[0]!.length;
  return {
    windows: windows.length,
    length,
    tokens: windows.length * (length - 1),
    bootstrap: { seed: BOOTSTRAP.seed, resamples: BOOTSTRAP.resamples },
    models: scores.map((each, index) => evaluated(variants[index]!.name, each, length - 1)),
  };
}

/** Means of a model's scores, by window and in all. @param perWindow tokens of a window that are scored */
export function evaluated(name: string, { nll, kl, agrees }: TokenScores, perWindow: number): EvaluatedDecoder {
  const windows = Array.from({ length: nll.length / perWindow }, (_, window) => {
    const of = (values: ArrayLike<number>): number => mean(values, window * perWindow, (window + 1) * perWindow);
    return { nll: of(nll), kl: kl ? of(kl) : null, top1_agreement: agrees ? of(agrees) : null };
  });
  const all = mean(nll, 0, nll.length);
  const each = (key: 'kl' | 'top1_agreement'): [number, number] | null => {
    const values = windows.flatMap((window) => window[key] ?? []);
    return bootstrapInterval(values);
  };
  return {
    name,
    perplexity: Math.exp(all),
    nll: all,
    kl: kl ? mean(kl, 0, kl.length) : null,
    top1_agreement: agrees ? mean(agrees, 0, agrees.length) : null,
    windows,
    intervals: {
      perplexity: bootstrapInterval(
        windows.map((window) => window.nll),
        Math.exp,
      ),
      kl: each('kl'),
      top1_agreement: each('top1_agreement'),
    },
  };
}

function mean(values: ArrayLike<number>, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += values[i]!;
  return sum / (end - start);
}
