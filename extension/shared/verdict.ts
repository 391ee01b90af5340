/**
 * What a layer's alpha says of its training, and what that rests on: WeightWatcher's ranges of alpha, given only if the
 * fit, the tail and the bulk bear them out. Everything in the product that judges alpha does so by `verdictOn`.
 *
 * @see Martin & Mahoney, WeightWatcher (ranges); Clauset, Shalizi & Newman 2009 (what makes a power law plausible);
 *   Stephens 1974, "EDF Statistics for Goodness of Fit and Some Comparisons", table 1.4 (critical values of D)
 */
import { bulkWords, entryWords, shuffledWords } from './verdictWords';
import { listWords } from './findings/numberWords';
import { l10n } from './language/l10n';
import { lawName } from './lawNames';
import type { GoodnessOfFit, PowerLawFit, TailShape } from './layers';

/** WeightWatcher's ranges of alpha. */
export const OVER_TRAINED = 2;
export const UNDER_TRAINED = 6;

/** Fewer values leave alpha's standard error above a fifth of α − 1, and no law of four can be told from another. */
const LEAST_TAIL = 20;

/** A smaller share of the spectrum is a handful of directions, not the layer; it counts beyond 1000 eigenvalues. */
const LEAST_TAIL_SHARE = 0.02;

/**
 * At least this share of the tail, and this many, must lie above the random bulk: else alpha is the slope of the bulk's
 * own edge. One value alone gets there by chance. Random entries of a heavy-tailed law have spikes in any order: if one
 * entry is large enough for that, only shuffling them (`aboveShuffled`) tells (`entryCheck`).
 */
const LEAST_SPIKE_SHARE = 0.05;
const LEAST_SPIKES = 2;

/** λ₁, of what the largest entry makes by itself: less is random entries of a heavy-tailed law (`entryCheck`). */
const LEAST_BEYOND_ENTRY = 2;

/** Clauset, Shalizi and Newman's bound on the bootstrap's p: at or below it the power law is refused. */
export const IMPLAUSIBLE = 0.1;

/** Exact zeros, of all entries: half of a triangular matrix; ternary weights have up to 0.45. */
const MOST_ZEROS = 0.45;

/** Standard errors of alpha that must lie on one side of a limit: 95 % of the normal law. */
const SPREAD = 2;

/** FARMS windows of nearly the matrix's own aspect ratio say nothing of what its shape does. */
const LEAST_ELONGATION = 1.5;

export type Verdict =
  | 'typical of over-trained or over-fitted layers'
  | 'typical of well-trained layers'
  | 'typical of under-trained layers'
  | 'no verdict';

/** One thing that a verdict needs. */
export interface VerdictCheck {
  /** `subject` and `fit` come alone: without them nothing else can be asked. */
  check:
    | 'subject'
    | 'fit'
    | 'tail'
    | 'spikes'
    | 'shuffled'
    | 'entries'
    | 'zeros'
    | 'distance'
    | 'bootstrap'
    | 'law'
    | 'limits'
    | 'shape';
  holds: boolean;
  /** What was found, and what is needed, as numbers where they are some. */
  value: number | number[] | string | null;
  needed: number | number[] | string | null;
  /** Why it does not hold; what holds, where it does. */
  words: string;
}

export interface JudgedAlpha {
  verdict: Verdict;
  /** One sentence with alpha, its standard error, FARMS's alpha, and why it is so. */
  verdict_reason: string;
  verdict_evidence: VerdictCheck[];
}

export interface VerdictInput {
  /** What the matrix is where it is no weight of the model (optimizer state): its alpha says nothing of training. */
  notModel?: string | undefined;
  /** The fit of alpha, WeightWatcher's (`KS`); absent where there is no spectrum. */
  fit: PowerLawFit | undefined;
  /** Eigenvalues of the spectrum, all of them. */
  count: number;
  /** The law that the tail of `fit` follows. */
  tailShape: TailShape | undefined;
  /** λ above the random bulk; null where no bulk was found, for the reason in `noBulk`. */
  spikes: number | null;
  noBulk?: string | undefined;
  /** λ above those of the matrix with its entries shuffled, where that was asked for. */
  aboveShuffled?: number | null | undefined;
  /** Set for a layer with a random bulk. */
  entries?: EntryEvidence | undefined;
  /** Share of entries that are exactly zero. */
  zeroShare?: number | undefined;
  /** Bootstrap of `fit`, where it was asked for. */
  goodness?: GoodnessOfFit | undefined;
  farms?: FarmsEvidence | undefined;
}

/** The largest entry of an N × M matrix, in absolute value, the standard deviation of its random bulk, and λ₁. */
export interface EntryEvidence {
  largest: number;
  lambda1: number;
  sigma: number;
  N: number;
  M: number;
}

/** Alpha at one aspect ratio, beside the same rule on the whole matrix. */
export interface FarmsEvidence {
  alpha: number;
  interval?: readonly [number, number] | undefined;
  /** Aspect ratio of the windows, and of the matrix. */
  windowQ: number;
  Q: number;
  /** Alpha of the whole matrix by the rule that FARMS fitted with. */
  sameRule: number | null;
}

/**
 * The largest KS distance that chance explains in a power law's tail: 90 % of tails of `n` values from a power law have a
 * smaller one, from xmin on and alpha fitted to them. In ln λ such a tail is exponential, for which Stephens gives D·√n
 * 0.990 at 10 %; 0.63 added to √n carries it to small n for our D, whose first value is xmin itself (from simulation; a
 * test repeats it).
 *
 * It is the bound for a given xmin. As xmin was chosen for the smallest D, fewer than 10 % of true power laws are refused:
 * on 200 fits to real layers it refused none that the bootstrap (`goodness`, p > 0.1) accepts. What it lets pass, the
 * comparison with other laws and the bootstrap have still to accept; where the bootstrap was asked for, its p takes the
 * place of this bound.
 *
 * @param n number of values in the tail
 */
export function criticalDistance(n: number): number {
  return 0.99 / (Math.sqrt(n) + 0.63);
}

/** Places a fit's alpha in WeightWatcher's range, whatever it rests on; a verdict needs more. */
export function alphaRange(alpha: number): 'below' | 'within' | 'above' {
  if (alpha < OVER_TRAINED) return 'below';
  return alpha > UNDER_TRAINED ? 'above' : 'within';
}

const VERDICTS: Record<ReturnType<typeof alphaRange>, Verdict> = {
  below: 'typical of over-trained or over-fitted layers',
  within: 'typical of well-trained layers',
  above: 'typical of under-trained layers',
};

/** The verdict in the reader's language. */
export function verdictName(verdict: Verdict): string {
  switch (verdict) {
    case 'typical of over-trained or over-fitted layers':
      return l10n.t('typical of over-trained or over-fitted layers');
    case 'typical of well-trained layers':
      return l10n.t('typical of well-trained layers');
    case 'typical of under-trained layers':
      return l10n.t('typical of under-trained layers');
    case 'no verdict':
      return l10n.t('no verdict');
  }
}

/** @param found alpha with its error */
function rangeSentence(range: ReturnType<typeof alphaRange>, found: string): string {
  switch (range) {
    case 'below':
      return l10n.t('{0} is below {1}, typical of over-trained or over-fitted layers', found, OVER_TRAINED);
    case 'within':
      return l10n.t('{0} is in {1}–{2}, typical of well-trained layers', found, OVER_TRAINED, UNDER_TRAINED);
    case 'above':
      return l10n.t('{0} is above {1}, typical of under-trained layers', found, UNDER_TRAINED);
  }
}

/**
 * The one judgement of alpha: its range where every check holds, else `no verdict` with what is missing. Never throws; what
 * was not asked for (shuffling, bootstrap, FARMS) is no check.
 */
export function verdictOn(input: VerdictInput): JudgedAlpha {
  const { fit, notModel, farms } = input;
  const beside = farms ? `; ${farmsWords(farms)}` : '';
  const alone = (check: VerdictCheck): JudgedAlpha => ({
    verdict: 'no verdict',
    verdict_reason: l10n.t('no verdict: {0}', check.words) + beside,
    verdict_evidence: [check],
  });
  if (notModel !== undefined) {
    const words = l10n.t(
      'it is no weight of the model ({0}), and its alpha does not tell how well anything is trained',
      l10n.known(notModel),
    );
    return alone({ check: 'subject', holds: false, value: notModel, needed: 'a weight', words });
  }
  const fitted = fittedTail(fit);
  if (!fitted) {
    const words = l10n.t(
      'no power-law fit: {0}',
      fit?.reason === undefined ? l10n.t('there is no spectrum') : l10n.known(fit.reason),
    );
    return alone({ check: 'fit', holds: false, value: fit?.status ?? null, needed: 'success', words });
  }
  const { alpha, sigma } = fitted;
  const evidence = checksOf(input, fitted);
  const missing = evidence.filter(({ holds }) => !holds);
  const range = alphaRange(alpha);
  const found = `α ${short(alpha)} ± ${short(sigma)}`;
  if (missing.length === 0) {
    return {
      verdict: VERDICTS[range],
      verdict_reason: rangeSentence(range, found) + beside,
      verdict_evidence: evidence,
    };
  }
  const why = missing.map(({ words }) => words).join('; ');
  return {
    verdict: 'no verdict',
    verdict_reason: l10n.t('no verdict on {0}: {1}', found, why) + beside,
    verdict_evidence: evidence,
  };
}

interface FittedTail {
  alpha: number;
  sigma: number;
  D: number;
  n: number;
}

function fittedTail(fit: PowerLawFit | undefined): FittedTail | undefined {
  // A narrow tail has an alpha, as WeightWatcher does, and no law to read it by.
  if (fit?.status !== 'success' || fit.narrow) return undefined;
  const { alpha, sigma, D, num_pl_spikes: n } = fit;
  return alpha === null || sigma === null || D === null || n === null ? undefined : { alpha, sigma, D, n };
}

function checksOf(input: VerdictInput, tail: FittedTail): VerdictCheck[] {
  const { aboveShuffled, entries, goodness, farms } = input;
  return [
    tailCheck(tail.n, input.count),
    spikeCheck(tail.n, input),
    // If no bulk was found, the check before uses the shuffled matrix instead.
    ...(aboveShuffled == null || input.spikes === null ? [] : [shuffledCheck(aboveShuffled, tail.n)]),
    ...(input.zeroShare === undefined ? [] : [zeroCheck(input.zeroShare)]),
    ...(aboveShuffled == null && entries ? [entryCheck(entries)] : []),
    goodness?.p == null ? distanceCheck(tail) : bootstrapCheck(goodness.p),
    lawCheck(input.tailShape),
    limitCheck(tail),
    ...(farms ? [shapeCheck(tail.alpha, farms)] : []),
  ];
}

function tailCheck(n: number, count: number): VerdictCheck {
  const needed = Math.max(LEAST_TAIL, Math.ceil(LEAST_TAIL_SHARE * count));
  const holds = n >= needed;
  const words = holds
    ? l10n.t('its tail has {0} of {1} eigenvalues', n, count)
    : l10n.t('its tail has {0} of {1} eigenvalues, and {2} are needed', n, count, needed);
  return { check: 'tail', holds, value: n, needed, words };
}

/** One value above the edge comes there by chance. */
function neededSpikes(n: number): number {
  return Math.max(LEAST_SPIKES, Math.ceil(LEAST_SPIKE_SHARE * n));
}

function spikeCheck(n: number, { spikes, noBulk, aboveShuffled }: VerdictInput): VerdictCheck {
  const needed = neededSpikes(n);
  const about = { check: 'spikes', needed } as const;
  if (spikes === null) {
    // The shuffled matrix shows where chance ends, too.
    const holds = aboveShuffled != null && aboveShuffled >= needed;
    const words = holds
      ? l10n.t('{0} eigenvalues are above those of the shuffled matrix', aboveShuffled)
      : l10n.t(
          'no random bulk was found to compare it with ({0})',
          noBulk == null ? l10n.t('it was not fitted') : l10n.known(noBulk),
        );
    return { ...about, holds, value: aboveShuffled ?? null, words };
  }
  const value = Math.min(spikes, n);
  const holds = value >= needed;
  const words = bulkWords(holds, value, n, needed);
  return { ...about, holds, value, words };
}

function shuffledCheck(value: number, n: number): VerdictCheck {
  const needed = neededSpikes(n);
  const holds = value >= needed;
  const words = shuffledWords(holds, value, needed);
  return { check: 'shuffled', holds, value, needed, words };
}

/** Causal masks, triangular and block-diagonal matrices have tails like trained ones, and were never trained. */
function zeroCheck(value: number): VerdictCheck {
  const holds = value <= MOST_ZEROS;
  const share = (100 * value).toFixed(0);
  const words = holds
    ? l10n.t('{0} % of its entries are exactly zero', share)
    : l10n.t('{0} % of its entries are exactly zero, as of a mask, a triangular or a pruned matrix', share);
  return { check: 'zeros', holds, value, needed: MOST_ZEROS, words };
}

/**
 * One entry w alone is a matrix of rank one and norm |w|. Added to N × M entries of standard deviation σ it leaves the
 * bulk if w² > σ²√(NM), with an eigenvalue of (w² + σ²N)(w² + σ²M)/w² (Benaych-Georges & Nadakuditi 2012). If λ₁ is no
 * more than `LEAST_BEYOND_ENTRY` times that, the largest entry explains it: a quarter of matrices of independent
 * Student-t entries with 3 degrees of freedom have all other evidence of training, and their λ₁ is 0.9 to 1.8 times
 * that. For trained layers it is nearly always more.
 */
function entryCheck({ largest, lambda1, sigma, N, M }: EntryEvidence): VerdictCheck {
  const [square, variance] = [largest ** 2, sigma ** 2];
  const alone = ((square + variance * N) * (square + variance * M)) / square;
  const needed = lambda1 / LEAST_BEYOND_ENTRY;
  const holds = square <= variance * Math.sqrt(N * M) || alone < needed;
  const words = entryWords(holds, largest, alone, lambda1);
  return { check: 'entries', holds, value: alone, needed, words };
}

function distanceCheck({ D, n }: FittedTail): VerdictCheck {
  const needed = criticalDistance(n);
  const holds = D <= needed;
  const values = [D.toPrecision(3), needed.toPrecision(3), n] as const;
  const words = holds
    ? l10n.t('D {0} is within {1}, the 90 % bound of a power law’s {2} values', ...values)
    : l10n.t('D {0} is beyond {1}, the 90 % bound of a power law’s {2} values', ...values);
  return { check: 'distance', holds, value: D, needed, words };
}

function bootstrapCheck(p: number): VerdictCheck {
  const holds = p > IMPLAUSIBLE;
  const words = holds
    ? l10n.t('the bootstrap accepts a power law (p {0})', short(p))
    : l10n.t('the bootstrap refuses a power law (p {0})', short(p));
  return { check: 'bootstrap', holds, value: p, needed: IMPLAUSIBLE, words };
}

function lawCheck(shape: TailShape | undefined): VerdictCheck {
  const about = { check: 'law', needed: 'no other law significantly better' } as const;
  if (shape?.law === undefined) {
    return {
      ...about,
      holds: false,
      value: null,
      words: l10n.t('other laws were not compared ({0})', l10n.known(shape?.reason ?? 'unknown')),
    };
  }
  const holds = shape.law === 'power_law' || shape.law === 'undecided';
  const words = holds
    ? l10n.t('no other law fits its tail significantly better')
    : l10n.t('another law fits its tail significantly better ({0})', lawName(shape.law));
  return { ...about, holds, value: shape.law, words };
}

function limitCheck({ alpha, sigma }: FittedTail): VerdictCheck {
  const [low, high] = [alpha - SPREAD * sigma, alpha + SPREAD * sigma];
  const crossed = [OVER_TRAINED, UNDER_TRAINED].filter((limit) => low <= limit && limit <= high);
  const holds = crossed.length === 0;
  const values = [SPREAD, short(low), short(high)] as const;
  const words = holds
    ? l10n.t('α ± {0}σ is {1} to {2}', ...values)
    : l10n.t('α ± {0}σ is {1} to {2}, on both sides of {3}', ...values, listWords(crossed.map(String)));
  return { check: 'limits', holds, value: [low, high], needed: [OVER_TRAINED, UNDER_TRAINED], words };
}

/** Longer matrices have larger alphas whatever they learned: FARMS measures all at one aspect ratio. */
function shapeCheck(alpha: number, { alpha: farmsAlpha, interval, windowQ, Q, sameRule }: FarmsEvidence): VerdictCheck {
  const elongated = Q >= LEAST_ELONGATION * Math.max(1, windowQ);
  const explained =
    elongated &&
    alpha > UNDER_TRAINED &&
    sameRule !== null &&
    sameRule > UNDER_TRAINED &&
    (interval?.[1] ?? farmsAlpha) <= UNDER_TRAINED;
  const words = explained
    ? l10n.t('its shape ({0} times as long as wide) explains an alpha above {1}', short(Q), UNDER_TRAINED)
    : l10n.t('its shape does not explain the value');
  const needed = `above ${UNDER_TRAINED} at one aspect ratio, too, where Q explains alpha`;
  return { check: 'shape', holds: !explained, value: farmsAlpha, needed, words };
}

function farmsWords({ alpha, interval, windowQ }: FarmsEvidence): string {
  const values = [short(alpha), short(windowQ)] as const;
  return interval
    ? l10n.t('FARMS α {0} ({2}), at aspect ratio {1}', ...values, interval.map(short).join('–'))
    : l10n.t('FARMS α {0}, at aspect ratio {1}', ...values);
}

/** Two decimals at most; an alpha in the millions is told as such. */
function short(value: number): string {
  return Math.abs(value) < 1e4 ? String(Number(value.toFixed(2))) : value.toExponential(1);
}
