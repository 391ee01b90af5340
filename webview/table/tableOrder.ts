/**
 * The rows of the table, in order: the tree with its collapsed modules, or a flat list, sorted. Pure functions of
 * nodes, so that 100 000 rows can be tested and timed without a browser.
 */
import type { ModuleTree, TreeNode } from '../model/moduleTree';

/** What a column sorts by; null (unknown) goes last in both directions. */
export type SortValue = (node: TreeNode) => number | string | null;

export interface Sorting {
  value: SortValue;
  descending: boolean;
}

export interface ShownRow {
  node: TreeNode;
  /** Indentation: 0 in a flat list. */
  depth: number;
  /** What the filter looked at, where it found more than the name: the name and the alias. */
  found?: string | undefined;
  /** Indexes of the text that the filter matched. */
  matches?: ReadonlySet<number>;
}

/** Layers with a matrix, and everything above them. */
export function withMatrices({ leaves }: ModuleTree): ReadonlySet<TreeNode> {
  const found = new Set<TreeNode>();
  for (const leaf of leaves) {
    if ((leaf.tensor?.layers.length ?? 0) === 0) continue;
    for (let node: TreeNode | null = leaf; node && !found.has(node); node = node.parent) found.add(node);
  }
  return found;
}

/**
 * All rows of the tree, children of collapsed modules left out.
 *
 * @param shown rows that there may be; all without it
 */
export function treeRows(
  tree: ModuleTree,
  collapsed: ReadonlySet<string>,
  sorting: Sorting | null,
  shown?: ReadonlySet<TreeNode>,
): ShownRow[] {
  const rows: ShownRow[] = [];
  const add = (siblings: readonly TreeNode[]): void => {
    for (const node of sorting ? sorted(siblings, sorting) : siblings) {
      if (shown && !shown.has(node)) continue;
      rows.push({ node, depth: node.depth });
      if (node.children.length > 0 && !collapsed.has(node.key)) add(node.children);
    }
  };
  add(tree.root.children);
  return rows;
}

/** Every tensor and layer in one list; a tensor of several layers gives way to its layers. */
export function flatRows(tree: ModuleTree, sorting: Sorting | null, shown?: ReadonlySet<TreeNode>): ShownRow[] {
  const nodes = tree.leaves.filter((node) => node.layer !== undefined && (!shown || shown.has(node)));
  return (sorting ? sorted(nodes, sorting) : nodes).map((node) => ({ node, depth: 0 }));
}

/** A sorted copy; equal and unknown values keep file order. */
export function sorted(nodes: readonly TreeNode[], { value, descending }: Sorting): TreeNode[] {
  const known: { node: TreeNode; key: number | string }[] = [];
  const unknown: TreeNode[] = [];
  for (const node of nodes) {
    const key = value(node);
    if (key === null || Number.isNaN(key)) unknown.push(node);
    else known.push({ node, key });
  }
  const direction = descending ? -1 : 1;
  known.sort((a, b) => direction * compare(a.key, b.key) || a.node.order - b.node.order);
  return [...known.map(({ node }) => node), ...unknown];
}

/** Names compare with their numbers by value: `layers.2` before `layers.10`. */
const names = new Intl.Collator('en', { numeric: true });

function compare(a: number | string, b: number | string): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : names.compare(String(a), String(b));
}
