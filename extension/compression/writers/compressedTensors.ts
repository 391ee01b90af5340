/**
 * The layout `compressed-tensors`: integers of 4 and 8 bits (pack-quantized), FP8 (float-quantized) and MXFP4
 * (mxfp4-pack-quantized), for vLLM and transformers.
 *
 * @see https://github.com/neuralmagic/compressed-tensors `quantization/quant_config.py`, `quant_scheme.py` (W4A16, W8A16,
 * MXFP4A16)
 */
import { MX_BLOCK } from '../../shared/compression/quantisers';
import type { QuantiserName } from '../../shared/compression/methodOptions';
import { packedIntegers, packedMxfp4, scaledFloats } from './quantisedLayouts';
import { quantisedModel } from './quantisedModel';

const FORMATS = {
  int4: 'pack-quantized',
  int8: 'pack-quantized',
  fp8: 'float-quantized',
  mxfp4: 'mxfp4-pack-quantized',
};

const isTaken = (quantiser: QuantiserName): quantiser is keyof typeof FORMATS => Object.hasOwn(FORMATS, quantiser);

/** Elements of a row that share a scale; 0 if all do. */
const groupOf = (quantiser: QuantiserName, block: number): number => (quantiser === 'mxfp4' ? MX_BLOCK : block);

export const compressedTensorsLayout = quantisedModel({
  name: 'compressed-tensors',

  problem({ quantiser, block }, { inputs }) {
    if (!isTaken(quantiser)) {
      return (
        `has the quantiser ${quantiser}, and compressed-tensors takes ${Object.keys(FORMATS).join(', ')}; choose one of ` +
        'these, or save as safetensors'
      );
    }
    if (quantiser === 'fp8') {
      return block === 0
        ? undefined
        : `has fp8 blocks of ${block}, and vLLM takes a scale for each row: choose block 0`;
    }
    const group = groupOf(quantiser, block);
    const perWord = quantiser === 'int8' ? 4 : 8;
    if (group > 0 && inputs % group !== 0) {
      return `has rows of ${inputs}, which are no whole blocks of ${group}; choose another block, or leave it dense`;
    }
    if (inputs % perWord !== 0) {
      return `has rows of ${inputs}, which do not fill words of ${perWord} ${quantiser}; leave it dense`;
    }
    return undefined;
  },

  tensors: (weight, fields) => {
    switch (weight.part.quantiser) {
      case 'fp8':
        return scaledFloats(weight);
      case 'mxfp4':
        return packedMxfp4(weight, fields.get('scales')!);
      default:
        return packedIntegers(weight);
    }
  },

  config({ quantiser, block }, _weights, dense) {
    const format = FORMATS[quantiser as keyof typeof FORMATS];
    const group = groupOf(quantiser, block);
    const isInteger = quantiser === 'int4' || quantiser === 'int8';
    return {
      quant_method: 'compressed-tensors',
      quantization_status: 'compressed',
      format,
      config_groups: {
        group_0: {
          targets: ['Linear'],
          weights: {
            num_bits: quantiser === 'int4' || quantiser === 'mxfp4' ? 4 : 8,
            type: isInteger ? 'int' : 'float',
            symmetric: true,
            dynamic: false,
            ...(group === 0 ? { strategy: 'channel' } : { strategy: 'group', group_size: group }),
            ...(quantiser === 'mxfp4' && { scale_dtype: 'torch.uint8', zp_dtype: 'torch.uint8' }),
          },
          input_activations: null,
          output_activations: null,
          format,
        },
      },
      ignore: dense,
      kv_cache_scheme: null,
      global_compression_ratio: null,
    };
  },
});
