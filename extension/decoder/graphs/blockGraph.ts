/**
 * The graph of one block, and of one with experts in two parts: what comes before the experts, and one expert. Hidden states
 * are tokens × hidden, the tokens of one window after another.
 */
import type { BlockKind, MlpKind, NormRole } from '../families/family';
import { attention } from './attention';
import { GraphBuilder } from './graphBuilder';
import { mlp } from './mlp';
import { normed } from './norms';
import { declaredNorm, multiplied, type Traits } from './parameters';

/** Input: hidden states. */
export const HIDDEN = 'x';
/** Output: the block's hidden states; before experts, those that the experts' output is added to. */
export const OUT = 'out';
/** Outputs that can be tapped: the inputs of the block's products. */
export const TAPS = { attention: 'attentionInput', o: 'oInput', mlp: 'mlpInput', down: 'downInput' } as const;
/** Output before experts: tokens × experts. */
export const ROUTES = 'routes';
/** Output before experts: tokens × 1. */
export const SHARED_GATE = 'sharedGateLogit';

export interface GraphSizes {
  /** Tokens of a window. */
  readonly length: number;
  /** Windows that run together at most. */
  readonly windows: number;
}

const STATES = ['tokens', 'hidden'] as const;

/**
 * A whole block: from `x` to `out`.
 *
 * @param taps the inputs of its products are outputs, too
 */
export function blockModel(kind: BlockKind, traits: Traits, sizes: GraphSizes, taps: boolean): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder();
  const x = graph.input(HIDDEN, STATES);
  const block = new Parts(graph, kind, traits);
  const attended = block.attend(x, sizes);
  const before = block.beforeMlp(x, attended.out);
  const { inner, out } = mlp(graph, before.input, kind.mlp, traits);
  graph.output(OUT, block.behindMlp(before.residual, out), STATES);
  if (taps) {
    graph.output(TAPS.attention, attended.input, STATES);
    graph.output(TAPS.o, attended.mixed, ['tokens', 'attended']);
    graph.output(TAPS.mlp, before.input, STATES);
    graph.output(TAPS.down, inner, ['tokens', 'inner']);
  }
  return graph.model('block');
}

/** A block as far as its experts: `out` is the residual, `mlpInput` what the experts get, `routes` the router's logits. */
export function routedModel(
  kind: BlockKind,
  traits: Traits,
  sizes: GraphSizes,
  taps: boolean,
): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder();
  const x = graph.input(HIDDEN, STATES);
  const block = new Parts(graph, kind, traits);
  const attended = block.attend(x, sizes);
  const before = block.beforeMlp(x, attended.out);
  graph.output(OUT, before.residual, STATES);
  graph.output(TAPS.mlp, before.input, STATES);
  const routes = multiplied(graph, before.input, 'router', traits, { inputs: 'hidden', outputs: 'experts' });
  graph.output(ROUTES, routes, ['tokens', 'experts']);
  if (traits.linears.sharedGate) {
    const gate = multiplied(graph, before.input, 'sharedGate', traits, { inputs: 'hidden', outputs: 'one' });
    graph.output(SHARED_GATE, gate, ['tokens', 'one']);
  }
  if (taps) {
    graph.output(TAPS.attention, attended.input, STATES);
    graph.output(TAPS.o, attended.mixed, ['tokens', 'attended']);
  }
  return graph.model('routed');
}

/** One expert: from `x` to `out`. */
export function expertModel(kind: MlpKind, traits: Traits, taps: boolean): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder();
  const { inner, out } = mlp(graph, graph.input(HIDDEN, STATES), kind, traits);
  graph.output(OUT, out, STATES);
  if (taps) graph.output(TAPS.down, inner, ['tokens', 'inner']);
  return graph.model('expert');
}

/** The residual order of a kind of block. */
class Parts {
  private attentionInput = '';

  constructor(
    private readonly graph: GraphBuilder,
    private readonly kind: BlockKind,
    private readonly traits: Traits,
  ) {}

  /** What enters q, k and v, what enters o, and what o gives. */
  attend(x: string, sizes: GraphSizes): { input: string; mixed: string; out: string } {
    const { graph, kind, traits } = this;
    const input = kind.order === 'after' ? x : this.norm(x, 'attention');
    const mixed = attention(graph, input, kind.attention, traits, sizes);
    const out = multiplied(graph, mixed, 'o', traits, { inputs: 'attended', outputs: 'hidden' });
    this.attentionInput = input;
    return { input, mixed, out };
  }

  /** What enters the MLP, and what its output is added to. */
  beforeMlp(x: string, attended: string): { input: string; residual: string } {
    const sum = (y: string): string => this.graph.add('Add', [x, y]);
    switch (this.kind.order) {
      case 'before': {
        const residual = sum(attended);
        return { residual, input: this.norm(residual, 'mlp') };
      }
      case 'after': {
        const residual = this.norm(sum(attended), 'attentionAfter');
        return { residual, input: residual };
      }
      case 'around': {
        const residual = sum(this.norm(attended, 'attentionAfter'));
        return { residual, input: this.norm(residual, 'mlp') };
      }
      case 'parallel': {
        const input = this.traits.norms.mlp ? this.norm(x, 'mlp') : this.attentionInput;
        return { residual: sum(attended), input };
      }
    }
  }

  behindMlp(residual: string, out: string): string {
    const { order } = this.kind;
    if (order === 'around') return this.graph.add('Add', [residual, this.norm(out, 'mlpAfter')]);
    const sum = this.graph.add('Add', [residual, out]);
    return order === 'after' ? this.norm(sum, 'mlpAfter') : sum;
  }

  private norm(x: string, role: NormRole): string {
    return normed(this.graph, x, this.kind.norm, declaredNorm(this.graph, role, this.traits, 'hidden'));
  }
}
