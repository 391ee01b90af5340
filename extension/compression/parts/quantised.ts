/**
 * Blocks of few bits. The codes are stored as `checkpoint/quantised/blockCodes.ts` packs them, and the scales in a
 * type of the quantiser, whatever the file's dtype: the codes were chosen for just these scales.
 */
import { codesType, decodeRowsOf, packCodes, packedRowBytes, readScales } from '../../checkpoint/quantised/blockCodes';
import type { QuantisedPart } from '../../shared/compression/parts';
import { scaleBytes, scalesType } from '../../shared/compression/quantisers';
import { narrow } from '../narrow';
import type { PartOperations } from './part';

/** Elements between two polls: some 20 ms. */
const POLLED = 2 ** 22;

export const quantisedPart: PartOperations<QuantisedPart> = {
  addTo(sum, part, { outputs, inputs }, _kernels, poll) {
    const pollEach = Math.max(1, Math.floor(POLLED / inputs));
    decodeRowsOf(part, inputs, (row, elements) => {
      if (row % pollEach === 0) poll?.(row / outputs);
      for (let i = 0, at = row * inputs; i < inputs; i++, at++) sum[at] = sum[at]! + elements[i]!;
    });
  },

  store(part, { outputs, inputs }) {
    const { quantiser, bits, block, codes, scales } = part;
    const packed = packCodes(codes, inputs, bits);
    const type = scalesType(quantiser);
    const bytes = type === 'U8' ? exponentBytes(scales) : narrow(scales, type).bytes;
    return {
      fields: [
        { field: 'codes', dtype: codesType(quantiser), shape: [outputs, packed.length / outputs], bytes: packed },
        { field: 'scales', dtype: type, shape: [outputs, scales.length / outputs], bytes },
      ],
      values: { quantiser, bits, block },
      part: { ...part, scales: readScales(quantiser, bytes) },
      saturated: 0,
    };
  },

  cost: ({ codes, scales }) => ({
    parameters: codes.length + scales.length,
    multiplyAdds: codes.length,
    activations: 0,
  }),

  bytes({ quantiser, bits, block }, { outputs, inputs }) {
    return outputs * (packedRowBytes(inputs, bits) + Math.ceil(inputs / block) * scaleBytes(quantiser));
  },
};

/** @param scales powers of two, 2⁻¹²⁷ … 2¹²⁷ */
function exponentBytes(scales: Float64Array): Uint8Array {
  return Uint8Array.from(scales, (scale) => Math.log2(scale) + 127);
}
