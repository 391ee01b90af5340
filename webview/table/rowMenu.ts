/** What can be done with rows of the table: one layer, a module with all that is below it, or several rows. */
import { l10n } from '../../extension/shared/language/l10n';
import { formatCount } from '../numbers/format';
import type { TreeNode } from '../model/moduleTree';

export interface RowMenuItem {
  label: string;
  icon: 'copy' | 'debug-stop' | 'export' | 'fold' | 'graph' | 'play' | 'table';
  run: () => void;
}

/** What the menu needs to know of the layers. */
export interface InspectionState {
  readonly busy: boolean;
  isMissing(name: string): boolean;
}

export interface RowMenuActions {
  open(layer: string, how: { compress?: boolean }): void;
  inspect(names: string[]): void;
  cancel(names: string[]): void;
  /** Shows layers with a matrix beside each other. */
  compare(nodes: readonly TreeNode[]): void;
  /** Plans the compression of these and of no others. */
  compressThese(rows: PlannedRows): void;
  copy(text: string): void;
  copyNumbers(nodes: readonly TreeNode[]): void;
  /** Writes their numbers to a file. */
  saveNumbers(names: string[]): void;
}

/** Layers with a matrix, and what they are called together. */
export interface PlannedRows {
  label: string;
  layers: string[];
  nodes: readonly TreeNode[];
}

/** What stands beside the number of rows that were chosen together; their menu has the rest. */
export const TOGETHER = new Set([
  l10n.t('Compare These'),
  l10n.t('Compress These…'),
  l10n.t('Copy Numbers'),
  l10n.t('Save Numbers as CSV…'),
]);

/** @param nodes rows that stand for themselves and for everything below them */
export function rowMenu(
  nodes: readonly TreeNode[],
  inspection: InspectionState,
  actions: RowMenuActions,
): RowMenuItem[] {
  const leaves = leavesOf(nodes);
  const names = leaves.map(({ layer }) => layer!);
  const [first] = nodes;
  const single = nodes.length === 1 && first!.layer !== undefined ? first : undefined;
  const items: RowMenuItem[] = [];
  if (single) items.push({ label: l10n.t('Open'), icon: 'graph', run: () => actions.open(single.layer!, {}) });
  if (single && hasMatrix(single)) {
    items.push({
      label: l10n.t('Compress…'),
      icon: 'fold',
      run: () => actions.open(single.layer!, { compress: true }),
    });
  }
  const waiting = names.filter((name) => inspection.isMissing(name));
  if (waiting.length > 0) {
    items.push({ label: inspectLabel(nodes), icon: 'play', run: () => actions.inspect(waiting) });
  }
  if (inspection.busy) items.push({ label: l10n.t('Cancel'), icon: 'debug-stop', run: () => actions.cancel(names) });
  const matrices = leaves.filter(hasMatrix);
  if (matrices.length > 1) {
    items.push({ label: l10n.t('Compare These'), icon: 'graph', run: () => actions.compare(matrices) });
  }
  if (!single && matrices.length > 0) {
    const layers = matrices.map(({ layer }) => layer!);
    const label = nodes.length === 1 ? first!.name : l10n.t('{0} rows of the table', formatCount(nodes.length));
    const run = (): void => actions.compressThese({ label, layers, nodes: matrices });
    items.push({ label: l10n.t('Compress These…'), icon: 'fold', run });
  }
  if (leaves.length > 0) {
    items.push({ label: l10n.t('Copy Numbers'), icon: 'table', run: () => actions.copyNumbers(leaves) });
  }
  if (!single && leaves.length > 0) {
    items.push({ label: l10n.t('Save Numbers as CSV…'), icon: 'export', run: () => actions.saveNumbers(names) });
  }
  const label = nodes.length === 1 ? l10n.t('Copy Name') : l10n.t('Copy Names');
  items.push({ label, icon: 'copy', run: () => actions.copy(nodes.map(({ name }) => name).join('\n')) });
  return items;
}

/** All layers, and tensors without one, of rows and below them; each once. */
export function leavesOf(nodes: readonly TreeNode[]): TreeNode[] {
  const leaves = new Set<TreeNode>();
  const visit = (node: TreeNode): void => {
    if (node.layer !== undefined) leaves.add(node);
    for (const child of node.children) visit(child);
  };
  for (const node of nodes) visit(node);
  return [...leaves];
}

function hasMatrix({ tensor }: TreeNode): boolean {
  return (tensor?.layers.length ?? 0) > 0;
}

/** A numbered module is a block. */
function inspectLabel(nodes: readonly TreeNode[]): string {
  const [first] = nodes;
  if (nodes.length > 1) return l10n.t('Inspect These Layers');
  if (first!.layer !== undefined) return l10n.t('Inspect');
  return /(^|[._/])\d+$/.test(first!.name) ? l10n.t('Inspect This Block') : l10n.t('Inspect These Layers');
}
