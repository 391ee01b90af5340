/** W += C·U·R: columns and rows of the original, and what lies between them. */
import { addProduct } from './product';
import type { PartDecoder } from './partReader';

export const cur: PartDecoder = (fields, { outputs, inputs }) => {
  const c = fields.tensor('columnIndices', 'I32').shape[0] ?? 0;
  const r = fields.tensor('rowIndices', 'I32').shape[0] ?? 0;
  fields.shaped('columnIndices', 'I32', [c]);
  fields.shaped('rowIndices', 'I32', [r]);
  const columns = fields.shaped('columns', 'floats', [outputs, c]);
  const core = fields.shaped('core', 'floats', [c, r]);
  const rows = fields.shaped('rows', 'floats', [r, inputs]);
  return async (sum, range, read) => {
    const between = new Float64Array((range.end - range.start) * r);
    addProduct(between, await read(columns, range), await read(core), c, r);
    addProduct(sum, between, await read(rows), r, inputs);
  };
};
