/**
 * Causal attention of grouped queries. The queries are taken a few at a time, with the keys up to the last of them: that
 * halves the products, and bounds the memory of the scores.
 */
import type { AttentionKind } from '../families/family';
import type { GraphBuilder } from './graphBuilder';
import { normed } from './norms';
import { declaredNorm, multiplied, type Traits } from './parameters';

/** Bytes of the scores of one part of the queries, of all windows that run together. */
const SCORE_BYTES = 32 * 1024 * 1024;

/** Fewer queries at a time would make products slow. */
const FEWEST_QUERIES = 16;

/** Inputs of the graph: length × length, and length × rotated/2. */
export const MASK = 'mask';
export const COSINES = 'cos';
export const SINES = 'sin';

/**
 * @param x tokens × hidden, the tokens of one window after another
 * @param length of a window
 * @param windows that run together at most
 * @returns what enters the output projection, tokens × heads·headSize
 */
export function attention(
  graph: GraphBuilder,
  x: string,
  kind: AttentionKind,
  traits: Traits,
  { length, windows }: { readonly length: number; readonly windows: number },
): string {
  const { heads, keyValueHeads: groups, headSize, scale, softCap } = kind;
  const shared = heads / groups;
  const [q, k, v] = projections(graph, x, kind, traits, length);
  const tables = kind.rotated > 0 ? ropeInputs(graph) : undefined;
  const placed = (value: string, role: 'q' | 'k'): string => {
    const { headNorm } = kind;
    const even = headNorm ? normed(graph, value, headNorm, declaredNorm(graph, role, traits, 'headSize')) : value;
    return tables ? rotated(graph, even, kind, tables) : even;
  };
  // windows × groups × shared × length × headSize: the query heads that share a key head are next to each other.
  const queries = graph.reshaped(
    graph.turned(graph.scaled(placed(q, 'q'), scale), 0, 2, 1, 3),
    -1,
    groups,
    shared,
    length,
    headSize,
  );
  const keys = graph.turned(placed(k, 'k'), 0, 2, 3, 1);
  const values = graph.turned(v, 0, 2, 1, 3);
  const mask = graph.input(MASK, ['length', 'length']);
  const step = queriesAtOnce(length, heads * windows);
  const parts: string[] = [];
  for (let start = 0; start < length; start += step) {
    const end = Math.min(length, start + step);
    const count = end - start;
    const some = graph.reshaped(graph.part(queries, 3, start, end), -1, groups, shared * count, headSize);
    const raw = graph.add('MatMul', [some, graph.part(keys, 3, 0, end)]);
    const scores = graph.reshaped(graph.capped(raw, softCap), -1, groups, shared, count, end);
    const hidden = graph.part(graph.part(mask, 0, start, end), 1, 0, end);
    const weights = graph.add('Softmax', [graph.add('Add', [scores, hidden])], { axis: -1 });
    const mixed = graph.add('MatMul', [
      graph.reshaped(weights, -1, groups, shared * count, end),
      graph.part(values, 2, 0, end),
    ]);
    parts.push(graph.reshaped(mixed, -1, heads, count, headSize));
  }
  const all = parts.length === 1 ? parts[0]! : graph.add('Concat', parts, { axis: 2 });
  return graph.reshaped(graph.turned(all, 0, 2, 1, 3), -1, heads * headSize);
}

function queriesAtOnce(length: number, heads: number): number {
  return Math.max(FEWEST_QUERIES, Math.floor(SCORE_BYTES / (4 * heads * length)));
}

/** q, k, v: windows × length × heads × headSize. */
function projections(
  graph: GraphBuilder,
  x: string,
  { layout, heads, keyValueHeads, headSize }: AttentionKind,
  traits: Traits,
  length: number,
): [string, string, string] {
  const inHeads = (value: string, count: number): string => graph.reshaped(value, -1, length, count, headSize);
  const through = (role: 'q' | 'k' | 'v' | 'qkv', outputs: string): string =>
    multiplied(graph, x, role, traits, { inputs: 'hidden', outputs });
  if (layout === 'separate') {
    const k = through('k', 'keyRows');
    return [
      inHeads(through('q', 'queryRows'), heads),
      inHeads(k, keyValueHeads),
      inHeads(through('v', 'valueRows'), keyValueHeads),
    ];
  }
  const all = through('qkv', 'rows');
  if (layout === 'stacked') {
    const [query, key] = [heads * headSize, keyValueHeads * headSize];
    return [
      inHeads(graph.part(all, 1, 0, query), heads),
      inHeads(graph.part(all, 1, query, query + key), keyValueHeads),
      inHeads(graph.part(all, 1, query + key, query + 2 * key), keyValueHeads),
    ];
  }
  const byHeads = graph.reshaped(all, -1, length, heads, 3 * headSize);
  const third = (index: number): string => graph.part(byHeads, 3, index * headSize, (index + 1) * headSize);
  return [third(0), third(1), third(2)];
}

interface RopeInputs {
  readonly cos: string;
  readonly sin: string;
}

/** As length × 1 × half, which fits length × heads × half. */
function ropeInputs(graph: GraphBuilder): RopeInputs {
  const placed = (name: string): string =>
    graph.add('Unsqueeze', [graph.input(name, ['length', 'half']), graph.integers(1)]);
  return { cos: placed(COSINES), sin: placed(SINES) };
}

/** Numbers j and j + rotated/2 turn together (transformers' `rotate_half`). */
function rotated(
  graph: GraphBuilder,
  x: string,
  { rotated: size, headSize }: AttentionKind,
  { cos, sin }: RopeInputs,
): string {
  const half = size / 2;
  const [first, second] = [graph.part(x, 3, 0, half), graph.part(x, 3, half, size)];
  const times = (a: string, b: string): string => graph.add('Mul', [a, b]);
  const turned = [
    graph.add('Sub', [times(first, cos), times(second, sin)]),
    graph.add('Add', [times(second, cos), times(first, sin)]),
  ];
  const rest = size < headSize ? [graph.part(x, 3, size, headSize)] : [];
  return graph.add('Concat', [...turned, ...rest], { axis: 3 });
}
