/** What of a layer's numbers is a finding and what follows from its size alone, the same in the terminal and in the view. */
import type { LayerResult, TensorSummary } from './protocol';
import { alphaBand, LEAST_FITTED } from './spectral/metricTable';

/** Code of the problem of a tensor that is listed and whose elements cannot be read. */
export const UNREADABLE = 'unreadable';

/** As training programs and Keras call what their optimizer's state is wrapped in. */
const OPTIMIZER_GROUP = /^opt(im|$)/i;

/** Of a file that is an optimizer's state_dict: a group that a model may have, too, and PyTorch's names of its moments. */
const STATE_GROUP = 'state';
const STATE_NAME =
  /^\d+\.(step|(max_)?exp_(avg|avg_sq|inf)|momentum_buffer|square_avg|grad_avg|acc_delta|sum|ax|state\d)$/;

/** Moments of gradients and the like: they have spectra, but no alpha of theirs says how well anything is trained. */
export function isOptimizerState({ group, name }: Named): boolean {
  return OPTIMIZER_GROUP.test(group) || (group === STATE_GROUP && STATE_NAME.test(name));
}

export type Named = Pick<TensorSummary, 'group' | 'name'>;

/** How a tensor's alpha reads, in a word. */
export function alphaVerdict(tensor: Named, alpha: number): ReturnType<typeof alphaBand> | 'optimizer state' {
  return isOptimizerState(tensor) ? 'optimizer state' : alphaBand(alpha);
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
