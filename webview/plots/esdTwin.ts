/** The table twins of an ESD: its histogram, or the share of the eigenvalues at or above each. */
import { l10n } from '../../extension/shared/language/l10n';
import { formatCount, formatNumber, formatPercent } from '../numbers/format';
import type { BulkLaw } from './bulkLaw';
import { shuffledBins, type SpectralDensity } from './spectralDensity';
import type { TwinTable } from './twin';
import { sampleIndexes } from './sampleIndexes';

/** Rows of a CCDF's table. */
const CCDF_ROWS = 200;

/**
 * @param law of the bulk, if there is one
 * @param shuffled eigenvalues of shuffled entries, if they are shown
 */
export function densityTwin(
  title: string,
  { edges, counts, density }: SpectralDensity,
  law: BulkLaw | null = null,
  shuffled: Float64Array | null = null,
): TwinTable {
  const others = shuffled && shuffledBins(shuffled, edges);
  const rows = [...counts].map((size, i) => [
    `${formatNumber(edges[i]!, 4)} – ${formatNumber(edges[i + 1]!, 4)}`,
    formatCount(size),
    formatNumber(density[i]!, 4),
    // As the bar: the mean over the bin.
    ...(law ? [formatNumber(law.between(edges[i]!, edges[i + 1]!) / (edges[i + 1]! - edges[i]!), 4)] : []),
    ...(others ? [formatNumber(others[i]!.density, 4)] : []),
  ]);
  return {
    caption: l10n.t('{0}: density of the eigenvalues', title),
    columns: [
      'λ',
      l10n.t('eigenvalues'),
      l10n.t('density'),
      ...(law ? ['Marchenko–Pastur'] : []),
      ...(others ? [l10n.t('shuffled')] : []),
    ],
    rows,
  };
}

/** @param eigenvalues ascending */
export function ccdfTwin(title: string, eigenvalues: Float64Array): TwinTable {
  const count = eigenvalues.length;
  const rows = sampleIndexes(count, CCDF_ROWS).map((i) => [
    formatNumber(eigenvalues[i]!, 5),
    formatPercent((count - i) / count, 4),
  ]);
  return {
    caption: l10n.t('{0}: share of eigenvalues at or above λ', title),
    columns: ['λ', l10n.t('share ≥ λ')],
    rows,
  };
}
