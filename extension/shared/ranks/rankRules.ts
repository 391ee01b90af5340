/**
 * The rules of the rank suggestions: key, names and definition. `spectral/ranks/ranks.ts` says how each is computed, and
 * does not compile without that.
 */
import { l10n } from '../language/l10n';

interface Row {
  /** In `LayerResult.ranks`. */
  key: string;
  /** For column headers and marks in a plot. */
  label: string;
  name: string;
  description: string;
}

const ROWS = [
  {
    key: 'energy_0.90',
    label: '90%',
    name: l10n.t('energy 90%'),
    description: l10n.t('smallest rank that keeps 90% of Σλ'),
  },
  {
    key: 'energy_0.95',
    label: '95%',
    name: l10n.t('energy 95%'),
    description: l10n.t('smallest rank that keeps 95% of Σλ'),
  },
  {
    key: 'energy_0.99',
    label: '99%',
    name: l10n.t('energy 99%'),
    description: l10n.t('smallest rank that keeps 99% of Σλ'),
  },
  {
    key: 'break_even',
    label: l10n.t('break-even'),
    name: l10n.t('break-even'),
    description: l10n.t('above this rank two factors are larger than the matrix'),
  },
  {
    key: 'effective_rank',
    label: l10n.t('effective'),
    name: l10n.t('effective rank'),
    description: l10n.t('Roy & Vetterli, rounded up'),
  },
  {
    key: 'stable_rank',
    label: l10n.t('stable'),
    name: l10n.t('stable rank'),
    description: l10n.t('Σλ/λ₁, rounded up'),
  },
  {
    key: 'hard_threshold',
    label: l10n.t('threshold'),
    name: l10n.t('optimal threshold'),
    description: l10n.t('singular values above the optimal hard threshold (Gavish & Donoho 2014)'),
  },
  {
    key: 'mp_spikes',
    label: l10n.t('spikes'),
    name: l10n.t('MP spikes'),
    description: l10n.t('eigenvalues above the random bulk'),
  },
  {
    key: 'erg',
    label: 'ERG',
    name: 'ERG',
    description: l10n.t('the tail whose rescaled eigenvalues multiply to 1 (detX)'),
  },
  {
    key: 'welore',
    label: 'WeLore',
    name: 'WeLore',
    description: l10n.t(
      'singular values above one threshold for the whole model, which halves the mean rank; known once all layers are inspected',
    ),
  },
] as const satisfies readonly Row[];

export type RankRuleKey = (typeof ROWS)[number]['key'];

export interface RankRule extends Row {
  key: RankRuleKey;
}

export const rankRules: readonly RankRule[] = ROWS;
