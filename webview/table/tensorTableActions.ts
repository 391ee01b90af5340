/** What the page does for the table of tensors, and what it keeps of its place. */
import type { TreeNode } from '../model/moduleTree';
import type { RowMenuItem } from './rowMenu';

export interface TensorTableActions {
  open(node: TreeNode, how: 'pointer' | 'keyboard'): void;
  menu(nodes: readonly TreeNode[], at: { x: number; y: number }): void;
  /** What can be done with several rows. */
  together(nodes: readonly TreeNode[]): readonly RowMenuItem[];
  /** Layers in sight, top first. */
  visible(layers: string[]): void;
  /** Asks for a file of own numbers; absent if there is nobody to ask. */
  readonly addColumns?: () => void;
}

/** How far the table was scrolled, and which rows it had. */
export interface TablePlace {
  filter: string;
  collapsed: readonly string[];
  scroll: number;
}
