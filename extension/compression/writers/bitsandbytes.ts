/**
 * The layout `bitsandbytes`: NF4 blocks or INT8 rows that transformers loads into bitsandbytes' linear modules.
 *
 * @see https://huggingface.co/docs/transformers/quantization/bitsandbytes
 */
import { bitsandbytes4Bit, bitsandbytes8Bit, TORCH_NAMES } from './quantisedLayouts';
import { quantisedModel } from './quantisedModel';

/** Lengths that bitsandbytes' kernels have. */
const BLOCKS: ReadonlySet<number> = new Set([32, 64, 128, 256, 512, 1024, 2048, 4096]);

export const bitsandbytesLayout = quantisedModel({
  name: 'bitsandbytes',

  problem({ quantiser, block }, { inputs }) {
    if (quantiser === 'int8') {
      if (block === 0 || block === inputs) return undefined;
      return `has int8 blocks of ${block}, and bitsandbytes has a scale for each row: choose block 0`;
    }
    if (quantiser !== 'nf4') {
      return `has the quantiser ${quantiser}, and bitsandbytes takes nf4 and int8; choose one of these, or save as compressed-tensors or safetensors`;
    }
    if (!BLOCKS.has(block)) return `has nf4 blocks of ${block}, and bitsandbytes takes ${[...BLOCKS].join(', ')}`;
    // Its blocks follow one another through all rows, ours begin with each row.
    if (inputs % block !== 0) {
      const fitting = [...BLOCKS].filter((each) => inputs % each === 0);
      const remedy =
        fitting.length > 0
          ? `choose a block of ${fitting.join(', ')}`
          : 'no block that it takes divides them, so leave this layer dense or save as safetensors';
      return `has rows of ${inputs}, which are no whole nf4 blocks of ${block}; ${remedy}`;
    }
    return undefined;
  },

  tensors: (weight) => (weight.part.quantiser === 'nf4' ? bitsandbytes4Bit(weight) : bitsandbytes8Bit(weight)),

  config({ quantiser }, weights, dense) {
    const is4Bit = quantiser === 'nf4';
    return {
      quant_method: 'bitsandbytes',
      load_in_4bit: is4Bit,
      load_in_8bit: !is4Bit,
      llm_int8_skip_modules: dense,
      ...(is4Bit && {
        bnb_4bit_quant_type: 'nf4',
        bnb_4bit_use_double_quant: false,
        bnb_4bit_quant_storage: 'uint8',
        bnb_4bit_compute_dtype: TORCH_NAMES[weights[0]!.dtype]!,
      }),
    };
  },
});
