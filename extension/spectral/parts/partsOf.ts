/**
 * The parts that a layer's matrix can be seen in: projections that were stored as one, attention heads, gates of an LSTM. Each is
 * some of its rows or some of its columns.
 */
import type { Runs } from '../../shared/tensors';
import { headSections, headsOfAxes, projectionHeads } from './attentionHeads';
import { fusedProjections } from './fusedProjections';
import type { Section, MatrixDescription } from './matrixDescription';
import { recurrentGates } from './recurrentGates';
import { oneRun } from './runs';

export interface MatrixPart {
  /** Within the matrix: `q`, `q.head3`, `gate`, `i`. */
  readonly label: string;
  /** Label of the part that it lies in. */
  readonly within?: string;
  readonly rows: Runs;
  readonly cols: Runs;
}

export interface MatrixParts {
  /** Each before those that lie in it. */
  readonly parts: readonly MatrixPart[];
  /** Why a matrix that has parts by its name has none here, in words. */
  readonly reason?: string;
}

export function partsOf(matrix: MatrixDescription): MatrixParts {
  const { rows, cols } = matrix;
  const found = headsOfAxes(matrix) ?? recurrentGates(matrix) ?? fusedProjections(matrix) ?? projectionHeads(matrix);
  if (found === undefined) return { parts: [] };
  if (typeof found === 'string') return { parts: [], reason: found };
  const part = ({ label, runs }: Section): MatrixPart =>
    found.axis === 'rows' ? { label, rows: runs, cols: oneRun(0, cols) } : { label, rows: oneRun(0, rows), cols: runs };
  return {
    parts: found.sections.flatMap((section) => [
      part(section),
      ...headSections(section).map((head) => ({ ...part(head), within: section.label })),
    ]),
  };
}
