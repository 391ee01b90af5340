/** Some columns of a matrix, kept apart. */
import { elementSize } from '../../checkpoint/elements/dtype';
import type { ColumnsPart } from '../../shared/compression/parts';
import type { PartOperations } from './part';
import { floatField, indexField } from './storedFields';

export const columnsPart: PartOperations<ColumnsPart> = {
  addTo(sum, { indices, values }, { outputs, inputs }) {
    const count = indices.length;
    for (let row = 0; row < outputs; row++) {
      for (let c = 0; c < count; c++) {
        const at = row * inputs + indices[c]!;
        sum[at] = sum[at]! + values[row * count + c]!;
      }
    }
  },

  store(part, { outputs }, dtype) {
    const { length } = part.indices;
    const { field, values, saturated } = floatField('values', part.values, [outputs, length], dtype);
    return {
      fields: [indexField('indices', part.indices, [length]), field],
      values: {},
      part: { ...part, values },
      saturated,
    };
  },

  cost: ({ values }) => ({
    parameters: values.length,
    multiplyAdds: values.length,
    activations: 0,
  }),

  bytes: ({ indices, values }, _size, dtype) => 4 * indices.length + elementSize(dtype) * values.length,
};
