/** What a person asks an allocation for, and what it answers. */
import type { Allocation, LayerChoice, LayerPlan, PlanTarget } from '../../shared/compression/plans';

/** What a checkpoint holds beside the layers of a plan: biases, norms, buffers. It is copied. */
export interface PlanRest {
  readonly bytes: number;
  /** Bytes of it in a saved model; `bytes` without. */
  readonly savedBytes?: number;
  readonly parameters: number;
}

export interface PlanRequest {
  readonly target: PlanTarget;
  /** The ILP is the engine's (`compression/assignment/`): it chooses among methods, and takes seconds. */
  readonly allocation: Exclude<Allocation, 'ilp'>;
  /** Minimises Σ‖W − Ŵ‖²/‖W‖² over the layers in place of Σ‖W − Ŵ‖². */
  readonly relative?: boolean;
  /** The method of all layers. Its rank is read only for adapters, which no target decides. */
  readonly method: LayerChoice;
  /** Regular expressions: layers that match one stay dense. */
  readonly exclude?: readonly string[];
  /** Regular expressions: layers that are left out unless asked for (`PlanLayer.leftOut`) take part if they match one. */
  readonly include?: readonly string[];
  readonly multiple: 1 | 8 | 32 | 64;
  /** Layers that stay dense whatever else is said of them, and why: those of groups, or without statistics. */
  readonly leftOut?: Readonly<Record<string, string>>;
  /** Of those that become smaller with their groups: the share of each that stays. The target counts it. */
  readonly groupShares?: Readonly<Record<string, number>>;
  /** Rows that a person has edited, by the layer's name. */
  readonly pinned?: Readonly<Record<string, LayerPlan>>;
  /** What `pinned` rows take is given up by the others, so that the target is still met. Else the others stay. */
  readonly rebalance?: boolean;
  /** `farms-alpha` and `alphapruning`: one ratio for a block, by the mean alpha of its layers. */
  readonly perBlock?: boolean;
  /**
   * `farms-alpha` and `alphapruning`: ratios lie between 1 − ε and 1 + ε before they are scaled. 0.3 unless given.
   * `block-influence`: the temperature of its softmax. 0.1 unless given.
   */
  readonly epsilon?: number;
  /** `block-influence`: 1 − the mean cosine of what enters and leaves a block, by `PlanLayer.block`. */
  readonly blockInfluence?: Readonly<Record<string, number>>;
}

export interface BeforeAfter {
  readonly before: number;
  readonly after: number;
}

/** One layer in the plan's table. */
export interface PlanRow {
  readonly name: string;
  readonly plan: LayerPlan;
  readonly pinned: boolean;
  /** Parameters after over those before. */
  readonly kept: number;
  /** ‖W − Ŵ‖_F/‖W‖_F; null if the layer was not inspected. */
  readonly error: number | null;
  /** `exact` from σ; `at least` and `at most` are bounds from σ; `estimate` is neither. */
  readonly errorIs: ErrorKind;
  readonly errorBetween?: ErrorInterval;
  /** ‖(W − Ŵ)X‖/‖WX‖, exact; absent unless the method cuts σ of W·L and those are known. */
  readonly outputError?: number;
  readonly parameters: BeforeAfter;
  readonly bytes: BeforeAfter;
  /** Per token, or per output position of a convolution. */
  readonly multiplyAdds: BeforeAfter;
  /** What the person should know of this row. */
  readonly note?: string;
}

/** What an estimated error lies between for weights with lighter and heavier tails than the normal distribution's. */
export type ErrorInterval = readonly [least: number, most: number];

export type ErrorKind = 'exact' | 'at least' | 'at most' | 'estimate';

export interface PlanTotals {
  /** Of the whole saved model. */
  readonly bytes: BeforeAfter;
  readonly parameters: BeforeAfter;
  /** Present if the plan may be saved as an adapter for PEFT and `bytes` alone does not say what that takes. */
  readonly asAdapter?: AdapterSize;
  /** Present if a folder for transformers takes more: it stores the factors of each of several copies that are not tied. */
  readonly copiedFactors?: number;
  /** Of the layers of the plan. */
  readonly multiplyAdds: BeforeAfter;
  /**
   * √(Σ‖W − Ŵ‖²/Σ‖W‖²) over the layers that take part, or √ of the mean ‖W − Ŵ‖²/‖W‖² with `relative`. 0 if none takes
   * part, null if one of them that is compressed was not inspected.
   */
  readonly error: number | null;
  readonly errorIs: ErrorKind;
  readonly errorBetween?: ErrorInterval;
  /** The same of the outputs; absent if that of a compressed layer is not known. */
  readonly outputError?: number;
  readonly compressed: number;
  readonly layers: number;
}

/** A plan that is saved as an adapter for PEFT. */
export interface AdapterSize {
  /** Of all files: the adapter, and the base that is saved with it. */
  readonly bytes: number;
  /** `decoded`: quantised weights are saved as plain numbers. `elsewhere`: a quantised checkpoint is the base. */
  readonly base: 'decoded' | 'elsewhere';
}

export interface AllocatedPlan {
  /** In the order in which the layers were given. */
  readonly layers: Readonly<Record<string, LayerPlan>>;
  readonly rows: readonly PlanRow[];
  readonly totals: PlanTotals;
  /** The target is met. If not, the plan is the one that comes nearest. */
  readonly feasible: boolean;
  /** The value of the target that this plan reaches: of its size, parameters or error. */
  readonly reached: number | null;
  /** Why the target is not met, in one sentence. */
  readonly why?: string;
  /** Layers that take part and stay dense only because they were not inspected. */
  readonly missing: readonly string[];
  /**
   * `optimal` and `ilp`: any other plan of these choices has at least 1 − gap of this one's total squared error, or of its
   * size if the error is the target. 0 if this one was proved to be the best.
   */
  readonly gap?: number;
}

/** A point of the line of size against error. */
export interface CurvePoint {
  /** Of the whole model over the original: parameters if the target counts them, else bytes. */
  readonly share: number;
  /** As in `PlanTotals`. */
  readonly error: number;
}
