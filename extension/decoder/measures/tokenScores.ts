/**
 * How well a model foretells the tokens of windows, and how far another one is from it: negative log-likelihoods, KL divergence
 * of the next token's distribution, and whether both find the same token likeliest. Logits are made for some rows and a part of
 * the vocabulary at a time, and only sums are kept (log-sum-exp with a running maximum, in float64).
 */
import { largestOf } from '../../shared/extremes';
import { DecoderError } from '../decoderError';
import type { DecoderDescription } from '../families/family';
import type { Batch } from '../pass/hiddenStates';
import type { Sessions } from '../pass/sessions';
import type { WeightSource } from '../weights/weightSource';
import { headPart, logitsOf, vocabularyOf, type HeadPart } from './logits';

export interface ScoreLimits {
  /** Bytes of the parts of all output matrices that are in memory at a time. */
  readonly headBytes: number;
  /** Bytes of the logits of one model at a time. */
  readonly logitBytes: number;
}

const LIMITS: ScoreLimits = { headBytes: 256 * 1024 * 1024, logitBytes: 32 * 1024 * 1024 };

/** A model whose windows went through all blocks and the last norm. */
export interface Scored {
  readonly name: string;
  readonly description: DecoderDescription;
  readonly source: WeightSource;
  readonly batches: readonly Batch[];
}

/** By window and token, windows × (length − 1): the first token of a window is not scored. */
export interface TokenScores {
  /** −ln p of the token that stands there, in nats. */
  readonly nll: Float64Array;
  /** Of the first model's distribution from this one's, in nats; undefined for the first model. */
  readonly kl?: Float64Array;
  /** 1 if both models find the same token likeliest; undefined for the first model. */
  readonly agrees?: Uint8Array;
}

interface ScoreOptions {
  readonly sessions: Sessions;
  readonly signal?: AbortSignal;
  readonly progress?: (fraction: number) => void;
  readonly limits?: ScoreLimits;
}

/**
 * @param models the first one is what the others are compared with; all of the same windows
 * @throws DecoderError `unsupported` if they have other vocabularies, `not-finite`; as `WeightSource`
 */
export async function scoreTokens(
  models: readonly Scored[],
  windows: readonly Int32Array[],
  { sessions, signal, progress, limits = LIMITS }: ScoreOptions,
): Promise<TokenScores[]> {
  const length = windows[0]!.length;
  const words = models.map(({ description, source }) => vocabularyOf(description, source));
  const other = words.findIndex((count) => count !== words[0]);
  if (other >= 0) {
    throw new DecoderError(
      'unsupported',
      `${models[other]!.name} has logits for ${words[other]} tokens, and ${models[0]!.name} for ${words[0]}; ` +
        'compare models of one vocabulary',
    );
  }
  const vocabulary = words[0]!;
  const widest = largestOf(models.map(({ batches: [first] }) => first!.states.length / (first!.count * length)));
  const atOnce = Math.max(1, Math.floor(limits.headBytes / (4 * widest * models.length)));
  const parts = Math.ceil(vocabulary / atOnce);
  const sums = new Sums(windows, models.length);
  for (let part = 0; part < parts; part++) {
    const range = {
      start: Math.floor((part * vocabulary) / parts),
      end: Math.floor(((part + 1) * vocabulary) / parts),
    };
    const heads: HeadPart[] = [];
    for (const { description, source } of models) heads.push(await headPart(description, source, range, signal));
    const rowsAtOnce = Math.max(1, Math.floor(limits.logitBytes / (4 * (range.end - range.start))));
    for (const [index, { first, count }] of models[0]!.batches.entries()) {
      for (let row = 0; row < count * length; row += rowsAtOnce) {
        signal?.throwIfAborted();
        const end = Math.min(count * length, row + rowsAtOnce);
        const logits: Float32Array[] = [];
        for (const [at, { batches }] of models.entries()) {
          const head = heads[at]!;
          const states = batches[index]!.states.subarray(row * head.width, end * head.width);
          logits.push(await logitsOf(head, states, sessions));
        }
        sums.add(logits, first * length + row, range);
        progress?.((part + (first + end / length) / windows.length) / parts);
      }
    }
  }
  return sums.scores(models);
}

/** Sums of one model over the words that were seen so far, for each row. */
interface RowSums {
  readonly largest: Float64Array;
  readonly likeliest: Int32Array;
  /** Σ e^(logit − largest) */
  readonly exponentials: Float64Array;
  /** Logit of the token that comes next. */
  readonly target: Float64Array;
  /** Σ e^(a − largest a)·(a − b), a the first model's logits and b this one's. */
  readonly cross: Float64Array;
}

class Sums {
  private readonly models: readonly RowSums[];
  private readonly length: number;
  private readonly rows: number;

  constructor(
    private readonly windows: readonly Int32Array[],
    models: number,
  ) {
    this.length = windows[0]!.length;
    this.rows = windows.length * this.length;
    this.models = Array.from({ length: models }, () => ({
      largest: new Float64Array(this.rows).fill(-Infinity),
      likeliest: new Int32Array(this.rows),
      exponentials: new Float64Array(this.rows),
      target: new Float64Array(this.rows).fill(NaN),
      cross: new Float64Array(this.rows),
    }));
  }

  /** @param logits of each model, rows × words; `firstRow` of all windows' rows */
  add(logits: readonly Float32Array[], firstRow: number, { start, end }: { start: number; end: number }): void {
    const words = end - start;
    const count = logits[0]!.length / words;
    const weights = new Float64Array(words);
    for (let i = 0; i < count; i++) {
      const row = firstRow + i;
      const next = this.nextToken(row);
      if (next === undefined) continue;
      const own = logits.map((each) => each.subarray(i * words, (i + 1) * words));
      const before = this.models[0]!.largest[row]!;
      for (const [model, values] of own.entries()) {
        const sums = this.models[model]!;
        const shrunk = raised(sums, row, values, start);
        const { exponentials, largest, target } = sums;
        const most = largest[row]!;
        let sum = exponentials[row]! * shrunk;
        if (model === 0) {
          for (let word = 0; word < words; word++) sum += weights[word] = Math.exp(values[word]! - most);
        } else {
          for (let word = 0; word < words; word++) sum += Math.exp(values[word]! - most);
        }
        exponentials[row] = sum;
        if (next >= start && next < end) target[row] = values[next - start]!;
      }
      const [first] = own;
      const shrunk = Math.exp(before - this.models[0]!.largest[row]!);
      for (let model = 1; model < own.length; model++) {
        const { cross } = this.models[model]!;
        const values = own[model]!;
        let sum = cross[row]! * shrunk;
        for (let word = 0; word < words; word++) sum += weights[word]! * (first![word]! - values[word]!);
        cross[row] = sum;
      }
    }
  }

  /** @throws DecoderError `not-finite` */
  scores(models: readonly Scored[]): TokenScores[] {
    const scored = this.length - 1;
    const logSum = ({ largest, exponentials }: RowSums, row: number): number =>
      largest[row]! + Math.log(exponentials[row]!);
    const [reference] = this.models;
    return this.models.map((sums, model) => {
      const size = this.windows.length * scored;
      const [nll, kl, agrees] = [new Float64Array(size), new Float64Array(size), new Uint8Array(size)];
      for (let i = 0; i < size; i++) {
        const row = Math.floor(i / scored) * this.length + (i % scored);
        const all = logSum(sums, row);
        nll[i] = all - sums.target[row]!;
        if (!Number.isFinite(nll[i])) {
          const where = `token ${(i % scored) + 2} of window ${Math.floor(i / scored) + 1}`;
          throw new DecoderError('not-finite', `${models[model]!.name}: the logits for ${where} hold NaN or infinity`);
        }
        const difference = sums.cross[row]! / reference!.exponentials[row]! - logSum(reference!, row) + all;
        // Below zero it is rounding.
        kl[i] = Math.max(0, difference);
        agrees[i] = Number(sums.likeliest[row] === reference!.likeliest[row]);
      }
      return model === 0 ? { nll } : { nll, kl, agrees };
    });
  }

  /** The token behind a row; undefined for a window's last. */
  private nextToken(row: number): number | undefined {
    const { length, windows } = this;
    return windows[Math.floor(row / length)]![(row % length) + 1];
  }
}

/** Takes the largest of more logits in. @returns what earlier sums of exponentials shrink by */
function raised({ largest, likeliest }: RowSums, row: number, values: Float32Array, start: number): number {
  const before = largest[row]!;
  let [most, at] = [before, likeliest[row]!];
  for (let word = 0; word < values.length; word++) {
    if (values[word]! > most) [most, at] = [values[word]!, start + word];
  }
  largest[row] = most;
  likeliest[row] = at;
  return before === -Infinity ? 0 : Math.exp(before - most);
}
