/** The titles of the table's columns: each sorts by a click, and is dragged to another place or another width. */
import { element } from '../controls/elements';
import { icon } from '../controls/icons';
import { roving } from '../controls/roving';
import type { Column } from './columns';
import { movable, onTitleKey, resizable } from './headerDrag';
import type { TableActions } from './tableActions';

export interface TableSort {
  column: string;
  descending: boolean;
}

export class TableHeader {
  readonly element = element('div', { class: 'table-head', role: 'rowgroup' });
  private readonly setTabStop = roving(this.element, '.sort-button', ['ArrowLeft', 'ArrowRight']);
  /** Where a title that is dragged would go. */
  private readonly dropMark = element('span', { class: 'drop-mark', hidden: true });

  constructor(private readonly actions: TableActions) {}

  /** Shows other columns; the focus stays on the title that has it. */
  show(columns: readonly Column[]): void {
    const focused = document.activeElement?.closest<HTMLElement>('.table-head .cell')?.dataset.column;
    const cells = columns.map((column, index) => this.title(column, index));
    const row = element('div', { class: 'table-row', role: 'row', 'aria-rowindex': 1 }, ...cells);
    this.element.replaceChildren(row, this.dropMark);
    const again = focused === undefined ? undefined : cells.find(({ dataset }) => dataset.column === focused);
    again?.querySelector('button')?.focus();
    this.setTabStop();
  }

  /** Says which column the rows are sorted by. */
  setSort(sort: TableSort | null): void {
    for (const cell of this.titles()) {
      const direction = cell.dataset.column !== sort?.column ? 'none' : sort?.descending ? 'descending' : 'ascending';
      cell.setAttribute('aria-sort', direction);
    }
  }

  private titles(): HTMLElement[] {
    return [...this.element.querySelectorAll<HTMLElement>('[role=columnheader]')];
  }

  private title(column: Column, index: number): HTMLElement {
    const { key, label, description, align } = column;
    const handle = element(
      'button',
      { class: 'sort-button', type: 'button', click: () => this.actions.sort(column) },
      element('span', { class: 'sort-label' }, label),
      icon('arrow-up'),
    );
    const grip = element('span', { class: 'column-grip', 'aria-hidden': 'true' });
    const title = element(
      'div',
      {
        ...{ class: `cell ${align}`, role: 'columnheader', 'aria-colindex': index + 1 },
        ...{ 'aria-sort': 'none', 'data-column': key, title: description },
      },
      handle,
      grip,
    );
    resizable(title, grip, key, this.actions);
    const titles = (): HTMLElement[] => this.titles();
    if (index > 0) movable(title, handle, titles, this.dropMark, this.actions);
    handle.addEventListener('keydown', (event) => onTitleKey(event, title, titles, this.actions));
    return title;
  }
}
