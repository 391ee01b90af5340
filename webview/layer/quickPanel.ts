/** What a quick look tells of a layer while its spectrum is computed: each number with its interval. */
import type { QuickLook } from '../../extension/shared/estimates';
import { l10n } from '../../extension/shared/language/l10n';
import { element, tableHead } from '../controls/elements';
import { estimateOf, estimateText, isExact } from '../numbers/estimates';
import { formatNumber, formatCount } from '../numbers/format';
import { measures } from '../numbers/measures';

const SHOWN: readonly string[] = [
  'farms_alpha',
  'stable_rank',
  'effective_rank',
  'von_neumann_entropy',
  'spectral_norm',
  'nuclear_norm',
  'norm',
];

export function quickPanel(look: QuickLook): HTMLElement {
  const rows = measures()
    .filter(({ key }) => SHOWN.includes(key))
    .flatMap((measure) => {
      const estimate = estimateOf(look, measure);
      if (!estimate) return [];
      const { low, high } = estimate;
      const interval = isExact(estimate)
        ? l10n.t('exact')
        : l10n.t('{0} to {1}', formatNumber(low, 4), formatNumber(high, 4));
      return [
        element(
          'tr',
          {},
          element('th', { scope: 'row', title: measure.description }, measure.label),
          element('td', {}, estimateText(estimate, measure)),
          element('td', {}, interval),
        ),
      ];
    });
  const singular = look.singularValues.map(({ value, low, high }, i) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, l10n.t('σ of rank {0}', formatCount(i + 1))),
      element('td', {}, `≈ ${formatNumber(value, 4)}`),
      element('td', {}, l10n.t('{0} to {1}', formatNumber(low, 4), formatNumber(high, 4))),
    ),
  );
  const source = [
    l10n.t('From {0} random vectors, seed {1}.', formatCount(look.vectors), look.seed),
    ...(look.farms
      ? [
          l10n.t(
            'FARMS: {0} windows of {1} rows or fewer.',
            formatCount(look.farms.windows),
            formatCount(look.farms.num_row_samples),
          ),
        ]
      : []),
  ].join(' ');
  return element(
    'section',
    { class: 'quick-look', 'aria-label': l10n.t('Estimates') },
    element('h3', { class: 'plot-title' }, l10n.t('Estimated until the spectrum is there')),
    look.reason === undefined
      ? null
      : element('p', { class: 'muted' }, l10n.t('Nothing to estimate: {0}.', l10n.known(look.reason))),
    element(
      'table',
      { class: 'twin' },
      tableHead([l10n.t('Number'), l10n.t('Estimate'), l10n.t('95% interval')]),
      element('tbody', {}, ...rows, ...singular),
    ),
    element('p', { class: 'muted' }, source),
  );
}
