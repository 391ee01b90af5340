/** Every output as a sum of few atoms of a dictionary. The atoms of an output are stored as a mask of bits. */
import { elementSize } from '../../checkpoint/elements/dtype';
import type { DictionaryPart } from '../../shared/compression/parts';
import type { MatrixSize, PartOperations } from './part';
import { floatField } from './storedFields';

export const dictionaryPart: PartOperations<DictionaryPart> = {
  addTo(sum, { size, nonzeros, dictionary, atoms, values }, { outputs }) {
    const inputs = dictionary.length / size;
    for (let i = 0; i < outputs; i++) {
      for (let s = i * nonzeros; s < (i + 1) * nonzeros; s++) {
        const value = values[s]!;
        if (value === 0) continue;
        for (let j = 0, from = atoms[s]! * inputs, to = i * inputs; j < inputs; j++, from++, to++) {
          sum[to] = sum[to]! + value * dictionary[from]!;
        }
      }
    }
  },

  store(part, { outputs }, dtype) {
    const { size, nonzeros } = part;
    const dictionary = floatField('dictionary', part.dictionary, [size, part.dictionary.length / size], dtype);
    const values = floatField('values', part.values, [outputs, nonzeros], dtype);
    const bytesOfRow = Math.ceil(size / 8);
    const mask = new Uint8Array(outputs * bytesOfRow);
    for (let at = 0; at < part.atoms.length; at++) {
      const atom = part.atoms[at]!;
      const place = Math.floor(at / nonzeros) * bytesOfRow + (atom >> 3);
      mask[place] = mask[place]! | (1 << (atom & 7));
    }
    return {
      fields: [
        dictionary.field,
        { field: 'mask', dtype: 'U8', shape: [outputs, bytesOfRow], bytes: mask },
        values.field,
      ],
      values: { size, nonzeros },
      part: { ...part, dictionary: dictionary.values, values: values.values },
      saturated: dictionary.saturated + values.saturated,
    };
  },

  cost(part, matrix) {
    const parameters = parametersOf(part, matrix);
    return { parameters, multiplyAdds: parameters, activations: part.size };
  },

  bytes(part, matrix, dtype) {
    return parametersOf(part, matrix) * elementSize(dtype) + matrix.outputs * Math.ceil(part.size / 8);
  },
};

function parametersOf({ size, nonzeros }: DictionaryPart, { outputs, inputs }: MatrixSize): number {
  return size * inputs + outputs * nonzeros;
}
