/** What can be heard of a pass through the blocks while it goes on. */
import type { BlockDescription } from '../families/family';
import type { Values } from './sessions';

/** Where a pass is. */
export interface PassProgress {
  readonly block: number;
  readonly blocks: number;
  /** Windows that went through the block. */
  readonly window: number;
  readonly windows: number;
}

export interface PassListener {
  /** What enters the products of these modules: tokens × width. Only called for if it is there. */
  readonly inputs?: (modules: readonly string[], rows: Values) => Promise<void>;
  /** States before and after a block, of one batch after another. */
  readonly block?: (block: BlockDescription, before: Float32Array, after: Float32Array) => void;
  /** All windows went through the block. */
  readonly done?: (block: BlockDescription) => Promise<void>;
  readonly progress?: (progress: PassProgress) => void;
}
