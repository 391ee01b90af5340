/** W += left · right. */
import type { PartDecoder } from './partReader';

export const product: PartDecoder = (fields, { outputs, inputs }) => {
  const rank = fields.count('rank');
  const left = fields.shaped('left', 'floats', [outputs, rank]);
  const right = fields.shaped('right', 'floats', [rank, inputs]);
  return async (sum, range, read) => {
    addProduct(sum, await read(left, range), await read(right), rank, inputs);
  };
};

/** sum += A·B with A of rows × rank and B of rank × cols. */
export function addProduct(sum: Float64Array, a: Float64Array, b: Float64Array, rank: number, cols: number): void {
  const rows = sum.length / cols;
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < rank; k++) {
      const factor = a[i * rank + k]!;
      if (factor === 0) continue;
      for (let j = 0, to = i * cols, from = k * cols; j < cols; j++, to++, from++)
        sum[to] = sum[to]! + factor * b[from]!;
    }
  }
}
