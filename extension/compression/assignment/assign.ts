/**
 * One of a few choices for each layer by integer programming: LQ-LoRA's assignment problem, solved by HiGHS. The knapsack's
 * relaxation comes first: its prices rule out most choices, and its solution is where HiGHS begins.
 *
 * @see LQ-LoRA, arXiv 2311.12023, section 3.2
 * @see https://highs.dev
 */
import wasm from 'highs/runtime';
import type { default as Load, Highs } from 'highs';
import { solveKnapsack, type KnapsackSolution } from '../plan/knapsack';
import { knapsackItem, type KnapsackItem } from '../plan/knapsackItem';

export interface AssignmentProblem {
  /** Choices of each layer. What is capped rises, what is minimised falls. */
  readonly layers: readonly { readonly capped: Float64Array; readonly minimised: Float64Array }[];
  readonly cap: number;
  /** Seconds. */
  readonly timeLimit: number;
}

export interface Assignment {
  /** Index of the choice of each layer. */
  readonly chosen: Uint32Array;
  readonly minimised: number;
  /** No assignment is better than this. */
  readonly bound: number;
}

// Its module for `import` looks for its own place on the disk, and has none in a bundle.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const loadHighs = require('highs') as typeof Load;

/**
 * Emscripten's own hook for bytes that are at hand. Version 1.15 of the package describes `wasmBinary` and `wasmModule`
 * for that, and reads a file all the same.
 */
const BUNDLED = {
  instantiateWasm(
    imports: ConstructorParameters<typeof WebAssembly.Instance>[1],
    done: (instance: WebAssembly.Instance) => void,
  ): object {
    done(new WebAssembly.Instance(new WebAssembly.Module(wasm), imports));
    return {};
  },
} as Parameters<typeof Load>[0];

/** Partial sums for the solution that HiGHS begins with. */
const WORK = 200_000;

/** HiGHS may stop this near to the optimum. */
const RELATIVE_GAP = 1e-7;

/** @returns undefined if even the smallest choices exceed the cap */
export async function assign({ layers, cap, timeLimit }: AssignmentProblem): Promise<Assignment | undefined> {
  const items = layers.map(({ capped, minimised }) => knapsackItem(capped, minimised));
  const start = solveKnapsack(items, cap, WORK);
  if (!start || start.minimised <= start.bound) return start;
  const highs = await loadHighs(BUNDLED);
  const solved = solvedByHighs(highs, items, cap, timeLimit, start);
  const best = solved && solved.minimised < start.minimised ? solved.chosen : start.chosen;
  const minimised = Math.min(start.minimised, solved?.minimised ?? Infinity);
  return { chosen: best, minimised, bound: Math.min(minimised, Math.max(start.bound, solved?.bound ?? -Infinity)) };
}

function solvedByHighs(
  highs: Highs,
  items: readonly KnapsackItem[],
  cap: number,
  timeLimit: number,
  start: KnapsackSolution,
): Assignment | undefined {
  const columns = items.flatMap((item, layer) => possible(item, layer, start));
  // Numbers near 1: what is capped are bytes, what is minimised squares of weights.
  const scale = start.minimised;
  const starts = Int32Array.from({ length: columns.length + 1 }, (_, j) => 2 * j);
  const indices = Int32Array.from(columns.flatMap(({ layer }) => [layer, items.length]));
  const values = Float64Array.from(columns.flatMap(({ capped }) => [1, capped / cap]));
  const rows = items.length + 1;
  const model = highs.createModel({
    numCols: columns.length,
    numRows: rows,
    colCost: Float64Array.from(columns, ({ minimised }) => minimised / scale),
    colLower: new Float64Array(columns.length),
    colUpper: new Float64Array(columns.length).fill(1),
    rowLower: Float64Array.from({ length: rows }, (_, row) => (row < items.length ? 1 : -highs.infinity)),
    rowUpper: new Float64Array(rows).fill(1),
    matrix: { format: 'csc', numCols: columns.length, numRows: rows, starts, indices, values },
    integrality: columns.map(() => highs.constants.variableType.integer),
  });
  try {
    model.options.set({
      output_flag: false,
      time_limit: timeLimit,
      mip_rel_gap: RELATIVE_GAP,
      random_seed: 0,
    });
    model.setSolution({
      colValue: Float64Array.from(columns, ({ layer, choice }) => (start.chosen[layer] === choice ? 1 : 0)),
    });
    model.run();
    const bound = Number(model.info.get('mip_dual_bound')) * scale;
    const taken = model.getSolution().colValue;
    const chosen = start.chosen.slice();
    columns.forEach(({ layer, choice }, j) => {
      if (taken[j]! > 0.5) chosen[layer] = choice;
    });
    // HiGHS allows itself to exceed a bound by a millionth; a budget is a budget.
    const used = sum(items, 'capped', chosen);
    const minimised = used <= cap ? sum(items, 'minimised', chosen) : Infinity;
    return { chosen, minimised, bound: Number.isFinite(bound) ? bound : -Infinity };
  } finally {
    model.dispose();
  }
}

interface Column {
  readonly layer: number;
  readonly choice: number;
  readonly capped: number;
  readonly minimised: number;
}

/** Choices that a better solution than the one at hand can have, and that one's own. */
function possible(
  item: KnapsackItem,
  layer: number,
  { chosen, price, minimised: best, bound }: KnapsackSolution,
): Column[] {
  const { capped, minimised } = item;
  const priced = (choice: number): number => minimised[choice]! + price * capped[choice]!;
  const least = capped.reduce((value, _, choice) => Math.min(value, priced(choice)), Infinity);
  const columns = Array.from(capped.keys(), (choice) => ({
    layer,
    choice,
    capped: capped[choice]!,
    minimised: minimised[choice]!,
  }));
  return columns.filter(({ choice }) => choice === chosen[layer] || priced(choice) - least <= best - bound);
}

function sum(items: readonly KnapsackItem[], values: 'capped' | 'minimised', chosen: Uint32Array): number {
  return items.reduce((total, item, l) => total + item[values][chosen[l]!]!, 0);
}
