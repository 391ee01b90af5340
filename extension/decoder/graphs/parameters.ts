/**
 * The weights of a graph, which are its inputs: one session serves all blocks of a kind. A linear module is one matrix
 * out × in, or a pair out × rank and rank × in, which are two products.
 */
import type { LinearRole, NormRole } from '../families/family';
import { type GraphBuilder } from './graphBuilder';

/** How the modules of a block are given: what decides the graph beside its kind. */
export interface Traits {
  readonly linears: Readonly<Partial<Record<LinearRole, LinearTraits>>>;
  readonly norms: Readonly<Partial<Record<NormRole, NormTraits>>>;
}

export interface LinearTraits {
  readonly pair: boolean;
  readonly bias: boolean;
}

export interface NormTraits {
  readonly weight: boolean;
  readonly bias: boolean;
}

/** Names of the inputs that hold a module's weights. */
export function linearInputs(role: LinearRole): Record<'weight' | 'left' | 'right' | 'bias', string> {
  return { weight: `${role}.weight`, left: `${role}.left`, right: `${role}.right`, bias: `${role}.bias` };
}

export function normInputs(role: NormRole): Record<'weight' | 'bias', string> {
  return { weight: `${role}.norm.weight`, bias: `${role}.norm.bias` };
}

/** Declares the module's weights and multiplies. @param x tokens × in @returns tokens × out */
export function multiplied(
  graph: GraphBuilder,
  x: string,
  role: LinearRole,
  traits: Traits,
  { inputs, outputs }: { readonly inputs: string; readonly outputs: string },
): string {
  const { pair, bias } = traits.linears[role]!;
  const names = linearInputs(role);
  const biases = bias ? [graph.input(names.bias, [outputs])] : [];
  const times = (value: string, weight: string, more: readonly string[] = []): string =>
    graph.add('Gemm', [value, weight, ...more], { transB: 1 });
  if (!pair) return times(x, graph.input(names.weight, [outputs, inputs]), biases);
  const rank = `${role}.rank`;
  const right = graph.input(names.right, [rank, inputs]);
  return times(times(x, right), graph.input(names.left, [outputs, rank]), biases);
}

/** Declares a norm's weights. @param size name of their axis */
export function declaredNorm(
  graph: GraphBuilder,
  role: NormRole,
  traits: Traits,
  size: string,
): { weight?: string; bias?: string } {
  const { weight, bias } = traits.norms[role]!;
  const names = normInputs(role);
  return {
    ...(weight && { weight: graph.input(names.weight, [size]) }),
    ...(bias && { bias: graph.input(names.bias, [size]) }),
  };
}
