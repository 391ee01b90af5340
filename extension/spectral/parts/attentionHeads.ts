/**
 * Attention projections that have a tensor of their own: which they are by name, and along which axis their heads lie. q, k and v
 * have a head's numbers as outputs, o as inputs.
 */
import { MAX_PARTS, type Section, type MatrixDescription } from './matrixDescription';
import { HEADS_UNKNOWN } from '../../shared/modelSizes';
import { PROJECTION_NAMES, type Projection } from '../../shared/names/projectionNames';
import { blockOf, oneRun } from './runs';

/** What a module's matrix is called. */
const KINDS: ReadonlySet<string> = new Set(['weight', 'kernel', 'kernel:0']);

/** What one of the two modules around it is called, or the tensor itself in llama.cpp. */
const ATTENTION = /att(n|ention)/i;

export interface ProjectionHeads {
  readonly axis: 'rows' | 'cols';
  readonly sections: readonly Section[];
}

/** The heads of a projection; why they are not known, in words; undefined where it is none. */
export function projectionHeads(matrix: MatrixDescription): ProjectionHeads | string | undefined {
  const { name, rows, cols, sizes } = matrix;
  const found = projectionOf(name);
  if (!found || matrix.stacked) return undefined;
  const { projection, kernel, conv1d } = found;
  const inputsByRows = kernel || (conv1d !== undefined && isConv1d(matrix.shapeOf(conv1d)));
  const { heads, headSize, valueHeadSize = headSize, keyValueHeads = heads } = sizes;
  const count = projection === 'q' || projection === 'o' ? heads : keyValueHeads;
  const length = projection === 'q' || projection === 'k' ? headSize : valueHeadSize;
  if (count === undefined || length === undefined) return HEADS_UNKNOWN;
  const axis = (projection === 'o') === inputsByRows ? 'rows' : 'cols';
  const size = axis === 'rows' ? rows : cols;
  if (count * length !== size) {
    return `its ${size} ${axis === 'rows' ? 'rows' : 'columns'} are not those of ${count} heads of ${length}`;
  }
  return { axis, sections: headSections({ label: '', runs: oneRun(0, size), heads: count }) };
}

/** Heads that are an axis of the tensor, and so need no configuration; undefined where there is no such axis. */
export function headsOfAxes({ rows, cols, heads }: MatrixDescription): ProjectionHeads | undefined {
  if (!heads) return undefined;
  const { side: axis, count, projections } = heads;
  const size = axis === 'rows' ? rows : cols;
  if (!projections) return { axis, sections: headSections({ label: '', runs: oneRun(0, size), heads: count }) };
  const length = size / projections.length;
  const sections = projections.map((label, i) => ({ label, runs: oneRun(i * length, length), heads: count }));
  return { axis, sections };
}

/** The heads of a section, `q.head0` and so on; none where there is but one, or very many. */
export function headSections({ label, runs, heads = 1 }: Section): Section[] {
  if (heads < 2 || heads > MAX_PARTS) return [];
  const length = (runs.length * runs.count) / heads;
  const prefix = label === '' ? '' : `${label}.`;
  return Array.from({ length: heads }, (_, i) => ({ label: `${prefix}head${i}`, runs: blockOf(runs, i, length) }));
}

function projectionOf(name: string): { projection: Projection; kernel: boolean; conv1d?: string } | undefined {
  const end = lastSeparator(name);
  const kind = name.slice(end + 1);
  if (end < 0 || !KINDS.has(kind)) return undefined;
  const module = name.slice(0, end);
  const start = lastSeparator(module) + 1;
  const [around, last] = [module.slice(0, start), module.slice(start)];
  const known = PROJECTION_NAMES.find(({ pattern }) => pattern.test(last));
  const within = ATTENTION.test(around.split(/[./]/).slice(-3).join('.')) || last.startsWith('attn_');
  if (!known || !within) return undefined;
  const conv1d = last === 'c_proj' ? `${around}c_attn.weight` : undefined;
  return { projection: known.projection, kernel: kind !== 'weight', ...(conv1d !== undefined && { conv1d }) };
}

/** Index of the last dot or slash; −1 if there is none. */
function lastSeparator(name: string): number {
  return Math.max(name.lastIndexOf('.'), name.lastIndexOf('/'));
}

/** GPT-2's Conv1D is in × out: its c_attn has more columns than rows. */
function isConv1d(shape: readonly number[] | undefined): boolean {
  return shape !== undefined && shape.length === 2 && shape[1]! > shape[0]!;
}
