/** What a compression of one layer costs and loses, as measured on what is stored: for views, plans and reports. */
import type { GroupPlan, LayerChoice } from './plans';

export interface MeasuredLayer {
  readonly layer: string;
  readonly choice: LayerChoice;
  /** ‖W − Ŵ‖_F/‖W‖_F of the stored values */
  readonly relative_error: number;
  /** ‖D(W − Ŵ)L‖_F/‖DWL‖_F in the method's own metric; equal to `relative_error` in the plain one. */
  readonly metric_error: number;
  /** ‖(W − Ŵ)X‖_F/‖WX‖_F, if the Gram matrix of the inputs is known; null if not. */
  readonly output_error: number | null;
  readonly parameters: { readonly before: number; readonly after: number };
  readonly bytes: { readonly before: number; readonly after: number };
  /** Per token, or per output position of a convolution. */
  readonly multiply_adds: { readonly before: number; readonly after: number };
  /** Numbers that the factorised forward holds per token beside inputs and outputs: the ranks of its factors. */
  readonly activations: number;
  /** Error after each round of an alternating method, in its own metric. */
  readonly rounds?: readonly number[];
  readonly notes: readonly string[];
  /** Numbers beyond the range of the type in which they are stored; absent if there are none. */
  readonly saturated?: number;
}

/**
 * The same of an MLP or an attention that became smaller. No weight stands for another one there: the errors are those of its
 * outputs, or of its scores.
 */
export interface MeasuredGroup extends Omit<MeasuredLayer, 'choice'> {
  readonly choice: GroupPlan;
}
