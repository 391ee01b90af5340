/** Groups of projections that become smaller together, as plans ask for them. */
import type { GroupMethodName } from './plans';

/** A group of a checkpoint, and a method for it. */
export type GroupOption = {
  readonly method: GroupMethodName;
  /** The common beginning of its names: `model.layers.0.mlp`. */
  readonly name: string;
} & (
  | {
      /** The largest rank: its channels, or the dimensions of a head. */
      readonly most: number;
      /** The layer whose inputs the statistics must cover. */
      readonly measuredAt: string;
      /** Names of the tensors that become smaller. */
      readonly members: readonly string[];
    }
  /** Why the method does not fit it. */
  | { readonly why: string }
);

export interface GroupShare {
  readonly method: GroupMethodName;
  /** Of the channels of an MLP, or of the dimensions of a head, that stay: between 0 and 1. */
  readonly share: number;
}
