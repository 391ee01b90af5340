/** The largest singular values with how their vectors are spread over rows and columns, and what that means. */
import type { LayerVectors, VectorMetrics } from '../../extension/shared/layers';
import { sharingElements, vectorMetricTable } from '../../extension/spectral/metrics/vectorMetrics';
import { element } from '../controls/elements';
import { formatCount, formatNumber, formatPercent, plural } from '../numbers/format';
import { largestOf } from '../../extension/shared/extremes';

const SHARED =
  'How many elements carry the vector: 1 if one element holds everything, all if they are equally large, about a third ' +
  'in a random vector. A small number means that the direction belongs to a few rows or columns.';

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
  const metrics = [{ label: 'shared by', description: SHARED }, ...vectorMetricTable];
  const heads = [0, 1].flatMap((at) =>
    metrics.map(({ label, description }, i) =>
      element('th', { scope: 'col', title: description, class: at === 1 && i === 0 ? 'first' : undefined }, label),
    ),
  );
  const table = element(
    'table',
    { class: 'numbers vectors' },
    element('caption', { class: 'hidden' }, 'Singular values and how their vectors are spread'),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        element('td', { colspan: 3 }),
        element('th', { scope: 'colgroup', colspan: metrics.length }, `left vector u, ${plural(rows, 'row')}`),
        element(
          'th',
          { scope: 'colgroup', colspan: metrics.length, class: 'first' },
          `right vector v, ${plural(cols, 'column')}`,
        ),
      ),
      element(
        'tr',
        {},
        element('th', { scope: 'col' }, '#'),
        element('th', { scope: 'col' }, 'σ'),
        element('th', { scope: 'col', title: 'σ² over the sum of all: its share of the squared norm' }, 'energy'),
        ...heads,
      ),
    ),
    element('tbody', {}, ...body),
  );
  return element(
    'div',
    {},
    element('p', { class: 'plot-finding' }, finding(rows, cols, vectors, note)),
    element('div', { class: 'vectors-scroll', tabindex: 0, role: 'region', 'aria-label': 'Singular vectors' }, table),
    element(
      'details',
      { class: 'definitions' },
      element('summary', {}, 'What these numbers mean'),
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
  if (!first) return 'The matrix has no singular vectors.';
  if (first.sigma === 0) return 'All singular values are zero, so no direction stands out.';
  const share = (of: VectorMetrics, all: number, one: string): string =>
    `${formatCount(Math.round(sharingElements(of)))} of ${plural(all, one)}`;
  const worst = largestOf(vectors.map(({ residual }) => residual)) / first.sigma;
  return (
    `The strongest direction is carried by about ${share(first.left, rows, 'row')} and ` +
    `${share(first.right, cols, 'column')}; in a random direction it is about a third. ` +
    `Largest residual, ‖Wv − σu‖ or ‖Wᵀu − σv‖: ${formatNumber(worst, 2)}·σ₁.${note === undefined ? '' : ` ${note}.`}`
  );
}
