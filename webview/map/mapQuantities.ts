/** The numbers that the map and the plot against depth can show: how each is read, written and coloured. */
import type { Estimate, QuickLook } from '../../extension/shared/estimates';
import { l10n } from '../../extension/shared/language/l10n';
import { failedFit } from '../../extension/shared/layerFindings';
import type { LayerResult } from '../../extension/shared/layers';
import { energyRule } from '../../extension/shared/ranks/energyShares';
import { visible } from '../../extension/shared/visibleText';
import { OVER_TRAINED, UNDER_TRAINED } from '../../extension/shared/verdict';
import { formatCount, formatNumber, formatPercent } from '../numbers/format';
import { farmsEstimate } from '../numbers/estimates';
import { farmsMissing } from '../numbers/measures';

export type QuantityKey =
  | 'alpha'
  | 'farms_alpha'
  | 'effective_rank'
  | 'energy_ratio'
  | 'error_at_half'
  | 'num_spikes'
  | 'signal'
  | 'log_norm'
  | 'relative_norm'
  // A person's own numbers.
  | `own_${string}`;

export interface MapQuantity {
  readonly key: QuantityKey;
  readonly label: string;
  /** What it is, in a sentence. */
  readonly description: string;
  /** Colours turn here, and both sides have one; without it they begin at zero. */
  readonly centre?: number;
  /** Numbers this far from the centre have the full colour; without it, from what the model has. */
  readonly span?: number;
  /** The number may lie on both sides of zero, or of the centre. */
  readonly signed: boolean;
  /** A stretch that a reference gives, drawn against depth. */
  readonly band?: { readonly low: number; readonly high: number; readonly label: string };
  readonly value: (result: LayerResult) => number | null | undefined;
  /** What a quick look says of it, for layers without a result. */
  readonly estimate?: (look: QuickLook) => Estimate | undefined;
  readonly format: (value: number) => string;
  /** Why a layer has no such number. */
  readonly missing: (result: LayerResult) => string | undefined;
}

/** WeightWatcher's range: its middle has no colour, its ends two thirds of the full one. */
const ALPHA_CENTRE = (OVER_TRAINED + UNDER_TRAINED) / 2;
const ALPHA_SPAN = 0.75 * (UNDER_TRAINED - OVER_TRAINED);

const number = (value: number): string => formatNumber(value, 3);
const percent = (value: number): string => formatPercent(value, 2);

export const MAP_QUANTITIES: readonly MapQuantity[] = [
  {
    ...{ key: 'alpha', label: 'α', description: l10n.t('alpha of the whole matrix, the exponent of its tail') },
    ...{ centre: ALPHA_CENTRE, span: ALPHA_SPAN, signed: true, format: number },
    band: { low: OVER_TRAINED, high: UNDER_TRAINED, label: `${OVER_TRAINED}–${UNDER_TRAINED}` },
    value: ({ metrics }) => metrics.alpha,
    estimate: ({ estimates }) => estimates.alpha,
    missing: (result) => failedFit(result) ?? result.missing?.alpha,
  },
  {
    ...{ key: 'farms_alpha', label: 'FARMS α', description: l10n.t('alpha of windows of one aspect ratio') },
    ...{ centre: ALPHA_CENTRE, span: ALPHA_SPAN, signed: true, format: number },
    value: ({ farms }) => farms?.alpha,
    estimate: farmsEstimate,
    missing: farmsMissing,
  },
  {
    ...{
      key: 'effective_rank',
      label: l10n.t('effective rank'),
      description: l10n.t('effective rank, of the largest possible rank'),
    },
    ...{ signed: false, format: percent },
    value: ({ metrics, matrices, M = 0, factored }) => {
      const most = factored?.rank ?? matrices * M;
      return typeof metrics.effective_rank === 'number' && most > 0 ? metrics.effective_rank / most : null;
    },
    missing: ({ missing }) => missing?.effective_rank,
  },
  {
    key: 'energy_ratio',
    label: l10n.t('parameters for 95 %'),
    description: l10n.t('parameters of two factors that keep 95 % of ‖W‖², of those of the layer'),
    ...{ signed: false, format: percent },
    value: ({ ranks }) => ranks[energyRule(0.95)]?.ratio,
    missing: ({ missing }) => missing?.[`rank_${energyRule(0.95)}`],
  },
  {
    ...{ key: 'num_spikes', label: l10n.t('spikes'), description: l10n.t('eigenvalues above the random bulk') },
    ...{ signed: false, format: formatCount },
    value: ({ metrics }) => metrics.num_spikes,
    estimate: ({ estimates }) => estimates.num_spikes,
    missing: ({ missing }) => missing?.num_spikes,
  },
  {
    key: 'signal',
    label: l10n.t('signal to noise'),
    description: l10n.t('the largest eigenvalue over the edge of the random bulk, λ₁/λ₊'),
    ...{ signed: false, format: number },
    value: ({ metrics }) => (metrics.mp_softrank ? 1 / metrics.mp_softrank : null),
    missing: ({ missing }) => missing?.mp_softrank,
  },
  {
    ...{
      key: 'log_norm',
      label: 'log₁₀ ‖W‖²',
      description: l10n.t('the decadic logarithm of the squared Frobenius norm'),
    },
    ...{ signed: true, format: number },
    value: ({ metrics }) => metrics.log_norm,
    estimate: ({ estimates }) => estimates.log_norm,
    missing: ({ missing }) => missing?.log_norm,
  },
];

/** Only a LoRA adapter beside its base model has it. */
export const RELATIVE_NORM: MapQuantity = {
  ...{
    key: 'relative_norm',
    label: '‖ΔW‖/‖W‖',
    description: l10n.t('what the adapter adds, over the weight that it is added to'),
  },
  ...{ signed: false, format: percent },
  value: ({ factored }) => factored?.base?.relative_norm,
  missing: () => l10n.t('no base model lies beside it'),
};

/** A person's own numbers: colours turn at the median, which has none. */
export function ownQuantity(name: string, values: ReadonlyMap<string, number>): MapQuantity {
  const sorted = [...values.values()].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const centre = (sorted[Math.floor(middle - 0.5)]! + sorted[Math.floor(middle)]!) / 2;
  const span = Math.max(sorted.at(-1)! - centre, centre - sorted[0]!);
  return {
    ...{
      key: `own_${name}`,
      label: visible(name),
      description: l10n.t('your numbers: {0}', visible(name)),
      signed: true,
    },
    ...(span > 0 && { centre, span }),
    format: number,
    value: (result) => values.get(result.name),
    missing: () => l10n.t('your file has no number for it'),
  };
}

/** Numbers that one plot against depth shows side by side. */
export function shownWith(quantity: MapQuantity): readonly MapQuantity[] {
  return quantity.key === 'alpha' || quantity.key === 'farms_alpha'
    ? MAP_QUANTITIES.filter(({ key }) => key === 'alpha' || key === 'farms_alpha')
    : [quantity];
}
