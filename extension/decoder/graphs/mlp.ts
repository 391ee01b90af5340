/** The MLP of a block, or of one expert. */
import type { MlpKind } from '../families/family';
import { activated } from './activations';
import type { GraphBuilder } from './graphBuilder';
import { multiplied, type Traits } from './parameters';

/**
 * @param x tokens × hidden
 * @returns what enters the last product (tokens × inner), and what comes out (tokens × hidden)
 */
export function mlp(
  graph: GraphBuilder,
  x: string,
  { form, activation, fused }: MlpKind,
  traits: Traits,
): { inner: string; out: string } {
  const through = (role: 'gate' | 'up' | 'gateUp', outputs: string): string =>
    multiplied(graph, x, role, traits, { inputs: 'hidden', outputs });
  const inner = ((): string => {
    if (form === 'plain') return activated(graph, through('up', 'inner'), activation);
    if (!fused) {
      const gate = activated(graph, through('gate', 'inner'), activation);
      return graph.add('Mul', [gate, through('up', 'inner')]);
    }
    // Below one another in the module: beside one another in each token.
    const both = graph.reshaped(through('gateUp', 'both'), 0, 2, -1);
    const one = (index: number): string =>
      graph.add('Squeeze', [graph.part(both, 1, index, index + 1), graph.integers(1)]);
    return graph.add('Mul', [activated(graph, one(0), activation), one(1)]);
  })();
  return { inner, out: multiplied(graph, inner, 'down', traits, { inputs: 'inner', outputs: 'hidden' }) };
}
