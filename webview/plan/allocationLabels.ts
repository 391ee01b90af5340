/** How the allocations are called and what each does, for the form, the legend and the table twin; what they need. */
import type { Allocation } from '../../extension/shared/compression/plans';
import type { StatisticsSummary } from '../../extension/shared/compression/statistics';
import { l10n } from '../../extension/shared/language/l10n';

export const ALLOCATION_LABELS: Record<Allocation, { label: string; description: string }> = {
  optimal: {
    label: l10n.t('Optimal'),
    description: l10n.t(
      'The smallest total squared error at the target: directions are kept by what they give for their cost.',
    ),
  },
  'optimal-gram': {
    label: l10n.t('Optimal for the outputs'),
    description: l10n.t(
      'The smallest total squared error of the outputs at the target, by the Gram matrices of the inputs. Exact for SVD-LLM.',
    ),
  },
  'farms-alpha': { label: 'FARMS alpha', description: l10n.t('Layers with a smaller FARMS alpha keep more.') },
  alphapruning: { label: 'AlphaPruning', description: l10n.t('Layers with a smaller alpha (xmin_mid) keep more.') },
  welore: { label: 'WeLore', description: l10n.t('One threshold on normalised singular values for all layers.') },
  'block-influence': {
    label: l10n.t('Block influence'),
    description: l10n.t('Blocks that change their hidden states less keep less (MoDeGPT, temperature 0.1).'),
  },
  uniform: { label: l10n.t('Uniform'), description: l10n.t('The same share of every layer.') },
  ilp: {
    label: 'ILP',
    description: l10n.t(
      'An integer programme chooses for each layer among methods, ranks and bits; it needs a few seconds.',
    ),
  },
};

/** What an allocation lacks of the statistics in use, in words; undefined if it can be asked. */
export function allocationLacks(
  allocation: Allocation,
  statistics: Pick<StatisticsSummary, 'covered' | 'blockInfluence'> | null,
): string | undefined {
  switch (allocation) {
    case 'optimal-gram':
      return statistics?.covered.some(({ has }) => has.includes('gram')) ? undefined : l10n.t('needs input Grams');
    case 'block-influence':
      return statistics?.blockInfluence ? undefined : l10n.t('needs statistics with block influence');
    default:
      return undefined;
  }
}
