/** The table by keyboard, as the ARIA treegrid pattern and VS Code's own trees have it. */
import type { KeyboardTable, TableActions } from './tableActions';

export function handleTableKey(event: KeyboardEvent, table: KeyboardTable, actions: TableActions): void {
  // Keys in the header's sort buttons are theirs.
  if (event.target !== table.element || event.isComposing) return;
  const row = table.rows[table.active];
  const control = event.ctrlKey || event.metaKey;
  const target = {
    ArrowDown: table.active + 1,
    ArrowUp: table.active - 1,
    PageDown: table.active + table.pageSize,
    PageUp: table.active - table.pageSize,
    Home: 0,
    End: table.rows.length - 1,
  }[event.key];
  if (target !== undefined) {
    event.preventDefault();
    if (event.shiftKey) table.extendTo(target);
    else table.moveTo(target);
    return;
  }
  switch (event.key) {
    case 'Escape':
      if (!table.forgetChosen()) return;
      break;
    case 'ArrowRight':
      if (control) table.scrollColumns(1);
      else if (row) expandOrEnter(table, actions);
      break;
    case 'ArrowLeft':
      if (control) table.scrollColumns(-1);
      else if (row) collapseOrLeave(table, actions);
      break;
    case 'Enter':
    case ' ':
      if (!row) return;
      if (control) table.toggleChosen();
      else if (row.node.layer !== undefined) actions.open(row.node, 'keyboard');
      else actions.toggle(row.node, !isExpanded(table));
      break;
    case 'ContextMenu':
      if (row) actions.menu(table.menuNodes, table.activePlace());
      break;
    case 'F10':
      if (!event.shiftKey || !row) return;
      actions.menu(table.menuNodes, table.activePlace());
      break;
    case 'a':
      if (!control) {
        actions.type(event.key);
        break;
      }
      table.chooseAll();
      // VS Code would choose all text of the page.
      event.stopPropagation();
      break;
    default:
      if (event.key.length !== 1 || control || event.altKey) return;
      actions.type(event.key);
  }
  event.preventDefault();
}

/** A row is expanded where the one below it is its child. */
function isExpanded(table: KeyboardTable): boolean {
  return table.rows[table.active + 1]?.node.parent === table.rows[table.active]?.node;
}

function expandOrEnter(table: KeyboardTable, actions: TableActions): void {
  const { node } = table.rows[table.active]!;
  if (node.children.length === 0) return;
  if (isExpanded(table)) table.moveTo(table.active + 1);
  else actions.toggle(node, true);
}

function collapseOrLeave(table: KeyboardTable, actions: TableActions): void {
  const { node } = table.rows[table.active]!;
  if (node.children.length > 0 && isExpanded(table)) {
    actions.toggle(node, false);
    return;
  }
  const parent = table.rows.findIndex((row) => row.node === node.parent);
  if (parent >= 0) table.moveTo(parent);
}
