/** RMSNorm and LayerNorm over the last axis. */
import type { NormKind } from '../families/family';
import type { GraphBuilder } from './graphBuilder';

/** @param weight, bias names of values of the last axis' size; none: 1 and 0 */
export function normed(
  graph: GraphBuilder,
  x: string,
  { form, epsilon }: NormKind,
  { weight, bias }: { readonly weight?: string; readonly bias?: string },
): string {
  const mean = (of: string): string => graph.add('ReduceMean', [of], { axes: [-1], keepdims: 1 });
  const centred = form === 'layer' ? graph.add('Sub', [x, mean(x)]) : x;
  const variance = mean(graph.add('Mul', [centred, centred]));
  const deviation = graph.add('Sqrt', [graph.add('Add', [variance, graph.constant(epsilon)])]);
  const unit = graph.add('Div', [centred, deviation]);
  const scaled = weight === undefined ? unit : graph.add('Mul', [unit, weight]);
  return bias === undefined ? scaled : graph.add('Add', [scaled, bias]);
}
