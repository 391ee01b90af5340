/** The singular values of a layer, to be drawn beside those of others. Pure. */
import { l10n } from '../../extension/shared/language/l10n';
import { EnergyShares } from '../../extension/shared/ranks/energyShares';
import { formatPercent } from '../numbers/format';

/** Share of the energy whose directions are counted. */
const ENERGY = 0.95;

export interface Curve {
  readonly layer: string;
  /** Its place among the layers that are compared, which decides its colour. */
  readonly index: number;
  /** The largest first. */
  readonly sigma: Float64Array;
}

/** @param eigenvalues λ = σ², ascending; rounding may leave small negative ones */
export function rankedSigma(eigenvalues: Float64Array): Float64Array {
  return eigenvalues.map((value) => Math.sqrt(Math.max(0, value))).reverse();
}

/**
 * The least share of the directions that holds this share of the energy Σσ².
 *
 * @param sigma the largest first
 * @returns undefined for a spectrum of zeros, or none
 */
export function energyShare(sigma: Float64Array, energy: number): number | undefined {
  if (!(sigma[0]! > 0)) return undefined;
  return new EnergyShares(sigma.map((each) => each * each)).rankKeeping(energy) / sigma.length;
}

/** Which spectrum is the most concentrated, and which the least. */
export function comparisonFinding(curves: readonly Curve[]): string {
  const known = curves.flatMap(({ layer, sigma }) => {
    const share = energyShare(sigma, ENERGY);
    return share === undefined ? [] : [{ layer, share }];
  });
  const sorted = [...known].sort((a, b) => a.share - b.share);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (!first || !last) return '';
  if (known.length === 1 || first.share === last.share) {
    return l10n.t(
      '{0} of the energy lies in {1} of the directions.',
      formatPercent(ENERGY),
      formatPercent(first.share, 2),
    );
  }
  return l10n.t(
    '{0} of the energy lies in {1} of the directions of {2}, and in {3} of those of {4}.',
    formatPercent(ENERGY),
    formatPercent(first.share, 2),
    first.layer,
    formatPercent(last.share, 2),
    last.layer,
  );
}
