/**
 * Method `cur`: k columns and k rows of W itself, drawn by their scores for the k leading singular directions, and the small
 * matrix U = C⁺·W·R⁺ between them. The rows and columns stay readable as those of the original.
 *
 * @see Mahoney & Drineas 2009, "CUR matrix decompositions for improved data analysis"
 */
import type { Kernels } from '../../linalg/kernels/kernels';
import { drawByScore, leverageScores, lewisWeights } from '../decomposition/leverage';
import { solveTransposed, thinLq } from '../decomposition/thinLq';
import { truncatedSvd } from '../truncatedSvd';
import type { LayerMethod } from './method';
import { transpose } from '../../linalg/kernels/transpose';

/** Rough shares of the time. */
const FACTORING = 0.5;
const SCORES = 0.7;

export const cur: LayerMethod = ({ w, outputs, inputs, rank, options }, { kernels, poll }) => {
  const { left, right, singularValues } = truncatedSvd(w, outputs, inputs, rank, {
    kernels,
    onProgress: (fraction) => poll(FACTORING * fraction),
  });
  const unit = (value: number, index: number): number => (value === 0 ? 0 : value / Math.sqrt(singularValues[index]!));
  const leftVectors = transpose(left, outputs, rank).map((value, at) => unit(value, Math.floor(at / outputs)));
  const rightVectors = right.map((value, at) => unit(value, Math.floor(at / inputs)));
  const pollScores = (fraction: number): void => poll(FACTORING + (SCORES - FACTORING) * fraction);
  const scoresOf = (vectors: Float64Array): Float64Array =>
    options.scores === 'lewis'
      ? lewisWeights(vectors, rank, { kernels, poll: pollScores })
      : leverageScores(vectors, rank);
  const columnIndices = drawByScore(scoresOf(rightVectors), rank, options.seed);
  // Another stream for the rows: a square matrix would else draw the same places twice.
  const rowIndices = drawByScore(scoresOf(leftVectors), rank, options.seed + 1);

  const rows = new Float64Array(rank * inputs);
  for (let r = 0; r < rank; r++) {
    const row = rowIndices[r]!;
    rows.set(w.subarray(row * inputs, (row + 1) * inputs), r * inputs);
  }
  const columns = new Float64Array(outputs * rank);
  for (let i = 0; i < outputs; i++) {
    for (let c = 0; c < rank; c++) columns[i * rank + c] = w[i * inputs + columnIndices[c]!]!;
  }
  const pollCore = (fraction: number): void => poll(SCORES + (1 - SCORES) * fraction);
  const core = coreBetween({ w, outputs, inputs, rank, columns, rows }, kernels, pollCore);
  return { parts: [{ kind: 'cur', columnIndices, rowIndices, columns, core, rows }], notes: [] };
};

/** C⁺·W·R⁺, rank × rank; zeros for columns and rows that depend on others. */
function coreBetween(
  {
    w,
    outputs,
    inputs,
    rank,
    columns,
    rows,
  }: {
    w: Float64Array;
    outputs: number;
    inputs: number;
    rank: number;
    columns: Float64Array;
    rows: Float64Array;
  },
  kernels: Kernels,
  poll: (fraction: number) => void,
): Float64Array {
  // C = Q_cᵀ·L_cᵀ and R = L_r·Q_r, so that U = L_c⁻ᵀ·(Q_c·W·Q_rᵀ)·L_r⁻¹.
  const c = thinLq(transpose(columns, outputs, rank), rank, (fraction) => poll(fraction / 2));
  const r = thinLq(rows, rank, (fraction) => poll((1 + fraction) / 2));
  const projected = kernels.multiply(c.rows, w, rank, inputs, outputs, false, false);
  const middle = kernels.multiply(projected, r.rows, rank, rank, inputs, false, true);
  solveTransposed(c.triangle, middle, rank);
  const turned = transpose(middle, rank, rank);
  solveTransposed(r.triangle, turned, rank);
  return transpose(turned, rank, rank);
}
