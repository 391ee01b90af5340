/** The table twins of an ESD: its histogram, or the share of the eigenvalues at or above each. */
import { formatCount, formatNumber, formatPercent } from '../numbers/format';
import type { SpectralDensity } from './spectralDensity';
import type { TwinTable } from './twin';
import { sampleIndexes } from './sampleIndexes';

/** Rows of a CCDF's table. */
const CCDF_ROWS = 200;

export function densityTwin(title: string, { edges, counts, density }: SpectralDensity): TwinTable {
  const rows = [...counts].map((size, i) => [
    `${formatNumber(edges[i]!, 4)} – ${formatNumber(edges[i + 1]!, 4)}`,
    formatCount(size),
    formatNumber(density[i]!, 4),
  ]);
  return { caption: `${title}: density of the eigenvalues`, columns: ['λ', 'eigenvalues', 'density'], rows };
}

/** @param eigenvalues ascending */
export function ccdfTwin(title: string, eigenvalues: Float64Array): TwinTable {
  const count = eigenvalues.length;
  const rows = sampleIndexes(count, CCDF_ROWS).map((i) => [
    formatNumber(eigenvalues[i]!, 5),
    formatPercent((count - i) / count, 4),
  ]);
  return { caption: `${title}: share of eigenvalues at or above λ`, columns: ['λ', 'share ≥ λ'], rows };
}
