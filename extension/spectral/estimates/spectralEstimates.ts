/**
 * Numbers of a spectrum that nobody has computed, from a block Krylov run: the largest singular values, and sums over all of
 * them by stochastic Lanczos quadrature. ‖W‖² must be known exactly: it is the sum of all eigenvalues, and sums that go
 * along with it are corrected by it.
 *
 * An interval has two parts. The quadrature is off by what its nodes do not resolve: Gauss and Gauss–Radau rules lie on
 * opposite sides of each sum. And random vectors stand for all: their variance is that of a Haar-random frame.
 *
 * @see Ubaru, Chen & Saad 2017, "Fast estimation of tr(f(A)) via stochastic Lanczos quadrature"
 * @see Golub & Meurant 2010, "Matrices, Moments and Quadrature with Applications"
 * @see Meyer, Musco, Musco & Woodruff 2021, "Hutch++"
 */
import type { KrylovRun, Quadrature } from '../../linalg/singular/krylovRun';
import type { Estimate } from '../../shared/estimates';
import { largestOf, smallestOf } from '../../shared/extremes';
import type { MetricKey } from '../../shared/metricTable';
import { missedAbove, missedBelow } from './missedBound';

/** Residuals up to this share of the Ritz value: the pair is an eigenpair for all that is asked here. */
const CONVERGED = 1e-3;

/** Single-precision products move the largest eigenvalues by less than this share of λ₁ … */
const ROUNDING = 4e-6;

/** … and small ones by this share of it. Errors of either sign average out; at 0 they do not, as no λ is below it. */
const SMALL_ROUNDING = 1e-6;

/** Quantile of the normal distribution at 97.5 %. */
const NORMAL_QUANTILE = 1.959964;

/** Singular values that are listed at most. */
const MOST_LISTED = 8;

/** Deviations by which the weight of simple eigenvalues may exceed what is expected. */
const WEIGHT_DEVIATIONS = 4;

export interface SpectralEstimates {
  /** Keys of the metric table. */
  metrics: Partial<Record<MetricKey, Estimate>>;
  /** The largest first; as many as are known apart. */
  singularValues: Estimate[];
}

/**
 * @param run on WᵀW or WWᵀ, whichever is smaller
 * @param squaredNorm ‖W‖², above 0
 */
export function spectralEstimates(run: KrylovRun, squaredNorm: number): SpectralEstimates {
  const eigenvalues = largest(run);
  const [first] = eigenvalues;
  if (!first) return { metrics: {}, singularValues: [] };
  const sums = new TraceEstimates(run, squaredNorm);
  const nuclear = sums.nuclear();
  return {
    metrics: {
      spectral_norm: first,
      log_spectral_norm: mapped(first, Math.log10),
      log_lipschitz: mapped(first, (value) => Math.log(value) / 2),
      stable_rank: mapped(first, (value) => Math.max(1, squaredNorm / value)),
      nuclear_norm: nuclear,
      effective_rank: mapped(sums.singularEntropy(), (entropy) => clamp(Math.exp(entropy), 1, run.n)),
      von_neumann_entropy: mapped(sums.eigenvalueEntropy(), (entropy) => clamp(entropy, 0, Math.log(run.n))),
    },
    singularValues: eigenvalues.map((each) => mapped(each, Math.sqrt)),
  };
}

/** λ₁ and those after it whose larger ones have all converged. */
function largest(run: KrylovRun): Estimate[] {
  const { ritz, residuals, n, block, steps, invariant } = run;
  const { nodes } = ritz;
  const found: Estimate[] = [];
  const converged: number[] = [];
  const slack = ROUNDING * (nodes[0] ?? 0);
  for (let i = 0; i < Math.min(MOST_LISTED, nodes.length); i++) {
    const value = nodes[i]!;
    if (!(value > slack)) break;
    const residual = residuals[i]!;
    const bounds = [missedBelow({ n, block, steps, value, converged })];
    // λ₁ may also be bounded by what its own convergence leaves for another one above it.
    if (i === 0 && residual <= CONVERGED * value && nodes[1]! > 0) bounds.push(aboveConverged(run));
    const high = invariant ? value : Math.max(value, smallestOf(bounds));
    const listed = { value, low: value - slack, high: Math.min(high, found[i - 1]?.high ?? Infinity) + slack };
    found.push(listed);
    if (!(residual <= CONVERGED * value)) break;
    converged.push(value);
  }
  return found;
}

/** How large an eigenvalue above the converged λ₁ could be, or how far that one is off. */
function aboveConverged({ ritz, residuals, n, block, steps }: KrylovRun): number {
  const [first, second] = ritz.nodes;
  const missed = missedAbove({ n, block, steps, value: second!, converged: [first!] });
  return Math.max(first! + residuals[0]!, missed);
}

/** Weights and nodes of what was not found one by one, each weight divided by all of them. */
interface Rest {
  nodes: Float64Array;
  weights: Float64Array;
}

class TraceEstimates {
  /** Eigenvalues that are known one by one. */
  private readonly known: Float64Array;
  /** How many are not, and what their mean is. */
  private readonly count: number;
  private readonly mean: number;
  private readonly rules: { gauss: Rest; dual: Rest };

  constructor(
    private readonly run: KrylovRun,
    private readonly squaredNorm: number,
  ) {
    const { n, ritz } = run;
    const count = knownCount(run);
    this.known = ritz.nodes.slice(0, count);
    this.count = n - count;
    const sum = this.known.reduce((total, value) => total + value, 0);
    this.mean = this.count > 0 ? Math.max(0, squaredNorm - sum) / this.count : 0;
    this.rules = { gauss: restOf(ritz, count), dual: restOf(run.dual, count, ritz) };
  }

  /** Σσ. */
  nuclear(): Estimate {
    return between(this.sums(Math.sqrt), this.reach(Math.sqrt));
  }

  /** −Σ q ln q of q = σ/Σσ. */
  singularEntropy(): Estimate {
    const term = (value: number): number => (value > 0 ? Math.sqrt(value) * (Math.log(value) / 2) : 0);
    const nuclear = this.sums(Math.sqrt);
    const product = this.sums(term);
    const entropies = [0, 1].map((side) => Math.log(nuclear[side]!) - product[side]! / nuclear[side]!);
    const [total, sum] = [nuclear[0], product[0]];
    // What one more eigenvalue would change.
    const influence = (value: number): number =>
      Math.sqrt(value) * (1 / total + sum / total ** 2) - term(value) / total;
    return between(entropies, this.reach(influence));
  }

  /** −Σ p ln p of p = λ/Σλ. */
  eigenvalueEntropy(): Estimate {
    const { squaredNorm } = this;
    const term = (value: number): number => (value > 0 ? (-value / squaredNorm) * Math.log(value / squaredNorm) : 0);
    return between(this.sums(term), this.reach(term));
  }

  /** Σ f(λ) by both rules. */
  private sums(f: (value: number) => number): [number, number] {
    const known = this.known.reduce((total, value) => total + f(value), 0);
    if (this.count === 0) return [known, known];
    const sum = (rest: Rest): number => known + this.count * this.corrected(rest, f).mean;
    return [sum(this.rules.gauss), sum(this.rules.dual)];
  }

  /** How far chance and rounding may put Σ f(λ) off. */
  private reach(f: (value: number) => number): number {
    const { block, n, ritz } = this.run;
    const rounding = SMALL_ROUNDING * (ritz.nodes[0] ?? 0);
    const moved = (value: number): number => {
      const shift = value + rounding > 0 ? rounding ** 2 / (value + rounding) : 0;
      return Math.abs(f(value + shift) - f(Math.max(0, value - shift))) / 2;
    };
    const known = this.known.reduce((sum, value) => sum + moved(value), 0);
    if (this.count === 0) return known;
    const { gauss } = this.rules;
    const { variance } = this.corrected(gauss, f);
    const deviation = this.count * Math.sqrt(((2 * variance) / (block * this.count)) * (1 - block / n));
    const rest = this.count * gauss.nodes.reduce((sum, value, i) => sum + gauss.weights[i]! * moved(value), 0);
    return NORMAL_QUANTILE * deviation + known + rest;
  }

  /** The mean of f, moved along with the mean of λ to where that must be; and the variance of what is not explained so. */
  private corrected({ nodes, weights }: Rest, f: (value: number) => number): { mean: number; variance: number } {
    const values = nodes.map(f);
    const average = (of: Float64Array): number => of.reduce((sum, value, i) => sum + weights[i]! * value, 0);
    const [meanNode, meanValue] = [average(nodes), average(values)];
    const spread = average(nodes.map((node) => (node - meanNode) ** 2));
    const together = average(nodes.map((node, i) => (node - meanNode) * (values[i]! - meanValue)));
    const slope = spread > 0 ? together / spread : 0;
    const variance = average(nodes.map((node, i) => (values[i]! - meanValue - slope * (node - meanNode)) ** 2));
    return { mean: meanValue + slope * (this.mean - meanNode), variance };
  }
}

/** How many of the largest have converged and stand for one eigenvalue each: one of many copies has more weight. */
function knownCount({ ritz, residuals, n, block, invariant }: KrylovRun): number {
  const { nodes, weights } = ritz;
  if (invariant && nodes.length === n) return n;
  let weight = 0;
  for (let count = 0; count < nodes.length; count++) {
    weight += n * weights[count]!;
    const most = count + 1 + WEIGHT_DEVIATIONS * Math.sqrt((2 * (count + 1)) / block);
    if (!(nodes[count]! > 0) || residuals[count]! > CONVERGED * nodes[count]! || weight > most) return count;
  }
  return 0;
}

/** What is left of a rule. The second one's weights are of λ·dμ: what they lack to the first one's lies at 0. */
function restOf(rule: Quadrature, known: number, whole?: Quadrature): Rest {
  const nodes = rule.nodes.slice(known);
  const weights = rule.weights.slice(known);
  const total = (whole ?? rule).weights.slice(known).reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0)) return { nodes: Float64Array.of(0), weights: Float64Array.of(1) };
  const atZero = whole ? Math.max(0, total - weights.reduce((sum, weight) => sum + weight, 0)) : 0;
  return {
    nodes: Float64Array.from([...nodes, 0]),
    weights: Float64Array.from([...weights, atZero], (weight) => weight / total),
  };
}

/** Holds what both rules say, and what may be between each and the truth. */
function between(values: readonly number[], reach: number): Estimate {
  const [low, high] = [smallestOf(values), largestOf(values)];
  const value = (low + high) / 2;
  const around = reach + ROUNDING * Math.abs(value);
  return { value, low: low - around, high: high + around };
}

/** A monotone function of an estimate. */
function mapped({ value, low, high }: Estimate, f: (value: number) => number): Estimate {
  const [a, b] = [f(low), f(high)];
  return { value: f(value), low: Math.min(a, b), high: Math.max(a, b) };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
