/** Activations of MLPs by the names that configurations give them (transformers' ACT2FN). */
import type { ConfigFields } from '../config/configFields';
import type { GraphBuilder } from './graphBuilder';

export type Activation = 'silu' | 'gelu' | 'geluTanh' | 'relu' | 'quickGelu';

const NAMES: Readonly<Record<string, Activation>> = {
  silu: 'silu',
  swish: 'silu',
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'geluTanh',
  gelu_fast: 'geluTanh',
  gelu_accurate: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
  gelu_python_tanh: 'geluTanh',
  relu: 'relu',
  quick_gelu: 'quickGelu',
};

/** @throws DecoderError `unsupported` */
export function activationOf(config: ConfigFields, name: string): Activation {
  const known = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  if (!known) throw config.unsupported(`the activation ${name}`);
  return known;
}

export function activated(graph: GraphBuilder, x: string, activation: Activation): string {
  switch (activation) {
    case 'relu':
      return graph.add('Relu', [x]);
    case 'silu':
      return graph.add('Mul', [x, graph.add('Sigmoid', [x])]);
    case 'quickGelu':
      return graph.add('Mul', [x, graph.add('Sigmoid', [graph.scaled(x, 1.702)])]);
    case 'gelu':
      return half(graph, x, graph.add('Erf', [graph.scaled(x, Math.SQRT1_2)]));
    case 'geluTanh': {
      const cube = graph.scaled(graph.add('Mul', [graph.add('Mul', [x, x]), x]), 0.044715);
      return half(graph, x, graph.add('Tanh', [graph.scaled(graph.add('Add', [x, cube]), Math.sqrt(2 / Math.PI))]));
    }
  }
}

/** ½·x·(1 + y). */
function half(graph: GraphBuilder, x: string, y: string): string {
  return graph.add('Mul', [graph.scaled(x, 0.5), graph.add('Add', [y, graph.constant(1)])]);
}
