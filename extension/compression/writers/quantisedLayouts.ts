/**
 * One quantised weight as bitsandbytes and compressed-tensors store it. `checkpoint/quantised` decodes these tensors to
 * exactly the numbers of the part.
 *
 * @see https://github.com/bitsandbytes-foundation/bitsandbytes `functional.py` (`QuantState.as_dict`), `nn/modules.py`
 * @see https://github.com/neuralmagic/compressed-tensors `compressors/`: pack_quantized, naive_quantized, mxfp4
 */
import { BITSANDBYTES_TABLES } from '../../checkpoint/quantised/bitsandbytesTables';
import { packCodes } from '../../checkpoint/quantised/blockCodes';
import type { QuantisedPart } from '../../shared/compression/parts';
import { CompressionError } from '../compressionError';
import { narrow, type FloatDType } from '../narrow';
import type { NewTensor } from '../safetensorsWriter';

export interface QuantisedTensor {
  /** Name of the weight: `X.weight`. */
  readonly name: string;
  readonly outputs: number;
  readonly inputs: number;
  /** Of the model that the weight belongs to. */
  readonly dtype: FloatDType;
  readonly part: QuantisedPart;
}

/** As PyTorch calls them; types that models are computed in. */
export const TORCH_NAMES: Partial<Record<FloatDType, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** NF4: codes two a byte, the first in the upper half; scales, the table, and the shape as JSON. */
export function bitsandbytes4Bit({ name, outputs, inputs, dtype, part }: QuantisedTensor): NewTensor[] {
  const { codes, scales, block } = part;
  const packed = new Uint8Array(codes.length / 2);
  for (let i = 0; i < packed.length; i++) packed[i] = (codes[2 * i]! << 4) | codes[2 * i + 1]!;
  const state = {
    quant_type: 'nf4',
    blocksize: block,
    dtype: TORCH_NAMES[dtype],
    shape: [outputs, inputs],
  };
  const json = Buffer.from(JSON.stringify(state));
  return [
    { name, dtype: 'U8', shape: [packed.length, 1], bytes: packed },
    { name: `${name}.absmax`, dtype: 'F32', shape: [scales.length], bytes: narrow(scales, 'F32').bytes },
    { name: `${name}.quant_map`, ...float32(Float64Array.from(BITSANDBYTES_TABLES.NF4)) },
    { name: `${name}.quant_state.bitsandbytes__nf4`, dtype: 'U8', shape: [json.length], bytes: json },
  ];
}

/** Integers as they are, and for each row the value of 127. */
export function bitsandbytes8Bit({ name, outputs, inputs, part }: QuantisedTensor): NewTensor[] {
  const module = moduleOf(name);
  return [
    { name, dtype: 'I8', shape: [outputs, inputs], bytes: part.codes },
    // Exact: the scales have the 8 bits of bfloat16.
    { name: `${module}.SCB`, ...float32(part.scales.map((scale) => scale * 127)) },
    // "row": the integers are not tiled.
    { name: `${module}.weight_format`, dtype: 'U8', shape: [], bytes: Uint8Array.of(0) },
  ];
}

function float32(values: Float64Array): Pick<NewTensor, 'dtype' | 'shape' | 'bytes'> {
  return { dtype: 'F32', shape: [values.length], bytes: narrow(values, 'F32').bytes };
}

/** Integers of 4 or 8 bits plus half their range, in words of 32 bits. */
export function packedIntegers(tensor: QuantisedTensor): NewTensor[] {
  const { name, outputs, inputs, part } = tensor;
  const { bits, codes } = part;
  const module = moduleOf(name);
  // Codes of 8 bits are two's complement; adding half the range turns the sign bit over.
  const unsigned = bits === 8 ? codes.map((code) => code ^ 128) : codes;
  const perRow = (inputs * bits) / 32;
  const sizes = new DataView(new ArrayBuffer(16));
  [outputs, inputs].forEach((size, i) => {
    sizes.setBigInt64(8 * i, BigInt(size), true);
  });
  return [
    {
      name: `${module}.weight_packed`,
      dtype: 'I32',
      shape: [outputs, perRow],
      bytes: packCodes(unsigned, inputs, bits),
    },
    { name: `${module}.weight_scale`, ...scalesIn(tensor) },
    { name: `${module}.weight_shape`, dtype: 'I64', shape: [2], bytes: new Uint8Array(sizes.buffer) },
  ];
}

/** FP8 elements, and a scale for each row. */
export function scaledFloats(tensor: QuantisedTensor): NewTensor[] {
  const { name, outputs, inputs, part } = tensor;
  return [
    { name, dtype: 'F8_E4M3', shape: [outputs, inputs], bytes: part.codes },
    { name: `${name}_scale`, ...scalesIn(tensor) },
  ];
}

/** E2M1 elements two a byte, the first in the lower half, and E8M0 scales as bytes. */
export function packedMxfp4({ name, outputs, inputs, part }: QuantisedTensor, scales: Uint8Array): NewTensor[] {
  const module = moduleOf(name);
  const codes = packCodes(part.codes, inputs, 4);
  return [
    { name: `${module}.weight_packed`, dtype: 'U8', shape: [outputs, inputs / 2], bytes: codes },
    { name: `${module}.weight_scale`, dtype: 'U8', shape: [outputs, scales.length / outputs], bytes: scales },
  ];
}

/** @throws CompressionError `unsupported` if the model's dtype does not hold them exactly */
function scalesIn({ name, outputs, dtype, part }: QuantisedTensor): Pick<NewTensor, 'dtype' | 'shape' | 'bytes'> {
  const { bytes, values } = narrow(part.scales, dtype);
  if (values.some((value, i) => value !== part.scales[i]!)) {
    throw new CompressionError(
      'unsupported',
      `has scales that ${dtype} does not hold, so that the file would mean other numbers; save it as BF16`,
      { layer: name },
    );
  }
  return { dtype, shape: [outputs, part.scales.length / outputs], bytes };
}

function moduleOf(name: string): string {
  return name.slice(0, -'.weight'.length);
}
