/** What the plan of a checkpoint is made from: its layers as allocations see them, and all else that a saved model holds. */
import type { CompressionPlan, PlanLayer } from './plans';

export interface PlanSource {
  readonly checkpoint: CompressionPlan['checkpoint'];
  readonly layers: readonly PlanLayer[];
  /** What is no layer of the plan, and is copied: norms, biases, buffers. */
  readonly rest: { readonly bytes: number; readonly savedBytes?: number; readonly parameters: number };
}
