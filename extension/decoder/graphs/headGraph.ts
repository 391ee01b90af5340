/** Graphs around the blocks: a projection of embeddings, the last norm, and logits of a part of the vocabulary. */
import type { NormKind } from '../families/family';
import { GraphBuilder } from './graphBuilder';
import { normed } from './norms';
import { OUT, HIDDEN } from './blockGraph';

/** Names of weights, which are inputs. */
export const LAST = { weight: 'norm.weight', bias: 'norm.bias', matrix: 'matrix' } as const;

/** x·Wᵀ of rows × width and out × width; soft-capped if asked for. */
export function productModel(softCap?: number): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder();
  const x = graph.input(HIDDEN, ['tokens', 'width']);
  const y = graph.add('Gemm', [x, graph.input(LAST.matrix, ['rows', 'width'])], { transB: 1 });
  graph.output(OUT, graph.capped(y, softCap), ['tokens', 'rows']);
  return graph.model('product');
}

export function lastNormModel(kind: NormKind, has: { weight: boolean; bias: boolean }): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder();
  const x = graph.input(HIDDEN, ['tokens', 'hidden']);
  const weight = has.weight ? { weight: graph.input(LAST.weight, ['hidden']) } : {};
  const bias = has.bias ? { bias: graph.input(LAST.bias, ['hidden']) } : {};
  graph.output(OUT, normed(graph, x, kind, { ...weight, ...bias }), ['tokens', 'hidden']);
  return graph.model('norm');
}
