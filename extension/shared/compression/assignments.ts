/** A plan by integer programming: what is asked for, and what came of it. */
import type { CompressionPlan, LayerChoice, LayerPlan } from './plans';

export interface AssignmentRequest extends Pick<
  CompressionPlan,
  'target' | 'relative' | 'method' | 'exclude' | 'multiple'
> {
  /** Rows that were set by hand, by the layer's name: they are kept, and the others share the rest. */
  readonly pinned: Readonly<Record<string, LayerPlan>>;
  /** Layers that stay dense, and why. */
  readonly leftOut: Readonly<Record<string, string>>;
  /** Of those of groups: the share of each that stays. */
  readonly groupShares: Readonly<Record<string, number>>;
  /** Methods that it chooses among, with a quantiser if it is to be one; `method` alone if there are none. */
  readonly choices: readonly LayerChoice[];
  /** A file of statistics: layers that it does not cover get no method that needs them. */
  readonly statistics?: string;
  /** A quantised checkpoint of the same model. */
  readonly quantised?: string;
  /** Seconds that the solver may take. */
  readonly timeLimit: number;
}

export interface Assignment {
  readonly layers: Readonly<Record<string, LayerPlan>>;
  /** As in an allocated plan: 0 if this was proved to be the best; null if nothing meets the target. */
  readonly gap: number | null;
  readonly seconds: number;
}

/** Seconds that the solver may take unless a person says otherwise. */
export const DEFAULT_TIME_LIMIT = 5;
