/** W[i, :] += Σ_s values[i, s] · dictionary[atoms[i, s], :], the atoms of a row as a mask of bits, lowest bit first. */
import { PartError, type PartDecoder } from './partReader';

export const dictionary: PartDecoder = (fields, { outputs, inputs }) => {
  const size = fields.count('size');
  const nonzeros = fields.count('nonzeros');
  const atoms = fields.shaped('dictionary', 'floats', [size, inputs]);
  const maskBytes = Math.ceil(size / 8);
  const mask = fields.shaped('mask', 'U8', [outputs, maskBytes]);
  const values = fields.shaped('values', 'floats', [outputs, nonzeros]);
  return async (sum, range, read) => {
    const [rows, bits, kept] = [await read(atoms), await read.bytes(mask, range), await read(values, range)];
    for (let row = 0; row < range.end - range.start; row++) {
      let s = 0;
      for (let atom = 0; atom < 8 * maskBytes; atom++) {
        if (!((bits[row * maskBytes + (atom >> 3)]! >> (atom & 7)) & 1)) continue;
        if (atom >= size || s >= nonzeros)
          throw new PartError(`has more atoms in row ${range.start + row} of "mask" than values`);
        const value = kept[row * nonzeros + s++]!;
        for (let j = 0, to = row * inputs, from = atom * inputs; j < inputs; j++, to++, from++) {
          sum[to] = sum[to]! + value * rows[from]!;
        }
      }
      if (s !== nonzeros) throw new PartError(`has ${s} atoms in row ${range.start + row} of "mask", not ${nonzeros}`);
    }
  };
};
