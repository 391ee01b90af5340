/** Blocks of few bits: codes and scales as `quantised/blockCodes.ts` packs them. */
import { QUANTISERS, type QuantiserName } from '../../shared/compression/methodOptions';
import { codesType, decodeRowsOf, packedRowBytes, readScales, unpackCodes } from '../quantised/blockCodes';
import { bitsOf, scalesType } from '../../shared/compression/quantisers';
import { PartError, type PartDecoder } from './partReader';

export const quantised: PartDecoder = (fields, { outputs, inputs }) => {
  const quantiser = fields.text('quantiser') as QuantiserName;
  if (!QUANTISERS.includes(quantiser)) throw new PartError(`is of the quantiser "${quantiser}", which is not known`);
  const bits = fields.count('bits');
  if (bits > 8 || bitsOf(quantiser, bits) !== bits) throw new PartError(`says that ${quantiser} has ${bits} bits`);
  const block = fields.count('block');
  const blocks = Math.ceil(inputs / block);
  const codes = fields.shaped('codes', codesType(quantiser), [outputs, packedRowBytes(inputs, bits)]);
  const scales = fields.shaped('scales', scalesType(quantiser), [outputs, blocks]);
  return async (sum, range, read) => {
    const packed = await read.bytes(codes, range);
    const part = {
      ...{ quantiser, bits, block },
      codes: unpackCodes(packed, inputs, bits),
      scales: readScales(quantiser, await read.bytes(scales, range)),
    };
    decodeRowsOf(part, inputs, (row, elements) => {
      for (let i = 0, at = row * inputs; i < inputs; i++, at++) sum[at] = sum[at]! + elements[i]!;
    });
  };
};
