/** A person's own numbers for the made models: a loss that follows depth, and a column with a hostile name. */
import type { OwnNumbers } from '../../../extension/shared/ownNumbers';
import type { TensorSummary } from '../../../extension/shared/tensors';

/** Columns are called so. */
export const OWN_COLUMNS = ['loss', '<img src=x onerror=alert(1)>'] as const;

export function ownNumbers(tensors: readonly TensorSummary[]): OwnNumbers {
  const layers = tensors.filter(({ layers: [first] }) => first !== undefined).map(({ name }) => name);
  const loss = layers.map((_, i) => 2 + i / 100);
  const other = layers.map((_, i) => (i % 3 === 0 ? null : 10 ** (i % 7)));
  return {
    ...{ path: '/checkpoints/llama-58m/losses.csv', layers, rows: layers.length + 2 },
    columns: [
      { name: OWN_COLUMNS[0], values: loss },
      { name: OWN_COLUMNS[1], values: other },
    ],
    unmatched: { names: ['model.layers.99.mlp', '<b>x</b>'], count: 2 },
    problems: { messages: ['Line 7: "loss" of a is "1,5", no finite number: it stays empty.'], count: 1 },
  };
}
