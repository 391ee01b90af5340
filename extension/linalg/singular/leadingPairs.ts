/**
 * The largest eigenpairs of WᵀW by block Krylov, with a check that none was missed: a block of b vectors sees b copies
 * of an eigenvalue, and a spectrum may hold more.
 */
import type { MatrixProducts } from '../products/productTypes';
import type { BandProducts } from './rowBandProducts';
import { leadingSubspace, type LeadingSubspace, type SolveSymmetric, type SubspaceProblem } from './leadingSubspace';
import { takeOutRows } from './orthonormalRows';

/** Vectors beyond k in a block that holds them all: they bring the k-th to converge as fast as the first. */
const OVERSAMPLING = 8;
/** Larger blocks take fewer passes over W, but a larger basis and more time in all (16 … 128 measured). */
const LARGEST_BLOCK = 32;
/** A basis holds at least k vectors and so many blocks: the one that is kept with them at a restart, and two new ones. */
const LEAST_BLOCKS = 3;

/** Limits of the check for missed vectors: enough to see an eigenvalue that stands out, in 8 cheap passes. */
const PROBE = { block: 8, capacity: 64, restarts: 0 };
/** An eigenvalue that is larger than the k-th by less was not missed: the two are as good. */
const PROBE_TOLERANCE = 1e-6;
const PROBE_ROUNDING = 1e-13;

/** What the work is done with. */
export interface SingularTools {
  readonly products: MatrixProducts;
  readonly solve: SolveSymmetric;
  readonly signal?: AbortSignal;
}

export interface PairLimits {
  /** Vectors the basis may hold; at least `leastCapacity(k)`. */
  capacity: number;
  /** How often the basis may be filled anew. */
  restarts: number;
}

export function leastCapacity(k: number): number {
  return k + LEAST_BLOCKS * blockOf(k);
}

function blockOf(k: number): number {
  return Math.min(LARGEST_BLOCK, k + OVERSAMPLING);
}

/**
 * @param enough as in `leadingSubspace`
 * @returns eigenvalues σ² and right singular vectors (k×cols)
 * @throws DOMException `AbortError` when the signal fires; what the products and `solve` throw
 */
export async function leadingPairs(
  matrix: BandProducts,
  k: number,
  tools: SingularTools,
  limits: PairLimits,
  enough: (values: Float64Array, residuals: Float64Array) => boolean,
): Promise<LeadingSubspace> {
  const { products, solve, signal } = tools;
  const apply = (x: Float64Array, count: number): Promise<Float64Array> => matrix.normalImages(x, count, signal);
  const problem = { n: matrix.cols, apply, products, solve };
  for (let block = blockOf(k); ; block *= 2) {
    const capacity = Math.max(limits.capacity, k + LEAST_BLOCKS * block);
    const found = await leadingSubspace(problem, k, { block, ...limits, capacity }, enough);
    if (block >= k || !found.converged || !(await missedOne(problem, k, found))) return found;
  }
}

/** True if a larger eigenvalue was missed: one orthogonal to the vectors found. */
async function missedOne(problem: SubspaceProblem, k: number, { values, vectors }: LeadingSubspace): Promise<boolean> {
  const { n, products, apply } = problem;
  if (n - k < PROBE.block) return false;
  const rest = async (x: Float64Array, count: number): Promise<Float64Array> => {
    const beside = x.slice();
    await takeOutRows(products, vectors, k, beside, count);
    const image = await apply(beside, count);
    await takeOutRows(products, vectors, k, image, count);
    return image;
  };
  const least = values[k - 1]!;
  const larger = least + Math.max(PROBE_TOLERANCE * least, PROBE_ROUNDING * values[0]!);
  const probe = await leadingSubspace({ ...problem, apply: rest }, 1, PROBE, ([value]) => value! > larger);
  return probe.values[0]! > larger;
}
