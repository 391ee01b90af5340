/** Columns and rows of the original, and the small matrix between them. */
import { elementSize } from '../../checkpoint/elements/dtype';
import type { CurPart } from '../../shared/compression/parts';
import type { MatrixSize, PartOperations } from './part';
import { floatField, indexField } from './storedFields';

export const curPart: PartOperations<CurPart> = {
  addTo(sum, { columnIndices, rowIndices, columns, core, rows }, { outputs, inputs }, kernels) {
    const c = columnIndices.length;
    const r = rowIndices.length;
    const between = kernels.multiply(columns, core, outputs, r, c, false, false);
    const product = kernels.multiply(between, rows, outputs, inputs, r, false, false);
    for (let i = 0; i < product.length; i++) sum[i] = sum[i]! + product[i]!;
  },

  store(part, { outputs, inputs }, dtype) {
    const c = part.columnIndices.length;
    const r = part.rowIndices.length;
    const columns = floatField('columns', part.columns, [outputs, c], dtype);
    const core = floatField('core', part.core, [c, r], dtype);
    const rows = floatField('rows', part.rows, [r, inputs], dtype);
    return {
      fields: [
        indexField('columnIndices', part.columnIndices, [c]),
        indexField('rowIndices', part.rowIndices, [r]),
        columns.field,
        core.field,
        rows.field,
      ],
      values: {},
      part: { ...part, columns: columns.values, core: core.values, rows: rows.values },
      saturated: columns.saturated + core.saturated + rows.saturated,
    };
  },

  cost(part, size) {
    const parameters = parametersOf(part, size);
    return {
      parameters,
      multiplyAdds: parameters,
      activations: part.columnIndices.length + part.rowIndices.length,
    };
  },

  bytes(part, size, dtype) {
    return parametersOf(part, size) * elementSize(dtype) + 4 * (part.columnIndices.length + part.rowIndices.length);
  },
};

function parametersOf({ columnIndices, rowIndices }: CurPart, { outputs, inputs }: MatrixSize): number {
  const c = columnIndices.length;
  const r = rowIndices.length;
  return outputs * c + c * r + r * inputs;
}
