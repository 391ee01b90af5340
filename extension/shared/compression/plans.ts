/** The plan of a whole model's compression: the record in `*.eigenplan.json`, and what it is made from. */
import type { MethodOptions } from './methodOptions';
import type { MethodName } from './methodTable';

/** Ending of a plan's file. */
export const PLAN_ENDING = '.eigenplan.json';

export const ALLOCATIONS = [
  ...([
    'optimal',
    'optimal-gram',
    'farms-alpha',
    'alphapruning',
    'welore',
    'block-influence',
    'uniform',
    'ilp',
  ] as const),
] as const;
export type Allocation = (typeof ALLOCATIONS)[number];

export type PlanTarget =
  /** Bytes of the whole saved model over those of the original, 0 … 1. */
  | { readonly kind: 'size'; readonly value: number }
  /** Share of all parameters that stays, 0 … 1. */
  | { readonly kind: 'parameters'; readonly value: number }
  /** √(Σ‖W − Ŵ‖²/Σ‖W‖²) over the compressed layers. */
  | { readonly kind: 'error'; readonly value: number };

/** One layer's method, how much it keeps, and its options. */
export interface LayerChoice extends Partial<MethodOptions> {
  readonly method: MethodName;
  /** Directions, columns, bond dimension or atoms (`methodTable.ts`); absent for a method that has none. */
  readonly rank?: number;
}

/** What one layer becomes. */
export type LayerPlan = LayerChoice | { readonly keep: 'dense'; readonly why: string };

/** Methods that act on several layers of a block at once. */
export type GroupMethodName = 'nystrom' | 'vo' | 'qk';

export interface GroupPlan {
  readonly method: GroupMethodName;
  /** Intermediate channels, or dimensions of a head, that stay. */
  readonly rank: number;
}

export interface CompressionPlan {
  readonly $schema?: string;
  readonly version: 1;
  /** Which model: another one is refused. */
  readonly checkpoint: { readonly name: string; readonly fingerprint: string };
  readonly target: PlanTarget;
  readonly allocation: Allocation;
  /** Errors are relative to each layer's own norm. */
  readonly relative?: boolean;
  /** The method that was chosen for all; `layers` has what each got. */
  readonly method: LayerChoice;
  /** Regular expressions: layers that match one stay dense. */
  readonly exclude: readonly string[];
  /** Ranks are multiples of this. */
  readonly multiple: 1 | 8 | 32 | 64;
  /** The statistics that it needs, by content. */
  readonly statistics?: { readonly name: string; readonly fingerprint: string };
  /** Every layer with a matrix, in the checkpoint's order, by the name of its tensor (of an expert: `name[index]`). */
  readonly layers: Readonly<Record<string, LayerPlan>>;
  /** By the common beginning of the block's names: `model.layers.0.mlp`. */
  readonly groups?: Readonly<Record<string, GroupPlan>>;
}

/** One layer as an allocation sees it. */
export interface PlanLayer {
  readonly name: string;
  /** out × in, as y = Wx has it. */
  readonly outputs: number;
  readonly inputs: number;
  /** Bytes of the matrix as it is stored, and of one element of new factors. */
  readonly storedBytes: number;
  /** Bytes of the matrix in a saved model where it stays dense; `storedBytes` without. Blocks of GGUF are saved decoded. */
  readonly savedBytes?: number;
  readonly elementBytes: number;
  /** How many weights hold its numbers and are not tied: a folder for transformers has the factors of each. 1 without. */
  readonly copies?: number;
  /** Block of the model: `model.layers.3`; '' for what is in none. */
  readonly block: string;
  /**
   * Why it cannot be compressed, or is left out unless asked for; absent if it takes part. `problem`: its weights could
   * not be analysed.
   */
  readonly leftOut?: { readonly why: string; readonly always: boolean; readonly problem?: true };
  /** Counts in no total: a copy of another layer, or no part of the model. Such a layer is always left out. */
  readonly uncounted?: boolean;
  /** All λ = σ² of the matrix, descending; absent if it was not inspected. */
  readonly eigenvalues?: Float64Array;
  /**
   * All λ of W·L, descending, C = LLᵀ the Gram matrix of the inputs: squares of what svd-llm may cut. Absent if there are
   * no statistics of the layer, or nobody asked.
   */
  readonly gramEigenvalues?: Float64Array;
  /** These are null where the fit failed, and absent where it was not computed. */
  readonly alpha?: number | null;
  /** Fitted with the rule `xmin_mid`, as AlphaPruning does. */
  readonly alphaMid?: number | null;
  readonly farmsAlpha?: number | null;
}
