/** The table twin of a plot: the same numbers for those who read rather than look. */
import { element, tableHead } from '../controls/elements';
import type { TwinTable } from './twin';

export function twinTable({ caption, columns, rows }: TwinTable): HTMLElement {
  const body = rows.map((cells) =>
    element(
      'tr',
      {},
      ...cells.map((cell, i) => (i === 0 ? element('th', { scope: 'row' }, cell) : element('td', {}, cell))),
    ),
  );
  return element(
    'div',
    { class: 'twin-scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    element(
      'table',
      { class: 'twin' },
      element('caption', {}, caption),
      tableHead(columns),
      element('tbody', {}, ...body),
    ),
  );
}
