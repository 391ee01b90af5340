/**
 * Every number of a layer: key, label, definition, whose it is, and how it is shown. The one list that the table, the
 * terminal and the CSV export read. `extension/spectral/README.md` has a copy, which a test compares.
 */
import { l10n } from './language/l10n';

/** `scale`: a size that spans orders of magnitude, in which a fixed number of digits after the point says nothing. */
export type MetricKind = 'number' | 'integer' | 'scale';

interface Row {
  /** Name in JSON and CSV, and in `LayerResult.metrics`. */
  key: string;
  /** Column header. */
  label: string;
  /** One or two sentences. */
  description: string;
  /** Tool or paper whose definition it is. */
  source: string;
  kind: MetricKind;
  /** Digits shown: after the point for `number` (significant ones where |value| is huge or tiny), significant ones for `scale`. */
  digits: number;
}

const WEIGHTWATCHER = 'WeightWatcher';
const ALPHA_PRUNING = 'AlphaPruning, FARMS';

const ROWS = [
  {
    key: 'alpha',
    label: 'α',
    description: l10n.t(
      'Exponent of the power law p(λ) ∝ λ^(−α) fitted to the tail whose start xmin gives the smallest KS distance D. λ ≤ 1e-5 are dropped first (1e-5·λ₁ where that would drop more than half).',
    ),
    source: `Clauset et al. 2009; ${WEIGHTWATCHER}`,
    kind: 'number',
    digits: 2,
  },
  {
    key: 'alpha_mid',
    label: l10n.t('α mid'),
    description: l10n.t('Exponent fitted to the upper half of all eigenvalues (the Hill estimator).'),
    source: ALPHA_PRUNING,
    kind: 'number',
    digits: 2,
  },
  {
    key: 'alpha_peak',
    label: l10n.t('α peak'),
    description: l10n.t('Exponent fitted with xmin near the mode of the histogram of log₁₀ λ.'),
    source: ALPHA_PRUNING,
    kind: 'number',
    digits: 2,
  },
  {
    key: 'D',
    label: 'D',
    description: l10n.t(
      'Kolmogorov–Smirnov distance between the tail and the power law of alpha: smaller fits better.',
    ),
    source: WEIGHTWATCHER,
    kind: 'number',
    digits: 3,
  },
  {
    key: 'xmin',
    label: 'xmin',
    description: l10n.t('Eigenvalue at which the fitted tail of alpha begins.'),
    source: WEIGHTWATCHER,
    kind: 'scale',
    digits: 4,
  },
  {
    key: 'xmax',
    label: 'xmax',
    description: l10n.t('Largest eigenvalue of the fitted tail.'),
    source: WEIGHTWATCHER,
    kind: 'scale',
    digits: 4,
  },
  {
    key: 'num_pl_spikes',
    label: l10n.t('tail n'),
    description: l10n.t('Number of eigenvalues in the fitted tail, λ ≥ xmin.'),
    source: WEIGHTWATCHER,
    kind: 'integer',
    digits: 0,
  },
  {
    key: 'sigma',
    label: 'σ(α)',
    description: l10n.t('Standard error of alpha, (α − 1)/√n.'),
    source: `Clauset et al. 2009; ${WEIGHTWATCHER}`,
    kind: 'number',
    digits: 3,
  },
  {
    key: 'stable_rank',
    label: l10n.t('stable rank'),
    description: 'Σλ/λ₁.',
    source: WEIGHTWATCHER,
    kind: 'number',
    digits: 2,
  },
  {
    key: 'effective_rank',
    label: l10n.t('effective rank'),
    description: l10n.t('exp(−Σ q ln q) of the normalised singular values q = σ/Σσ.'),
    source: 'Roy & Vetterli 2007',
    kind: 'number',
    digits: 1,
  },
  {
    key: 'entropy',
    label: 'entropy',
    description: l10n.t('−Σ p ln p/ln(matrix_rank) of p = λ/Σλ: 1 where all eigenvalues are equal.'),
    source: WEIGHTWATCHER,
    kind: 'number',
    digits: 3,
  },
  {
    key: 'spectral_norm',
    label: 'λ₁',
    description: l10n.t(
      'Largest eigenvalue λ₁ = σ₁² (the square of the usual spectral norm, as WeightWatcher reports it).',
    ),
    source: WEIGHTWATCHER,
    kind: 'scale',
    digits: 4,
  },
  {
    key: 'log_spectral_norm',
    label: l10n.t('log λ₁'),
    description: l10n.t('log₁₀ λ₁.'),
    source: WEIGHTWATCHER,
    kind: 'number',
    digits: 3,
  },
  {
    key: 'norm',
    label: '‖W‖²',
    description: l10n.t('Squared Frobenius norm Σλ.'),
    source: WEIGHTWATCHER,
    kind: 'scale',
    digits: 4,
  },
  {
    key: 'log_norm',
    label: l10n.t('log ‖W‖²'),
    description: l10n.t('log₁₀ Σλ.'),
    source: WEIGHTWATCHER,
    kind: 'number',
    digits: 3,
  },
  {
    key: 'log_alpha_norm',
    label: l10n.t('log α-norm'),
    description: l10n.t('log₁₀ Σ λ^α.'),
    source: WEIGHTWATCHER,
    kind: 'number',
    digits: 3,
  },
  {
    key: 'alpha_weighted',
    label: l10n.t('α·log λ₁'),
    description: l10n.t('α·log₁₀ λ₁ (alpha-hat).'),
    source: WEIGHTWATCHER,
    kind: 'number',
    digits: 3,
  },
  {
    key: 'matrix_rank',
    label: 'rank',
    description: l10n.t(
      'Number of eigenvalues above M·ε·λ₁, with ε of float64: what a spectrum made from a Gram matrix resolves. WeightWatcher counts σ > σ₁·N·ε in float64, which differs only for σ below about 1e-7·σ₁.',
    ),
    source: WEIGHTWATCHER,
    kind: 'integer',
    digits: 0,
  },
  {
    key: 'rank_loss',
    label: l10n.t('rank loss'),
    description: l10n.t('Number of eigenvalues that are numerical zeros: all of them less matrix_rank.'),
    source: WEIGHTWATCHER,
    kind: 'integer',
    digits: 0,
  },
  {
    key: 'weak_rank_loss',
    label: l10n.t('weak rank loss'),
    description: l10n.t('Number of eigenvalues below 1e-6.'),
    source: WEIGHTWATCHER,
    kind: 'integer',
    digits: 0,
  },
  {
    key: 'von_neumann_entropy',
    label: l10n.t('vN entropy'),
    description: l10n.t('−Σ p ln p of p = λ/Σλ, in nats.'),
    source: 'von Neumann',
    kind: 'number',
    digits: 3,
  },
  {
    key: 'nuclear_norm',
    label: l10n.t('nuclear norm'),
    description: 'Σσ.',
    source: '',
    kind: 'scale',
    digits: 4,
  },
  {
    key: 'condition_number',
    label: l10n.t('condition'),
    description: l10n.t(
      'σ₁/σ_M. Empty where σ_M is below √(M·ε)·σ₁, the smallest that a float64 Gram matrix resolves: the matrix is then singular or as good as. Empty, too, where it is above about 1e6 and known only from a Gram matrix, which does not tell it to 0.1 %: of matrices too large to be held.',
    ),
    source: '',
    kind: 'scale',
    digits: 4,
  },
  {
    key: 'log_lipschitz',
    label: l10n.t('ln Lipschitz'),
    description: l10n.t('ln σ₁: the Lipschitz constant of a linear layer in ℓ2.'),
    source: '',
    kind: 'number',
    digits: 3,
  },
  {
    key: 'ww_pl_tail_mass',
    label: l10n.t('tail mass'),
    description: l10n.t(
      'Share of Σλ that lies in the fitted tail of alpha. No column of WeightWatcher, in spite of its name.',
    ),
    source: '',
    kind: 'number',
    digits: 3,
  },
  {
    key: 'sigma_mp',
    label: l10n.t('σ bulk'),
    description: l10n.t(
      'Standard deviation of the entries of the random matrix whose Marchenko–Pastur law fits the bulk best, in units of the entries. WeightWatcher’s is of the spectrum rescaled to mean 1: ww_sigma_mp.',
    ),
    source: 'Marchenko–Pastur',
    kind: 'scale',
    digits: 4,
  },
  {
    key: 'lambda_plus',
    label: 'λ₊',
    description: l10n.t('Upper edge of that bulk, in units of λ = σ².'),
    source: 'Marchenko–Pastur',
    kind: 'scale',
    digits: 4,
  },
  {
    key: 'num_spikes',
    label: 'spikes',
    description: l10n.t(
      'Number of eigenvalues above λ₊ and beyond what the largest of a random matrix reaches (Tracy–Widom, level 3 %); 0 where the whole spectrum may be random. At most 5 % of random matrices have any. WeightWatcher’s margin has another size and no level: ww_num_spikes.',
    ),
    source: 'Johnstone 2001; Ma 2012',
    kind: 'integer',
    digits: 0,
  },
  {
    key: 'mp_softrank',
    label: l10n.t('MP soft rank'),
    description: l10n.t(
      'λ₊/λ₁: near 1 for a random matrix, near 0 for one ruled by its spikes. WeightWatcher’s definition, with our λ₊; with its own: ww_mp_softrank.',
    ),
    source: 'Martin & Mahoney 2021',
    kind: 'number',
    digits: 3,
  },
  {
    key: 'ww_sigma_mp',
    label: l10n.t('σ bulk (WW)'),
    description: l10n.t(
      'WeightWatcher’s sigma_mp: of the spectrum rescaled to mean 1, from a density with bandwidth 0.1. For a square matrix its law is a quarter circle of radius 2, of which sigma changes the height alone.',
    ),
    source: `${WEIGHTWATCHER} 0.7.7, mp_fit`,
    kind: 'number',
    digits: 4,
  },
  {
    key: 'ww_num_spikes',
    label: l10n.t('spikes (WW)'),
    description: l10n.t(
      'WeightWatcher’s num_spikes: eigenvalues above its edge by more than the root of (edge/M)^(2/3)/√Q, in its rescaled units.',
    ),
    source: `${WEIGHTWATCHER} 0.7.7, mp_fit`,
    kind: 'integer',
    digits: 0,
  },
  {
    key: 'ww_mp_softrank',
    label: l10n.t('soft rank (WW)'),
    description: l10n.t('WeightWatcher’s mp_softrank, from its ww_sigma_mp: above 1 where its edge lies beyond λ₁.'),
    source: `${WEIGHTWATCHER} 0.7.7, mp_fit`,
    kind: 'number',
    digits: 3,
  },
  {
    key: 'detX_num',
    label: l10n.t('detX n'),
    description: l10n.t(
      'Number of largest eigenvalues whose product, with λ rescaled to mean 1, first falls below 1 (ERG). Empty where they differ by rounding alone.',
    ),
    source: WEIGHTWATCHER,
    kind: 'integer',
    digits: 0,
  },
  {
    key: 'rand_distance',
    label: l10n.t('random dist.'),
    description: l10n.t(
      'Jensen–Shannon distance (nats) between the spectrum and that of the same matrix with its entries shuffled, each taken as λᵢ/Σλ over i: 0 for a random matrix. Mean of the shuffles, where WeightWatcher takes one without a seed. Only with the randomisation test, as the next five.',
    ),
    source: WEIGHTWATCHER,
    kind: 'number',
    digits: 3,
  },
  {
    key: 'max_rand_eval',
    label: l10n.t('λ₁ random'),
    description: l10n.t(
      'Largest eigenvalue of all shuffles. WeightWatcher’s is of one shuffle, or of five of a small matrix.',
    ),
    source: WEIGHTWATCHER,
    kind: 'scale',
    digits: 4,
  },
  {
    key: 'rand_edge_mean',
    label: l10n.t('edge random'),
    description: l10n.t('Mean of the shuffles’ largest eigenvalues.'),
    source: '',
    kind: 'scale',
    digits: 4,
  },
  {
    key: 'rand_edge_sd',
    label: l10n.t('± edge random'),
    description: l10n.t('Standard deviation of the shuffles’ largest eigenvalues.'),
    source: '',
    kind: 'scale',
    digits: 4,
  },
  {
    key: 'rand_num_spikes',
    label: l10n.t('random spikes'),
    description: l10n.t(
      'num_spikes of the shuffled matrix (median of the shuffles): above 0 where single entries are so large that they stand out in any order. WeightWatcher’s column of this name counts by its own rule.',
    ),
    source: 'Johnstone 2001; Ma 2012',
    kind: 'integer',
    digits: 0,
  },
  {
    key: 'num_above_rand',
    label: l10n.t('above random'),
    description: l10n.t(
      'Number of eigenvalues above what the shuffles’ edges predict of one more: directions that the order of the entries makes. At most 5 % of random matrices have any.',
    ),
    source: '',
    kind: 'integer',
    digits: 0,
  },
] as const satisfies readonly Row[];

export type MetricKey = (typeof ROWS)[number]['key'];

export interface MetricRow extends Row {
  key: MetricKey;
}

export const metricTable: readonly MetricRow[] = ROWS;

/** WeightWatcher fits alpha to no layer with fewer eigenvalues. */
export const LEAST_FITTED = 10;
