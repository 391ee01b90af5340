/** Single entries of a matrix, kept apart. */
import { elementSize } from '../../checkpoint/elements/dtype';
import type { SparsePart } from '../../shared/compression/parts';
import type { PartOperations } from './part';
import { floatField, indexField } from './storedFields';

export const sparsePart: PartOperations<SparsePart> = {
  addTo(sum, { rows, columns, values }, { inputs }) {
    for (let i = 0; i < values.length; i++) {
      const at = rows[i]! * inputs + columns[i]!;
      sum[at] = sum[at]! + values[i]!;
    }
  },

  store(part, _size, dtype) {
    const shape = [part.values.length];
    const { field, values, saturated } = floatField('values', part.values, shape, dtype);
    return {
      fields: [indexField('rows', part.rows, shape), indexField('columns', part.columns, shape), field],
      values: {},
      part: { ...part, values },
      saturated,
    };
  },

  cost: ({ values }) => ({ parameters: values.length, multiplyAdds: values.length, activations: 0 }),

  bytes: ({ values }, _size, dtype) => (4 + 4 + elementSize(dtype)) * values.length,
};
