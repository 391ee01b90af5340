/** The mark behind a row's name: in work, failed, or computed with a reservation. */
import { l10n } from '../../extension/shared/language/l10n';
import { failedFit, isAllZero } from '../../extension/shared/layerFindings';
import { formatPercent } from '../numbers/format';
import type { Inspection } from '../model/inspection';
import type { TreeNode } from '../model/moduleTree';

export interface RowStatus {
  kind: 'none' | 'running' | 'failed' | 'warning';
  /** Share done of a running row. */
  fraction: number;
  /** What the mark means, for the tooltip and the screen reader. */
  words: string;
}

const NOTHING: RowStatus = { kind: 'none', fraction: 0, words: '' };

export function rowStatus({ progress, results, crashed }: Inspection, { layer }: TreeNode): RowStatus {
  if (layer === undefined) return NOTHING;
  const running = progress.get(layer);
  if (running) {
    const words = `${l10n.known(running.stage) || l10n.t('in work')}, ${formatPercent(running.fraction, 2)}`;
    return { kind: 'running', fraction: running.fraction, words };
  }
  if (crashed.has(layer)) return { kind: 'failed', fraction: 0, words: l10n.t('The engine stopped on this layer') };
  const result = results.get(layer);
  if (!result) return NOTHING;
  const [problem] = result.problems;
  if (problem)
    return { kind: result.matrices === 0 ? 'failed' : 'warning', fraction: 0, words: l10n.known(problem.message) };
  if (isAllZero(result)) return { kind: 'warning', fraction: 0, words: l10n.t('All its elements are zero') };
  const failed = failedFit(result);
  return failed === undefined
    ? NOTHING
    : { kind: 'warning', fraction: 0, words: l10n.t('No power-law fit: {0}', l10n.known(failed)) };
}
