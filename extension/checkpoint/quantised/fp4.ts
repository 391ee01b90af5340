/**
 * Codes of 4 bits that are floats (E2M1), two a byte, with a scale of 8 bits for every group of a row: NVFP4 (groups of
 * 16, scales E4M3, and one float32 scale of the whole weight) and MXFP4 (groups of 32, scales powers of two).
 *
 * @see https://github.com/neuralmagic/compressed-tensors (`fp4_quantized.py`), https://github.com/openai/gpt-oss
 * (`*_blocks`, `*_scales`), https://github.com/NVIDIA/TensorRT-Model-Optimizer (`weight_scale_2`)
 */
import { product } from '../../shared/matrixAxes';
import { type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { assertPlainComfyFormat } from './comfyQuant';
import { elementSize, widen } from '../elements/dtype';
import { fp4Values } from '../elements/packedElements';
import {
  contradiction,
  expectFloats,
  expectShape,
  sides,
  type PartReader,
  type QuantisationScheme,
  type QuantisedWeight,
} from './quantisedWeight';
import type { RowRange } from '../elements/rowBand';
import { decodeRows } from './rowBlocks';

interface Layout {
  readonly shape: readonly number[];
  readonly codes: TensorInfo;
  readonly scales: TensorInfo;
  /** Scale of the whole weight; elements are multiplied or divided by it. */
  readonly global?: { readonly tensor: TensorInfo; readonly divides: boolean };
}

/** compressed-tensors (`weight_packed`, `weight_global_scale`) and ModelOpt (`weight`, `weight_scale_2`). */
export const fp4: QuantisationScheme = {
  marks: ['.weight_packed', '.weight_scale_2'],
  async weight(base, mark, parts): Promise<QuantisedWeight | undefined> {
    const codes = parts.find(mark === '.weight_packed' ? `${base}.weight_packed` : `${base}.weight`);
    if (codes?.dtype !== 'U8') return undefined;
    await assertPlainComfyFormat(`${base}.weight`, parts);
    const scales = parts.need(`${base}.weight_scale`);
    const [rows, bytes] = sides(codes, 2);
    const [, groups] = sides(scales, 2);
    expectShape(scales, [rows, groups]);
    const inputs = 2 * bytes;
    if (inputs % groups !== 0) throw contradiction(`${groups} groups do not share ${inputs} inputs evenly`);
    const divisor = parts.find(`${base}.weight_global_scale`);
    const factor = parts.find(`${base}.weight_scale_2`);
    const tensor = divisor ?? factor;
    if (tensor) {
      expectFloats(tensor);
      if (product(tensor.shape) !== 1) throw contradiction(`${tensor.name} is not one number`);
      if (elementSize(scales.dtype) !== 1) throw contradiction(`${scales.name} has the element type ${scales.dtype}`);
    } else if (scales.dtype !== 'U8' && scales.dtype !== 'F8_E8M0') {
      throw contradiction(
        `${scales.name} has the element type ${scales.dtype}, and there is no scale of the whole weight`,
      );
    }
    const layout = { shape: [rows, inputs], codes, scales, ...(tensor && { global: { tensor, divides: !!divisor } }) };
    return {
      name: `${base}.weight`,
      shape: layout.shape,
      encoding: tensor ? 'NVFP4' : 'MXFP4',
      parts: [codes, scales, ...(tensor ? [tensor] : [])],
      decode: (band, reader) => decode(layout, band, reader),
    };
  },
};

/** gpt-oss: stacks of experts, bytes [experts, out, groups, 16], shown as [experts, out, in]. */
export const fp4Blocks: QuantisationScheme = {
  marks: ['_blocks'],
  weight(base, _mark, parts): QuantisedWeight | undefined {
    const codes = parts.need(`${base}_blocks`);
    const scales = parts.find(`${base}_scales`);
    if (codes.dtype !== 'U8' || codes.shape.length < 3 || scales?.dtype !== 'U8' || codes.shape.includes(0)) {
      return undefined;
    }
    const leading = codes.shape.slice(0, -1);
    expectShape(scales, leading);
    const shape = [...leading.slice(0, -1), leading.at(-1)! * codes.shape.at(-1)! * 2];
    const layout = { shape, codes, scales };
    return {
      name: base,
      shape,
      encoding: 'MXFP4',
      parts: [codes, scales],
      decode: (band, reader) => decode(layout, band, reader),
    };
  },
};

async function decode(
  { shape, codes, scales, global }: Layout,
  rows: RowRange,
  reader: PartReader,
): Promise<Float32Array> {
  const [whole] = global ? await reader.numbers(global.tensor) : [1];
  if (global && !(Number.isFinite(whole) && whole !== 0)) {
    throw new CheckpointError('malformed', `${global.tensor.name} is ${whole!}, which scales nothing`);
  }
  const group = product(shape) / product(scales.shape);
  const scaleType = scales.dtype === 'U8' ? (global ? 'F8_E4M3' : 'F8_E8M0') : scales.dtype;
  return decodeRows(codes, shape, rows, async ({ first, target }) => {
    const values = fp4Values(await reader.bytes(codes, first));
    const scale = widen(await reader.bytes(scales, first), scaleType);
    // In float32 step by step, as the programs that define these formats do.
    if (global)
      for (let i = 0; i < scale.length; i++)
        scale[i] = Math.fround(global.divides ? scale[i]! / whole! : scale[i]! * whole!);
    for (let i = 0; i < target.length; i++) target[i] = values[i]! * scale[Math.floor(i / group)]!;
  });
}
