/**
 * The one problem behind most methods (science.md §11): W ≈ Q + A·B + S under one metric. Each term is fitted to what the
 * others leave over, in turn, until the error stops falling.
 *
 * @see LQ-LoRA, arXiv 2311.12023; LoftQ, arXiv 2310.08659; GEAR, arXiv 2403.05527; LOST, arXiv 2508.02668
 */
import type { Poll } from '../../linalg/kernels/kernels';
import type { Part } from '../../shared/compression/parts';
import type { LayerMatrix, MethodTools } from '../methods/method';
import { negative, partOperations } from '../parts/registry';

/** Rounds end if the error falls by less than this share of itself. */
const LEAST_FALL = 1e-4;

export type Term = 'quantised' | 'lowRank' | 'sparse';

export interface Step {
  readonly term: Term;
  /**
   * @param target what the other terms leave over of W
   * @param current the term's part so far
   */
  readonly fit: (target: LayerMatrix, poll: Poll, current: Part | undefined) => Part;
}

export interface Alternation {
  /** Taken once, before the first round. */
  readonly start?: readonly Step[];
  /** One round. */
  readonly steps: readonly Step[];
  readonly rounds: number;
  /** The error of what is left over, in the metric. */
  readonly error: (residual: Float64Array) => number;
}

export interface AlternatingResult {
  /** In the order in which the terms were first fitted. */
  readonly parts: readonly Part[];
  /** The error after each round, falling; that of the last is the error of the parts. */
  readonly rounds: readonly number[];
}

/** Never returns a worse iterate than it had: a round after which the error is not smaller is undone. */
export function alternate(matrix: LayerMatrix, alternation: Alternation, tools: MethodTools): AlternatingResult {
  const { start = [], steps, rounds: most, error } = alternation;
  const { kernels } = tools;
  const residual = { ...matrix, w: matrix.w.slice() };
  const terms = new Map<Term, Part>();
  const total = start.length + most * steps.length;
  let done = 0;
  const take = ({ term, fit }: Step): void => {
    const poll: Poll = (fraction) => tools.poll((done + fraction) / total);
    const current = terms.get(term);
    if (current) add(current);
    const part = fit(residual, poll, current);
    add(negative(part));
    terms.set(term, part);
    done++;
  };
  const add = (part: Part): void =>
    partOperations(part.kind).addTo(residual.w, part, matrix, kernels, () => tools.poll(done / total));
  start.forEach(take);
  const errors: number[] = [];
  let parts: readonly Part[] = [];
  for (let round = 0; round < most; round++) {
    steps.forEach(take);
    const [now, before] = [error(residual.w), errors.at(-1) ?? Infinity];
    if (now >= before) break;
    errors.push(now);
    parts = [...terms.values()];
    if (now === 0 || now > before * (1 - LEAST_FALL)) break;
  }
  tools.poll(1);
  return { parts, rounds: errors };
}
