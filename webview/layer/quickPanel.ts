/** What a quick look tells of a layer while its spectrum is computed: each number with its interval. */
import type { QuickLook } from '../../extension/shared/estimates';
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
      const interval = isExact(estimate) ? 'exact' : `${formatNumber(low, 4)} to ${formatNumber(high, 4)}`;
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
      element('th', { scope: 'row' }, `σ of rank ${formatCount(i + 1)}`),
      element('td', {}, `≈ ${formatNumber(value, 4)}`),
      element('td', {}, `${formatNumber(low, 4)} to ${formatNumber(high, 4)}`),
    ),
  );
  const windows = look.farms
    ? ` FARMS: ${formatCount(look.farms.windows)} windows of ${formatCount(look.farms.num_row_samples)} rows or fewer.`
    : '';
  return element(
    'section',
    { class: 'quick-look', 'aria-label': 'Estimates' },
    element('h3', { class: 'plot-title' }, 'Estimated until the spectrum is there'),
    look.reason === undefined ? null : element('p', { class: 'muted' }, `Nothing to estimate: ${look.reason}.`),
    element(
      'table',
      { class: 'twin' },
      tableHead(['Number', 'Estimate', '95% interval']),
      element('tbody', {}, ...rows, ...singular),
    ),
    element('p', { class: 'muted' }, `From ${formatCount(look.vectors)} random vectors, seed ${look.seed}.${windows}`),
  );
}
