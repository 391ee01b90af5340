/** Describes a stored matrix that may have parts, and the parts. */
import type { RecurrentOperator, Runs } from '../../shared/tensors';
import type { HeadsOfAxes } from '../attentionAxes';
import type { ModelSizes } from '../../shared/modelSizes';

/** No known model has half as many heads or experts; a longer list would be of no use to anyone. */
export const MAX_PARTS = 1024;

export interface MatrixDescription {
  /** The tensor's. */
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  /** One matrix of a tensor of three axes. */
  readonly stacked: boolean;
  /** How the elements are stored where that is not plainly so. */
  readonly encoding?: string;
  readonly recurrent?: RecurrentOperator;
  /** Heads that the tensor's own axes tell. */
  readonly heads?: HeadsOfAxes;
  readonly sizes: ModelSizes;
  /** Shape of another tensor; undefined where there is none of that name. */
  readonly shapeOf: (name: string) => readonly number[] | undefined;
}

/** Some rows of the matrix, or some columns. */
export interface Section {
  readonly label: string;
  readonly runs: Runs;
  /** Attention heads that it consists of, one after another. */
  readonly heads?: number;
}

export interface PartsOfMatrix {
  readonly axis: 'rows' | 'cols';
  readonly sections: readonly Section[];
}
