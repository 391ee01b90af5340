/**
 * The place of the largest eigenvalue of WᵀW, for a random N×M matrix of entries of variance 1: about centre +
 * scale·TW₁, TW₁ being Tracy and Widom's law of order 1.
 *
 * @see Johnstone 2001, "On the distribution of the largest eigenvalue in principal components analysis"
 * @see Ma 2012, "Accuracy of the Tracy–Widom limits": the halves, which make it good from M = 5 on
 * @see Chiani 2014, "Distribution of the largest eigenvalue for real Wishart and Gaussian random matrices": TW₁ is all
 *   but a shifted gamma law
 */
import { erfc } from '../tail/errorFunction';

const GAMMA_SHAPE = 46.446;
const GAMMA_SCALE = 0.186054;
const GAMMA_SHIFT = 9.84801;

export function edgeCentre(N: number, M: number): number {
  return (Math.sqrt(Math.max(0.5, N - 0.5)) + Math.sqrt(Math.max(0.5, M - 0.5))) ** 2;
}

export function edgeScale(N: number, M: number): number {
  const [n, m] = [Math.sqrt(Math.max(0.5, N - 0.5)), Math.sqrt(Math.max(0.5, M - 0.5))];
  return (n + m) * (1 / n + 1 / m) ** (1 / 3);
}

/**
 * Value that TW₁ exceeds with the given chance, to 1 % for chances from 0.001 to 0.1 (gamma law, quantile by Wilson and
 * Hilferty).
 *
 * @param chance above 0, below 1/2
 */
export function tracyWidomQuantile(chance: number): number {
  const z = normalQuantile(chance);
  const root = 1 - 1 / (9 * GAMMA_SHAPE) + z / (3 * Math.sqrt(GAMMA_SHAPE));
  return GAMMA_SHAPE * GAMMA_SCALE * root ** 3 - GAMMA_SHIFT;
}

/** Value that a standard normal number exceeds with the given chance, above 0 and below 1/2. */
function normalQuantile(chance: number): number {
  let [low, high] = [0, 38];
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (erfc(middle / Math.SQRT2) / 2 > chance) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
