/**
 * The table and the line of controls above it: filter, tree or list, columns, sorting. Decides which rows the table
 * shows and keeps that in the remembered view.
 */
import type { TextTable } from '../../extension/shared/exports/tableText';
import { NAME_COLUMN } from './columnLayout';
import { allColumns, type Column } from './columns';
import type { ViewMemory } from '../viewMemory';
import { button, checkbox, setChecked, type Button, type Checkbox } from '../controls/controls';
import { element } from '../controls/elements';
import { formatCount, counted } from '../numbers/format';
import { copiedNumbers, copiedTable } from './copiedNumbers';
import { emptyTable } from './emptyTable';
import { FilterBox } from './filterBox';
import { FilterFindings, ROLE } from './filterFindings';
import { FindBar } from './findBar';
import { setIcon, type IconName } from '../controls/icons';
import type { Inspection } from '../model/inspection';
import type { TreeNode } from '../model/moduleTree';
import { NameWidths } from './nameWidths';
import { leavesOf, type RowMenuItem } from './rowMenu';
import { rowStatus } from './rowStatus';
import { SelectionBar } from './selectionBar';
import { LayerTable } from './table';
import type { TablePlace, TensorTableActions } from './tensorTableActions';
import { TableColumns, type KeptColumns } from './tableColumns';
import type { UnusualLayer } from '../../extension/shared/findings/unusualLayers';
import { l10n } from '../../extension/shared/language/l10n';
import { RowFilter, type Filtered } from './rowFilter';
import { flatRows, treeRows, withMatrices, type ShownRow, type Sorting } from './tableOrder';

/** Rows sorted by a number that is still being computed move, and means of modules settle, at most this often. */
const SETTLE_MS = 1500;

export class TensorTable {
  readonly element: HTMLElement;
  readonly table: LayerTable;
  readonly columns: TableColumns;
  /** Own numbers that the columns have. */
  private ownShown: Inspection['ownColumns'];
  private readonly filterBox: FilterBox;
  private readonly count = element('span', { class: 'muted count', role: 'status' });
  private readonly treeButton: Button;
  private readonly findBar: FindBar;
  private readonly findings: FilterFindings;
  private readonly matricesBox: Checkbox;
  /** Rows that are left if only matrices are shown. */
  private matrices: ReadonlySet<TreeNode> | null = null;
  private rowFilter: RowFilter | null = null;
  /** Columns that the filter looks at. */
  private filtersBy: readonly string[] = [];
  private collapsed: Set<string>;
  private settleTimer = 0;
  /** What the rows and their count stand for. */
  private shownState = '';
  private readonly nameWidths: NameWidths;
  private readonly selectionBar: SelectionBar;

  constructor(
    private readonly inspection: Inspection,
    private readonly memory: ViewMemory,
    kept: KeptColumns,
    private readonly actions: TensorTableActions,
  ) {
    this.columns = new TableColumns(allColumns(inspection), kept, {
      changed: () => this.updateColumns(),
      resized: () => this.table.setWidths((key) => this.columns.widthOf(key), this.columns.nameWidth),
      addOwn: actions.addColumns,
    });
    this.ownShown = inspection.ownColumns;
    this.collapsed = new Set(memory.current.collapsed);
    this.filterBox = new FilterBox(memory.current.filter, {
      changed: (filter) => {
        memory.remember({ filter });
        this.filterChanged();
      },
      toRows: () => {
        this.table.moveTo(0);
        this.focus();
      },
    });
    this.findings = new FilterFindings(inspection);
    this.nameWidths = new NameWidths(inspection.tree);
    this.selectionBar = new SelectionBar(() => {
      this.table.forgetChosen();
      this.focus();
    });
    this.matricesBox = checkbox(l10n.t('Matrices only'), memory.current.matrices, (matrices) => {
      memory.remember({ matrices });
      this.updateRows();
      this.table.keepSelection();
    });
    this.matricesBox.title = l10n.t('Leave out biases, norms and other tensors without a spectrum');
    const tool = (label: string, icon: IconName, onClick: () => void, title = label): Button =>
      button({ label, icon, appearance: 'icon', title, onClick });
    const find = tool(l10n.t('Find'), 'search', () => this.find(), l10n.t('Find in the table (Ctrl+F)'));
    this.treeButton = tool('', 'list-tree', () => this.toggleTree());
    const collapse = tool(l10n.t('Collapse all modules'), 'collapse-all', () => this.collapseAll());
    this.table = new LayerTable(
      {
        open: (node, how) => actions.open(node, how),
        toggle: (node, expand) => this.toggle(node, expand),
        menu: (nodes, at) => actions.menu(nodes, at),
        chosen: () => this.showChosen(),
        sort: (column) => this.sortBy(column),
        resize: (column, width) => this.columns.resize(column, width),
        resized: () => this.columns.resized(),
        moveColumn: (column, target, side) => this.columns.move(column, target, side),
        widthChanged: () => this.updateColumns(),
        visible: (nodes) => {
          const { top } = this.table.anchor;
          if (top !== null) memory.remember({ top });
          actions.visible(nodes.flatMap((node) => node.layer ?? []));
        },
        type: (text) => this.typeAhead(text),
      },
      {
        isExpanded: (node) => !this.collapsed.has(node.key),
        status: (node) => rowStatus(inspection, node),
        wanted: () => this.findBar.wanted,
      },
    );
    this.findBar = new FindBar({
      rows: () => this.rowsInOrder(new Set()).rows,
      active: () => this.table.rows[this.table.active]?.node,
      goTo: (node) => this.goTo(node),
      redraw: () => this.table.refresh(),
      focusTable: () => this.focus(),
    });
    this.element = element(
      'section',
      { class: 'tensors', 'aria-label': l10n.t('Tensors') },
      element(
        'div',
        { class: 'toolbar' },
        ...this.filterBox.elements,
        this.count,
        this.matricesBox,
        element('span', { class: 'toolbar-end' }, find, this.treeButton, collapse, this.columns.button),
      ),
      this.findBar.element,
      this.selectionBar.element,
      this.table.element,
    );
    this.updateRows();
    this.updateColumns();
  }

  /** New results: values appear at once, the order follows a little later. */
  refresh(): void {
    if (this.ownShown !== this.inspection.ownColumns) this.rebuildColumns();
    this.table.refresh();
    const state = `${this.inspection.version} ${this.inspection.busy}`;
    if (this.shownState === state) return;
    this.shownState = state;
    this.settleTimer ||= window.setTimeout(() => {
      this.settleTimer = 0;
      if (this.dependsOnResults()) this.updateRows();
      else this.table.refresh();
    }, SETTLE_MS);
  }

  /** Marks the layer that is shown and brings its row into sight. */
  select(layer: string | null): void {
    const node = layer === null ? undefined : this.inspection.leafOf(layer);
    this.table.select(layer, node?.key);
    if (layer === null || this.table.reveal(layer)) return;
    for (let above = node?.parent; above; above = above.parent) this.collapsed.delete(above.key);
    if (this.memory.current.filter !== '') this.setFilter('');
    if (node && !this.isShown(node)) {
      this.memory.remember({ matrices: false });
      setChecked(this.matricesBox, false);
    }
    this.updateRows();
    this.table.reveal(layer);
  }

  private showChosen(): void {
    const { chosen } = this.table;
    this.table.element.classList.toggle('several', chosen.length > 1);
    const items = (): readonly RowMenuItem[] => this.actions.together(this.table.chosen);
    this.selectionBar.show(chosen.length, chosen.length > 1 ? leavesOf(chosen).length : 0, items);
  }

  /** To where the table was left. */
  scrollBack(): void {
    this.table.anchor.hold(this.memory.current.top);
  }

  focus(): void {
    this.table.element.focus();
  }

  /** Shows the layers of a group of findings, by a filter that says which they are. */
  showFindings(group: readonly UnusualLayer[]): void {
    this.filterBox.change(this.findings.termOf(group));
    this.focus();
  }

  /** Opens the line that finds names. */
  find(): void {
    this.findBar.open();
  }

  /** The columns that are shown, of these layers, for a spreadsheet. */
  numbersOf(nodes: readonly TreeNode[]): string {
    return copiedNumbers(this.columns.chosen, nodes);
  }

  /** The layers that the filter leaves, in the order shown, folded modules or not; in the columns shown. */
  text(titles: 'key' | 'label'): TextTable {
    const rows = this.rowsInOrder(new Set()).rows.filter(({ node }) => node.layer !== undefined);
    return copiedTable(
      this.columns.chosen,
      rows.map(({ node }) => node),
      titles,
    );
  }

  /** What opening a layer from elsewhere may change. */
  get place(): TablePlace {
    const { filter } = this.memory.current;
    return { filter, collapsed: [...this.collapsed], scroll: this.table.element.scrollTop };
  }

  goBack({ filter, collapsed, scroll }: TablePlace): void {
    this.collapsed = new Set(collapsed);
    if (this.memory.current.filter !== filter) this.setFilter(filter);
    this.updateRows();
    this.table.element.scrollTop = scroll;
  }

  private get sorting(): Sorting | null {
    const { sort } = this.memory.current;
    const column = this.columns.all.find((candidate) => candidate.key === sort?.column);
    return sort && column ? { value: column.sort, descending: sort.descending } : null;
  }

  private dependsOnResults(): boolean {
    const { sort } = this.memory.current;
    const columns = sort === null ? this.filtersBy : [sort.column, ...this.filtersBy];
    return columns.some((key) => !HEADER_KEYS.has(key));
  }

  /** Other own numbers: they are in the chooser, the filter and, if they were chosen, in the table. */
  private rebuildColumns(): void {
    this.ownShown = this.inspection.ownColumns;
    this.columns.all = allColumns(this.inspection);
    this.rowFilter = null;
    this.updateColumns();
    this.updateRows();
  }

  private updateColumns(): void {
    const { sort } = this.memory.current;
    const shown = this.columns.shown(this.table.width, this.table.nameRoom, sort?.column);
    this.table.setColumns(shown, this.columns.nameWidth);
    this.table.setSort(sort);
  }

  private updateRows(): void {
    const { tree, filter, matrices } = this.memory.current;
    const isFiltered = filter.trim() !== '';
    const { rows, filtered } = this.rowsInOrder(this.collapsed);
    let count = '';
    this.filtersBy = filtered?.fields ?? [];
    if (filtered) {
      const total = counted(this.hasStacks() ? 'layers' : 'tensors', filtered.total);
      const found = formatCount(rows.length);
      count =
        this.inspection.busy && this.dependsOnResults()
          ? l10n.t('{0} of {1} so far', found, total)
          : l10n.t('{0} of {1}', found, total);
    }
    this.table.setNameWidth(tree && !isFiltered ? this.nameWidths.tree : this.nameWidths.list);
    this.table.setRows(
      rows,
      emptyTable({
        ...{ tensors: this.inspection.tree.leaves.length, problems: this.inspection.summary.problems.length > 0 },
        ...{ matricesOnly: matrices, filter, problem: filtered?.problem, found: filtered?.found ?? 0 },
      }),
    );
    this.findBar.rowsChanged();
    this.showChosen();
    this.count.textContent = count;
    const label = tree ? l10n.t('Show as a list') : l10n.t('Show as a tree');
    this.treeButton.setAttribute('aria-label', label);
    this.treeButton.title = label;
    setIcon(this.treeButton.firstElementChild as HTMLElement, tree ? 'list-flat' : 'list-tree');
  }

  /** Rows that the filter lets through, with what it found; without a filter, all but those below `collapsed`. */
  private rowsInOrder(collapsed: ReadonlySet<string>): {
    rows: readonly ShownRow[];
    filtered?: Filtered & { found: number };
  } {
    const { tree, filter, matrices } = this.memory.current;
    const all = this.inspection.tree;
    const shown = matrices ? (this.matrices ??= withMatrices(all)) : undefined;
    if (filter.trim() !== '') {
      const found = (this.rowFilter ??= new RowFilter(all, [...this.columns.all, ...this.findings.fields])).rows(
        filter,
        this.sorting,
      );
      const rows = shown ? found.rows.filter(({ node }) => shown.has(node)) : found.rows;
      return { rows, filtered: { ...found, rows, found: found.rows.length } };
    }
    return { rows: tree ? treeRows(all, collapsed, this.sorting, shown) : flatRows(all, this.sorting, shown) };
  }

  /** Unfolds what is around a row, and puts the keyboard on it. */
  private goTo(node: TreeNode): void {
    let isHidden = false;
    for (let above = node.parent; above; above = above.parent) {
      if (this.collapsed.delete(above.key)) isHidden = true;
    }
    if (isHidden) {
      this.memory.remember({ collapsed: [...this.collapsed] });
      this.updateRows();
    }
    const index = this.table.rows.findIndex((row) => row.node === node);
    if (index >= 0) this.table.moveTo(index);
  }

  /** False for a tensor that is left out where only matrices are shown. */
  private isShown(node: TreeNode): boolean {
    return !this.memory.current.matrices || (this.matrices ??= withMatrices(this.inspection.tree)).has(node);
  }

  /** True where some tensors are shown as their layers. */
  private hasStacks(): boolean {
    return this.inspection.tree.leaves.some(({ kind }) => kind === 'layer');
  }

  private sortBy(column: Column): void {
    const { sort } = this.memory.current;
    const same = sort?.column === column.key;
    // Third click: back to file order.
    const back = same && sort.descending !== column.descendingFirst;
    this.memory.remember({
      sort: back ? null : { column: column.key, descending: same ? !sort.descending : column.descendingFirst },
    });
    this.table.anchor.hold(null);
    // The column that the rows are sorted by has the first claim to room.
    this.updateColumns();
    this.updateRows();
    // What was sorted to the top is what one wants to see.
    this.table.moveTo(0);
  }

  private toggle(node: TreeNode, expand: boolean): void {
    if (expand) this.collapsed.delete(node.key);
    else this.collapsed.add(node.key);
    this.memory.remember({ collapsed: [...this.collapsed] });
    this.updateRows();
  }

  private collapseAll(): void {
    const groups: string[] = [];
    const visit = (node: TreeNode): void => {
      for (const child of node.children) {
        if (child.children.length > 0) groups.push(child.key);
        visit(child);
      }
    };
    visit(this.inspection.tree.root);
    this.collapsed = new Set(groups);
    this.memory.remember({ collapsed: groups });
    this.updateRows();
    this.table.keepSelection();
  }

  private toggleTree(): void {
    this.memory.remember({ tree: !this.memory.current.tree });
    this.updateRows();
    this.table.keepSelection();
  }

  /** The best matches are the first; without a filter, the open layer stays in sight. */
  private filterChanged(): void {
    this.table.anchor.hold(null);
    this.updateRows();
    if (this.memory.current.filter.trim() !== '') this.table.moveTo(0);
    else this.table.keepSelection();
  }

  private setFilter(filter: string): void {
    this.filterBox.show(filter);
    this.memory.remember({ filter });
  }

  private typeAhead(text: string): void {
    this.filterBox.change(this.memory.current.filter + text);
    this.filterBox.focus();
  }
}

/** Columns known from headers alone: their order does not change while results come in. */
const HEADER_KEYS = new Set([NAME_COLUMN, 'shape', 'dtype', 'parameters', 'bytes', ROLE]);
