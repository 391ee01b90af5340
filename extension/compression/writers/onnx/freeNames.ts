/** Names that factors take in a graph, and the values that have them already. A plan and its run ask the same. */
import type { OnnxTree } from '../../../checkpoint/onnx/onnxTree';
import type { FactorableWeight } from './factorableUses';
import { factorNames, valuesBetween } from './factoredNodes';

/** Names of all values of the graph. */
export function takenNames({ graphs }: Pick<OnnxTree, 'graphs'>): Set<string> {
  const taken = new Set<string>();
  for (const { nodes, initializers, inputs } of graphs) {
    for (const node of nodes) for (const output of node.outputs) taken.add(output);
    for (const { name } of [...initializers, ...inputs]) taken.add(name);
  }
  return taken;
}

/**
 * Why a weight's factors cannot have their names; undefined if they can.
 *
 * @param biased the method adds a bias
 */
export function nameClash(
  { place, uses }: Pick<FactorableWeight, 'place' | 'uses'>,
  biased: boolean,
  taken: ReadonlySet<string>,
): string | undefined {
  const { a, b, zero, bias } = factorNames(place.value);
  const needed = [a, b, zero, bias, ...uses.flatMap((use) => valuesBetween(use, biased))];
  const clash = needed.find((name) => taken.has(name));
  return clash === undefined
    ? undefined
    : `the graph has a value called ${clash} already, which the factors would be; rename it`;
}
