/** W[:, indices[c]] += values[:, c]. */
import { assertIndices, type PartDecoder } from './partReader';

export const columns: PartDecoder = (fields, { outputs, inputs }) => {
  const indices = fields.tensor('indices', 'I32');
  const count = indices.shape[0] ?? 0;
  fields.shaped('indices', 'I32', [count]);
  const values = fields.shaped('values', 'floats', [outputs, count]);
  return async (sum, range, read) => {
    const places = await read(indices);
    assertIndices(places, inputs, 'indices');
    const kept = await read(values, range);
    for (let row = 0; row < range.end - range.start; row++) {
      for (let c = 0; c < count; c++) {
        const at = row * inputs + places[c]!;
        sum[at] = sum[at]! + kept[row * count + c]!;
      }
    }
  };
};
