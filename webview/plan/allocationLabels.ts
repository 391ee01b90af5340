/** How the allocations are called and what each does, for the form, the legend and the table twin. */
import type { Allocation } from '../../extension/shared/compression/plans';
import { l10n } from '../../extension/shared/language/l10n';

export const ALLOCATION_LABELS: Record<Allocation, { label: string; description: string }> = {
  optimal: {
    label: l10n.t('Optimal'),
    description: l10n.t(
      'The smallest total squared error at the target: directions are kept by what they give for their cost.',
    ),
  },
  'farms-alpha': { label: 'FARMS alpha', description: l10n.t('Layers with a smaller FARMS alpha keep more.') },
  alphapruning: { label: 'AlphaPruning', description: l10n.t('Layers with a smaller alpha (xmin_mid) keep more.') },
  welore: { label: 'WeLore', description: l10n.t('One threshold on normalised singular values for all layers.') },
  uniform: { label: l10n.t('Uniform'), description: l10n.t('The same share of every layer.') },
  ilp: {
    label: 'ILP',
    description: l10n.t(
      'An integer programme chooses for each layer among methods, ranks and bits; it needs a few seconds.',
    ),
  },
};
