/** Columns of a matrix in the DCT-II basis of its inputs: stored as their indices and coefficients. */
import { elementSize } from '../../checkpoint/elements/dtype';
import type { DctPart } from '../../shared/compression/parts';
import { CosineTransform } from '../decomposition/cosineTransform';
import type { PartOperations } from './part';
import { floatField, indexField } from './storedFields';

export const dctPart: PartOperations<DctPart> = {
  addTo(sum, { indices, coefficients }, { outputs, inputs }) {
    const transform = new CosineTransform(inputs);
    const rank = indices.length;
    // Two rows at a time, as the transform takes them.
    for (let row = 0; row < outputs; row += 2) {
      const count = Math.min(2, outputs - row);
      const rows = new Float64Array(count * inputs);
      for (let r = 0; r < count; r++) {
        for (let c = 0; c < rank; c++) rows[r * inputs + indices[c]!] = coefficients[(row + r) * rank + c]!;
      }
      transform.inverse(rows);
      for (let i = 0, at = row * inputs; i < rows.length; i++, at++) sum[at] = sum[at]! + rows[i]!;
    }
  },

  store(part, { outputs }, dtype) {
    const coefficients = floatField('coefficients', part.coefficients, [outputs, part.indices.length], dtype);
    return {
      fields: [indexField('indices', part.indices, [part.indices.length]), coefficients.field],
      values: {},
      part: { ...part, coefficients: coefficients.values },
      saturated: coefficients.saturated,
    };
  },

  cost({ indices: { length } }, { outputs, inputs }) {
    return { parameters: length * outputs, multiplyAdds: length * (outputs + inputs), activations: length };
  },

  bytes({ indices: { length } }, { outputs }, dtype) {
    return length * (4 + outputs * elementSize(dtype));
  },
};
