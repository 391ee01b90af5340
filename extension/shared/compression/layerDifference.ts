/** Where a compression of one layer is wrong: W − Ŵ at screen resolution, its worst rows and columns, both spectra. */
import type { HeatMap } from '../layers';
import type { MeasuredLayer } from './measured';

export interface LayerDifference {
  readonly measured: MeasuredLayer;
  /** W − Ŵ, out × in as y = Wx has it. */
  readonly map: HeatMap;
  /** The outputs and inputs with the largest ‖W − Ŵ‖, largest first. */
  readonly rows: readonly WorstLine[];
  readonly columns: readonly WorstLine[];
  /** λ = σ² of W and of Ŵ, ascending. */
  readonly before: Float64Array;
  readonly after: Float64Array;
}

/** A row or column of the matrix. */
export interface WorstLine {
  readonly index: number;
  /** ‖W − Ŵ‖ over ‖W‖ of the line; Infinity if the line of W is zero. */
  readonly relative: number;
  /** Its share of ‖W − Ŵ‖_F². */
  readonly share: number;
}
