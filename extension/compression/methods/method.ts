/** What a compression method is given and what it returns. `registry.ts` lists the methods; each has a file of its own. */
import type { Metric } from '../decomposition/metric';
import type { Kernels, Poll } from '../../linalg/kernels/kernels';
import type { MethodOptions } from '../../shared/compression/methodOptions';
import type { Part } from '../../shared/compression/parts';
import type { LayerStatistics } from '../../shared/compression/statistics';

/** The matrix of one layer: out × in, as y = Wx has it, row-major, every element finite. Methods do not change it. */
export interface LayerMatrix {
  readonly w: Float64Array;
  readonly outputs: number;
  readonly inputs: number;
}

export interface MethodInput extends LayerMatrix {
  /** For messages. */
  readonly layer: string;
  /** What `rank` of the choice says, 1 … min(outputs, inputs) for ranks; 0 for a method that has none or finds it. */
  readonly rank: number;
  readonly options: MethodOptions;
  /** Empty if nothing is known of the layer's inputs. */
  readonly statistics: LayerStatistics;
  /** What a quantised checkpoint holds of the matrix, decoded; for methods that need it. */
  readonly quantised?: Float64Array;
  /**
   * Out × in: 0 where an entry counts nowhere, because programs multiply the weight by such a mask. For `robust`; errors are
   * those of the kept entries. Absent if all count.
   */
  readonly mask?: Uint8Array;
  /** λ = σ² of w, in any order, if they are known. */
  readonly eigenvalues?: Float64Array;
  /**
   * Leading singular vectors of w's smaller side, rank × min(outputs, inputs), that were found before. A square matrix has
   * those of its inputs here.
   */
  readonly directions?: Float64Array;
}

export interface MethodTools {
  readonly kernels: Kernels;
  /** Takes the share of the work that is done. Throws AbortError when cancelled; asked at least every 100 ms or so. */
  readonly poll: Poll;
}

/** A matrix, out × in, that the parts are added to. */
export interface AdapterBase {
  readonly w: Float64Array;
  /** `here`: the weight that is saved beside the adapter. `elsewhere`: a quantised checkpoint has it already. */
  readonly stored: 'here' | 'elsewhere';
}

export interface MethodResult {
  /** W ≈ the sum of these, and of the base if there is one. */
  readonly parts: readonly Part[];
  readonly base?: AdapterBase;
  /** Added to the layer's outputs, beside the bias that it has. */
  readonly bias?: Float64Array;
  /** What the method minimised the error in; absent for the plain norm. Its weights, or its factor, are the layer's. */
  readonly metric?: Metric;
  /** Error after each round, in the metric of the method. */
  readonly rounds?: readonly number[];
  /** What the person should know: a ridge that was added, directions beyond the numerical rank. */
  readonly notes: readonly string[];
}

/**
 * @throws CompressionError `invalid-rank`, `not-finite`, `missing-statistics` or `invalid-statistics`, `unsupported`
 * @throws DOMException `AbortError` when cancelled
 */
export type LayerMethod = (input: MethodInput, tools: MethodTools) => MethodResult;

/** The same tools for a stage of the work: its progress goes from `from` to `to`. */
export function stage(tools: MethodTools, from: number, to: number): MethodTools {
  return { ...tools, poll: (fraction) => tools.poll(from + (to - from) * fraction) };
}
