/**
 * What the codes of MatMulBnb4 stand for, in units of a block's largest absolute value: FP4 and NF4 of bitsandbytes, as
 * onnxruntime has them.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/contrib_ops/cpu/quantization/blockwise_quant_block_bnb4.h
 *   (Copyright (c) Microsoft Corporation, MIT licence)
 */
const FP4 = [0, 5.208333333e-3, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25];

const NF4 = [
  ...[-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453],
  ...[-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0],
  ...[0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224],
  ...[0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1],
];

export const BITSANDBYTES_TABLES = {
  FP4: Float32Array.from([...FP4, ...FP4.map((value) => -value)]),
  NF4: Float32Array.from(NF4),
} as const;
