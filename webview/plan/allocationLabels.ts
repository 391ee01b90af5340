/** How the allocations are called and what each does, for the form, the legend and the table twin. */
import type { Allocation } from '../../extension/shared/compression/plans';

export const ALLOCATION_LABELS: Record<Allocation, { label: string; description: string }> = {
  optimal: {
    label: 'Optimal',
    description:
      'The smallest total squared error at the target: directions are kept by what they give for their cost.',
  },
  'farms-alpha': { label: 'FARMS alpha', description: 'Layers with a smaller FARMS alpha keep more.' },
  alphapruning: { label: 'AlphaPruning', description: 'Layers with a smaller alpha (xmin_mid) keep more.' },
  welore: { label: 'WeLore', description: 'One threshold on normalised singular values for all layers.' },
  uniform: { label: 'Uniform', description: 'The same share of every layer.' },
  ilp: {
    label: 'ILP',
    description: 'An integer programme chooses for each layer among methods, ranks and bits; it needs a few seconds.',
  },
};
