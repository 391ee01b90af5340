/** Headings under which the chooser lists the columns. */
import { l10n } from '../../extension/shared/language/l10n';
import type { MetricKey } from '../../extension/shared/metricTable';

/** The headings, in order, as they are shown. */
export const COLUMN_GROUPS = {
  'Your numbers': l10n.t('Your numbers'),
  Tensor: l10n.t('Tensor'),
  'Power-law fit': l10n.t('Power-law fit'),
  'Ranks and entropy': l10n.t('Ranks and entropy'),
  Norms: l10n.t('Norms'),
  'Random bulk and spikes': l10n.t('Random bulk and spikes'),
  'Randomisation test': l10n.t('Randomisation test'),
  'Rank suggestions': l10n.t('Rank suggestions'),
  Elements: l10n.t('Elements'),
} as const;

export type ColumnGroup = keyof typeof COLUMN_GROUPS;

export const METRIC_GROUPS: Readonly<Record<MetricKey, ColumnGroup>> = {
  alpha: 'Power-law fit',
  alpha_mid: 'Power-law fit',
  alpha_peak: 'Power-law fit',
  D: 'Power-law fit',
  xmin: 'Power-law fit',
  xmax: 'Power-law fit',
  num_pl_spikes: 'Power-law fit',
  sigma: 'Power-law fit',
  ww_pl_tail_mass: 'Power-law fit',
  alpha_weighted: 'Power-law fit',
  log_alpha_norm: 'Power-law fit',
  stable_rank: 'Ranks and entropy',
  effective_rank: 'Ranks and entropy',
  entropy: 'Ranks and entropy',
  von_neumann_entropy: 'Ranks and entropy',
  matrix_rank: 'Ranks and entropy',
  rank_loss: 'Ranks and entropy',
  weak_rank_loss: 'Ranks and entropy',
  spectral_norm: 'Norms',
  log_spectral_norm: 'Norms',
  norm: 'Norms',
  log_norm: 'Norms',
  nuclear_norm: 'Norms',
  condition_number: 'Norms',
  log_lipschitz: 'Norms',
  sigma_mp: 'Random bulk and spikes',
  lambda_plus: 'Random bulk and spikes',
  num_spikes: 'Random bulk and spikes',
  mp_softrank: 'Random bulk and spikes',
  ww_sigma_mp: 'Random bulk and spikes',
  ww_num_spikes: 'Random bulk and spikes',
  ww_mp_softrank: 'Random bulk and spikes',
  detX_num: 'Random bulk and spikes',
  rand_distance: 'Randomisation test',
  max_rand_eval: 'Randomisation test',
  rand_edge_mean: 'Randomisation test',
  rand_edge_sd: 'Randomisation test',
  rand_num_spikes: 'Randomisation test',
  num_above_rand: 'Randomisation test',
};
