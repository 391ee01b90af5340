/** What of a layer's numbers is a finding and what follows from its size alone, the same in the terminal and in the view. */
import type { LayerResult, NotModel, TensorSummary } from './protocol';
import { alphaBand, LEAST_FITTED } from './spectral/metricTable';

/** Code of the problem of a tensor that is listed and whose elements cannot be read. */
export const UNREADABLE = 'unreadable';

/**
 * True for weights. Moments of gradients, random states and the like may have spectra, but no alpha of theirs says how
 * well anything is trained. What a tensor is was decided when its file was read (`TensorInfo.notModel`).
 */
export function isOfModel({ notModel }: Named): boolean {
  return notModel === undefined;
}

export type Named = Pick<TensorSummary, 'name' | 'notModel'>;

/** How a tensor's alpha reads, in a word or two. */
export function alphaVerdict({ notModel }: Named, alpha: number): ReturnType<typeof alphaBand> | NotModel {
  return notModel ?? alphaBand(alpha);
}

/** Why alpha could not be fitted; undefined where it was, and where no layer of so few eigenvalues ever has a fit. */
export function failedFit({ fits, matrices, M, factored }: LayerResult): string | undefined {
  const eigenvalues = factored?.rank ?? matrices * (M ?? 0);
  if (fits.KS?.status !== 'failed' || eigenvalues < LEAST_FITTED) return undefined;
  return fits.KS.reason ?? 'no valid tail';
}

/** Directions that a layer could have and has not: a product has no more than its factors. */
export function lostRank({ metrics, factored }: LayerResult): number {
  if (!factored) return metrics.rank_loss ?? 0;
  return Math.max(0, factored.rank - (metrics.matrix_rank ?? factored.rank));
}
