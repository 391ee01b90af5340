/**
 * The largest eigenpairs of a symmetric tridiagonal matrix: split where off-diagonal elements vanish, eigenvalues of the
 * blocks by QL, their vectors by inverse iteration.
 */
import { BlockVectors } from './inverseIteration';
import type { Tridiagonal } from '../kernels/kernels';
import { tridiagonalEigenvalues } from './tridiagonalEigenvalues';

/** Half the distance from 1 to the next float64: off-diagonal elements below this share of the norm are dropped. */
const EPSILON = Number.EPSILON / 2;

/** An unreduced block's eigenvalue. */
interface Eigenvalue {
  value: number;
  block: number;
}

/** Rows [start, end) that no off-diagonal element ties to others. */
interface Block {
  start: number;
  end: number;
}

/**
 * The k largest eigenpairs, values descending, vectors (rows of `vectors`, k×n) orthonormal.
 *
 * @throws Error where a vector does not converge
 */
export function topTridiagonalEigenvectors(
  tridiagonal: Tridiagonal,
  k: number,
  poll?: (fraction: number) => void,
): { values: Float64Array; vectors: Float64Array } {
  const n = tridiagonal.diagonal.length;
  const norm = oneNorm(tridiagonal);
  const blocks = splitBlocks(tridiagonal, EPSILON * norm);
  const eigenvalues: Eigenvalue[] = [];
  blocks.forEach(({ start, end }, block) => {
    const values = tridiagonalEigenvalues(part(tridiagonal, start, end), () => poll?.(0));
    for (const value of values) eigenvalues.push({ value, block });
  });
  eigenvalues.sort((p, q) => q.value - p.value);
  eigenvalues.length = k;

  const vectors = new Float64Array(k * n);
  const values = Float64Array.from(eigenvalues, ({ value }) => value);
  const solvers = blocks.map(({ start, end }, block) => {
    const own = eigenvalues.filter((each) => each.block === block).map(({ value }) => value);
    return new BlockVectors(part(tridiagonal, start, end), own, norm);
  });
  eigenvalues.forEach(({ block }, row) => {
    poll?.(row / k);
    vectors.set(solvers[block]!.next(), row * n + blocks[block]!.start);
  });
  return { values, vectors };
}

function oneNorm({ diagonal, offDiagonal }: Tridiagonal): number {
  let norm = 0;
  for (let i = 0; i < diagonal.length; i++) {
    const row = Math.abs(diagonal[i]!) + Math.abs(offDiagonal[i] ?? 0) + Math.abs(i > 0 ? offDiagonal[i - 1]! : 0);
    norm = Math.max(norm, row);
  }
  return norm;
}

function splitBlocks({ diagonal, offDiagonal }: Tridiagonal, negligible: number): Block[] {
  const blocks: Block[] = [];
  for (let start = 0, i = 0; i < diagonal.length; i++) {
    if (i < diagonal.length - 1 && Math.abs(offDiagonal[i]!) > negligible) continue;
    blocks.push({ start, end: i + 1 });
    start = i + 1;
  }
  return blocks;
}

function part({ diagonal, offDiagonal }: Tridiagonal, start: number, end: number): Tridiagonal {
  return { diagonal: diagonal.subarray(start, end), offDiagonal: offDiagonal.subarray(start, end - 1) };
}
