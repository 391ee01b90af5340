/** Running a plan: what is asked for, and what came of it. */
import type { DType } from '../tensors';
import type { LayoutName } from './layouts';
import type { MeasuredGroup, MeasuredLayer } from './measured';
import type { CompressionPlan } from './plans';

export interface RunRequest {
  readonly plan: CompressionPlan;
  readonly layout: LayoutName;
  /** The new folder. */
  readonly target: string;
  /** Of new floating-point tensors; each layer's own without. What is copied keeps its own. */
  readonly dtype?: DType;
  /** Most bytes of tensors in one file. */
  readonly shardBytes?: number;
  /** A file of statistics. */
  readonly statistics?: string;
  /** A quantised checkpoint of the same model, for methods that need one. */
  readonly quantised?: string;
  /** An earlier run of the same target that did not end: it is refused unless told otherwise. */
  readonly existing?: 'refuse' | 'resume' | 'restart';
}

export interface RunResult {
  /** The new folder. */
  readonly path: string;
  /** Its files, below it. */
  readonly files: readonly string[];
  readonly bytes: {
    /** Tensors of the model, as the checkpoint stores them; without those that no saved model holds. */
    readonly before: number;
    /** All of the files: headers, configuration and tokenizer, too. */
    readonly after: number;
    /** Tensors in these files: what a plan counts. */
    readonly tensors: number;
  };
  /** Each compressed layer, measured on what is stored, in the checkpoint's order. */
  readonly layers: readonly (MeasuredLayer | MeasuredGroup)[];
  readonly notes: readonly string[];
}
