/**
 * Where a model's weights come from. A variant of a model, saved or not, is another source for the same description: see
 * `replacing`.
 */
import type { Linear, Norm } from '../families/family';

/** The matrix of a module, out × in, in float32: as one, or as the product left·right (out × rank, rank × in). */
export type MatrixWeight =
  | { readonly kind: 'dense'; readonly w: Float32Array; readonly outputs: number; readonly inputs: number }
  | {
      readonly kind: 'pair';
      readonly left: Float32Array;
      readonly right: Float32Array;
      readonly outputs: number;
      readonly inputs: number;
      readonly rank: number;
    };

export interface LinearWeight {
  readonly matrix: MatrixWeight;
  readonly bias?: Float32Array;
}

export interface NormWeight {
  readonly weight?: Float32Array;
  readonly bias?: Float32Array;
}

/** All methods throw DecoderError `missing-weights`, CheckpointError and the signal's reason. */
export interface WeightSource {
  linear(linear: Linear, signal?: AbortSignal): Promise<LinearWeight>;
  norm(norm: Norm, size: number, signal?: AbortSignal): Promise<NormWeight>;
  /** Rows and columns of a table that is looked up in, or of the output matrix; undefined if it is not stored. */
  tableSize(name: string): { readonly rows: number; readonly columns: number } | undefined;
  /** Rows [start, end) of it; of a pair they are multiplied out. */
  table(
    name: string,
    rows: { readonly start: number; readonly end: number },
    signal?: AbortSignal,
  ): Promise<Float32Array>;
}

/** What stands in for the weights of one module; without `bias` the original's stays. */
export type Replacement = (linear: Linear, original: () => Promise<LinearWeight>) => Promise<LinearWeight> | undefined;

/** The same model with other matrices in some modules: a plan that is not saved yet. */
export function replacing(source: WeightSource, replacement: Replacement): WeightSource {
  return {
    linear: (linear, signal) => {
      const original = (): Promise<LinearWeight> => source.linear(linear, signal);
      return replacement(linear, original) ?? original();
    },
    norm: (...args) => source.norm(...args),
    tableSize: (name) => source.tableSize(name),
    table: (...args) => source.table(...args),
  };
}
