/** How wide the column of names would like to be. */
import type { ModuleTree, TreeNode } from '../model/moduleTree';
import { CHARACTER_WIDTH } from './columns';
import { INDENT } from './tableRow';

/** Longer names are cut off; their tooltip has the rest. */
const MOST = 360;
/** What stands around a name in its cell. */
const PADDING = 60;

/** Room for the longest name, within a limit, in pixels: the same for whatever is folded or found. */
export class NameWidths {
  private inTree?: number;
  private inList?: number;

  constructor(private readonly modules: ModuleTree) {}

  /** Rows that say what they add to their parent's name. */
  get tree(): number {
    const longest = (nodes: readonly TreeNode[]): number =>
      nodes.reduce((most, node) => {
        const own = node.label.length * CHARACTER_WIDTH + node.depth * INDENT;
        return Math.max(most, own, longest(node.children));
      }, 0);
    return (this.inTree ??= bounded(longest(this.modules.root.children)));
  }

  /** Rows with whole names. */
  get list(): number {
    const longest = this.modules.leaves.reduce((most, { name }) => Math.max(most, name.length), 0);
    return (this.inList ??= bounded(longest * CHARACTER_WIDTH));
  }
}

function bounded(width: number): number {
  return Math.min(MOST, Math.round(width) + PADDING);
}
