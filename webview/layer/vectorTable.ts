/** The largest singular values with how their vectors are spread over rows and columns, and what that means. */
import type { LayerVectors, VectorMetrics } from '../../extension/shared/layers';
import { sharingElements, vectorMetricTable } from '../../extension/spectral/metrics/vectorMetrics';
import { element } from '../controls/elements';
import { formatCount, formatNumber, formatPercent, counted } from '../numbers/format';
import { largestOf } from '../../extension/shared/extremes';
import { l10n } from '../../extension/shared/language/l10n';

const SHARED = l10n.t(
  'How many elements carry the vector: 1 if one element holds everything, all if they are equally large, about a third in a random vector. A small number means that the direction belongs to a few rows or columns.',
);

/** @param total Σσ² of the whole matrix */
export function vectorTable({ rows, cols, vectors, note }: LayerVectors, total: number): HTMLElement {
  const side = (of: VectorMetrics): HTMLElement[] => [
    element('td', {}, formatCount(Math.round(sharingElements(of)))),
    ...vectorMetricTable.map(({ key }) => element('td', {}, formatNumber(of[key], 3))),
  ];
  const body = vectors.map(({ sigma, left, right }, i) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, formatCount(i + 1)),
      element('td', {}, formatNumber(sigma, 4)),
      element('td', {}, total > 0 ? formatPercent((sigma * sigma) / total) : '–'),
      ...side(left),
      ...side(right),
    ),
  );
  const metrics = [{ label: l10n.t('shared by'), description: SHARED }, ...vectorMetricTable];
  const heads = [0, 1].flatMap((at) =>
    metrics.map(({ label, description }, i) =>
      element('th', { scope: 'col', title: description, class: at === 1 && i === 0 ? 'first' : undefined }, label),
    ),
  );
  const table = element(
    'table',
    { class: 'numbers vectors' },
    element('caption', { class: 'hidden' }, l10n.t('Singular values and how their vectors are spread')),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        element('td', { colspan: 3 }),
        element(
          'th',
          { scope: 'colgroup', colspan: metrics.length },
          l10n.t('left vector u, {0}', counted('rows', rows)),
        ),
        element(
          'th',
          { scope: 'colgroup', colspan: metrics.length, class: 'first' },
          l10n.t('right vector v, {0}', counted('columns', cols)),
        ),
      ),
      element(
        'tr',
        {},
        element('th', { scope: 'col' }, '#'),
        element('th', { scope: 'col' }, 'σ'),
        element(
          'th',
          { scope: 'col', title: l10n.t('σ² over the sum of all: its share of the squared norm') },
          l10n.t('energy'),
        ),
        ...heads,
      ),
    ),
    element('tbody', {}, ...body),
  );
  return element(
    'div',
    {},
    element('p', { class: 'plot-finding' }, finding(rows, cols, vectors, note)),
    element(
      'div',
      { class: 'vectors-scroll', tabindex: 0, role: 'region', 'aria-label': l10n.t('Singular vectors') },
      table,
    ),
    element(
      'details',
      { class: 'definitions' },
      element('summary', {}, l10n.t('What these numbers mean')),
      element(
        'dl',
        {},
        ...metrics.flatMap(({ label, description }) => [element('dt', {}, label), element('dd', {}, description)]),
      ),
    ),
  );
}

function finding(rows: number, cols: number, vectors: LayerVectors['vectors'], note: string | undefined): string {
  const [first] = vectors;
  if (!first) return l10n.t('The matrix has no singular vectors.');
  if (first.sigma === 0) return l10n.t('All singular values are zero, so no direction stands out.');
  const share = (of: VectorMetrics): string => formatCount(Math.round(sharingElements(of)));
  const worst = largestOf(vectors.map(({ residual }) => residual)) / first.sigma;
  return [
    l10n.t(
      'The strongest direction is carried by about {0} of {1} and {2} of {3}; in a random direction it is about a third.',
      share(first.left),
      counted('rows', rows),
      share(first.right),
      counted('columns', cols),
    ),
    l10n.t('Largest residual, ‖Wv − σu‖ or ‖Wᵀu − σv‖: {0}·σ₁.', formatNumber(worst, 2)),
    ...(note === undefined ? [] : [`${l10n.known(note)}.`]),
  ].join(' ');
}
