/** W[row, column] += value, sorted by row and column. */
import { assertIndices, type PartDecoder } from './partReader';

export const sparse: PartDecoder = (fields, { outputs, inputs }) => {
  const rows = fields.tensor('rows', 'I32');
  const shape = [rows.shape[0] ?? 0];
  fields.shaped('rows', 'I32', shape);
  const columns = fields.shaped('columns', 'I32', shape);
  const values = fields.shaped('values', 'floats', shape);
  return async (sum, { start, end }, read) => {
    const places = await read(rows);
    assertIndices(places, outputs, 'rows');
    const [first, last] = [places.findIndex((row) => row >= start), places.findLastIndex((row) => row < end) + 1];
    if (first < 0 || first >= last) return;
    const band = { start: first, end: last };
    const at = await read(columns, band);
    assertIndices(at, inputs, 'columns');
    const kept = await read(values, band);
    for (let i = 0; i < at.length; i++) {
      const row = places[first + i]!;
      // A file that is not sorted has rows of other bands between.
      if (row < start || row >= end) continue;
      const place = (row - start) * inputs + at[i]!;
      sum[place] = sum[place]! + kept[i]!;
    }
  };
};
