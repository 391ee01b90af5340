/** Tails that a person chose by hand: what a fit there would have said, and how one comes back that was chosen before. Pure. */
import { l10n } from '../../extension/shared/language/l10n';
import type { ChosenTail } from '../../extension/shared/layerFindings';
import type { PowerLawFit } from '../../extension/shared/layers';
import { lowerBound } from '../../extension/spectral/tail/bounds';
import { noFit, tailAt } from '../../extension/spectral/tail/powerLaw';
import { tailShape } from '../../extension/spectral/tail/tailShape';
import type { ChosenStart } from '../layer/layerPlace';
import type { Tail } from './esdInput';

/** The tail of an xmin that was chosen before; null if this spectrum has none there. */
export function tailFrom(eigenvalues: Float64Array, fit: PowerLawFit, { rule, xmin }: ChosenStart): Tail | null {
  if (xmin === null || rule !== fit.rule) return null;
  const start = lowerBound(eigenvalues, xmin);
  return start > eigenvalues.length - 2 ? null : { start, ...tailAt(eigenvalues, start) };
}

/** What a fit at that start would have said. */
export function chosenTail(eigenvalues: Float64Array, { start, alpha, D }: Tail): ChosenTail {
  if (!Number.isFinite(alpha)) return { fit: noFit('KS', l10n.t('the tail has no spread')), tailShape: undefined };
  const n = eigenvalues.length - start;
  const fit: PowerLawFit = {
    ...{ rule: 'KS', status: 'success', alpha, D, xmin: eigenvalues[start]!, xmax: eigenvalues.at(-1)! },
    ...{ num_pl_spikes: n, sigma: (alpha - 1) / Math.sqrt(n) },
  };
  return { fit, tailShape: tailShape(eigenvalues, fit) };
}
