/** Tensors as a tree of modules: names split on `.` and `/`, under their wrapper group where there is one. */
import type { TensorSummary } from '../../extension/shared/tensors';

/** The children of leaves, which are most rows. */
const NONE: readonly TreeNode[] = [];

export class TreeNode {
  parent: TreeNode | null = null;
  /** 0 for the rows at the top. */
  depth = 0;
  children: readonly TreeNode[] = NONE;
  /** Sums over everything below. */
  parameters = 0;
  bytes = 0;
  /** Tensors below, 1 for a tensor. */
  tensors = 0;

  constructor(
    readonly kind: 'group' | 'module' | 'tensor' | 'layer',
    /** Full name; for groups and modules the path. */
    readonly name: string,
    /** What this row adds to its parent's name. */
    public label: string,
    /** Position in file order, of the first tensor below. */
    readonly order: number,
    readonly tensor?: TensorSummary,
    /** Name of the layer whose numbers this row shows. */
    readonly layer?: string,
  ) {}

  /** Stable identity, kept in the remembered view. A tensor may be called like a module. */
  get key(): string {
    return this.tensor ? `=${this.name}` : this.name;
  }

  /** What the filter looks at: its name, and the one other programs have for it. */
  get filterText(): string {
    const alias = this.kind === 'tensor' ? this.tensor?.alias : undefined;
    return alias === undefined ? this.name : `${this.name} · ${alias}`;
  }

  add(child: TreeNode): void {
    child.parent = this;
    if (this.children === NONE) this.children = [child];
    else (this.children as TreeNode[]).push(child);
  }
}

export interface ModuleTree {
  /** Never shown itself. */
  readonly root: TreeNode;
  /** Every tensor, and every layer of tensors that hold several, in file order. */
  readonly leaves: readonly TreeNode[];
}

export function moduleTree(tensors: readonly TensorSummary[]): ModuleTree {
  const root = new TreeNode('group', '', '', 0);
  const leaves: TreeNode[] = [];
  /** Modules by their path; those of a group have its name and a character in front that no path begins with. */
  const modules = new Map<string, TreeNode>();
  tensors.forEach((tensor, order) => {
    const { group } = tensor;
    const space = group === '' ? '' : `${group}\u0000`;
    const top = group === '' ? root : (modules.get(space) ?? addGroup(modules, root, group, order));
    // With a wrapper's key in front of the name, the wrapper's row already says it.
    const name = shortName(tensor);
    const end = lastSeparator(name) + 1;
    const parent = end === 0 ? top : parentOf(modules, top, space, name.slice(0, end), order);
    const single = tensor.layers.length <= 1;
    const layer = single ? (tensor.layers[0] ?? tensor.name) : undefined;
    const leaf = new TreeNode('tensor', tensor.name, name.slice(end), order, tensor, layer);
    leaf.parameters = tensor.parameters;
    leaf.bytes = tensor.bytes;
    leaf.tensors = 1;
    parent.add(leaf);
    leaves.push(leaf);
    if (single) return;
    for (const each of tensor.layers) {
      const row = layerNode(tensor, each, order);
      leaf.add(row);
      leaves.push(row);
    }
  });
  arrange(root, -1);
  return { root, leaves };
}

/** The module with this path, which ends in a separator; made, with its parents, on first sight. */
function parentOf(modules: Map<string, TreeNode>, top: TreeNode, space: string, path: string, order: number): TreeNode {
  const key = space === '' ? path : space + path;
  const known = modules.get(key);
  if (known) return known;
  const start = lastSeparator(path, path.length - 2) + 1;
  const parent = start === 0 ? top : parentOf(modules, top, space, path.slice(0, start), order);
  const name = space === '' ? path : key.replace('\u0000', '.');
  const made = new TreeNode('module', name.slice(0, -1), path.slice(start), order);
  modules.set(key, made);
  parent.add(made);
  return made;
}

function addGroup(modules: Map<string, TreeNode>, root: TreeNode, group: string, order: number): TreeNode {
  const made = new TreeNode('group', group, group, order);
  modules.set(`${group}\u0000`, made);
  root.add(made);
  return made;
}

function lastSeparator(path: string, from = path.length): number {
  return Math.max(path.lastIndexOf('.', from), path.lastIndexOf('/', from));
}

function shortName(tensor: TensorSummary): string {
  if (tensor.group === '') return tensor.name;
  for (const separator of ['.', '/']) {
    const prefix = tensor.group + separator;
    if (tensor.name.startsWith(prefix)) return tensor.name.slice(prefix.length);
  }
  return tensor.name;
}

function layerNode(tensor: TensorSummary, layer: string, order: number): TreeNode {
  const label = layer.startsWith(tensor.name) ? layer.slice(tensor.name.length) : layer;
  const row = new TreeNode('layer', layer, label, order, tensor, layer);
  row.parameters = tensor.parameters / tensor.layers.length;
  row.bytes = tensor.bytes / tensor.layers.length;
  return row;
}

/** Sums, depths, natural order of numbered blocks, and one row in place of a module that holds a single thing. */
function arrange(current: TreeNode, depth: number): void {
  current.depth = depth;
  if (current.kind === 'tensor' || current.kind === 'layer') {
    for (const row of current.children) row.depth = depth + 1;
    return;
  }
  const children = current.children.map(compacted);
  current.children = children;
  if (children.length > 1 && children.every((row) => /^\d+[./]/.test(row.label))) {
    children.sort((a, b) => parseInt(a.label, 10) - parseInt(b.label, 10) || a.order - b.order);
  }
  for (const row of children) {
    row.parent = current;
    arrange(row, depth + 1);
    if (row.tensor?.sharedWith === undefined) {
      current.parameters += row.parameters;
      current.bytes += row.bytes;
    }
    current.tensors += row.tensors;
  }
  if (current.kind === 'module') current.label = current.label.replace(/[./]$/, '');
}

/** `q_proj.` holding only `weight` is shown as `q_proj.weight`, as the explorer shows folders with one child. */
function compacted(row: TreeNode): TreeNode {
  let kept = row;
  while (kept.kind === 'module' && kept.children.length === 1) {
    const only = kept.children[0]!;
    only.label = kept.label + only.label;
    kept = only;
  }
  return kept;
}
