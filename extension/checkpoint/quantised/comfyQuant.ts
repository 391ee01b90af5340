/**
 * What ComfyUI writes beside a quantised weight: `X.comfy_quant`, a small JSON text in bytes that names the format. Formats
 * of 8 bits are element·scale; those of 4 bits keep their scales in an order of their own, which is not read.
 *
 * @see https://github.com/comfyanonymous/ComfyUI (`comfy/ops.py`, `comfy/quant_ops.py`)
 */
import { product } from '../../shared/matrixAxes';
import { type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { isObject } from '../files/jsonFile';
import { own } from './quantisationConfig';
import { contradiction, type WeightParts } from './quantisedWeight';

const PLAIN: readonly unknown[] = ['float8_e4m3fn', 'float8_e5m2', 'int8_tensorwise'];

/** A format's name and a setting or two. */
const MAX_TEXT_BYTES = 4096;

/**
 * @param weight name of the weight, `X.weight`
 * @throws CheckpointError `unsupported` for a format that is not element·scale, `malformed`
 */
export async function assertPlainComfyFormat(weight: string, parts: WeightParts): Promise<void> {
  const mark = parts.find(weight.replace(/weight$/, 'comfy_quant'));
  if (mark?.dtype !== 'U8') return;
  const format = await formatOf(mark, parts);
  if (PLAIN.includes(format)) return;
  throw new CheckpointError('unsupported', `${mark.name} says ${JSON.stringify(format)}, a format that is not read`);
}

async function formatOf(mark: TensorInfo, { reader }: WeightParts): Promise<unknown> {
  if (mark.byteLength > MAX_TEXT_BYTES) throw contradiction(`${mark.name} has ${mark.byteLength} bytes`);
  try {
    const settings: unknown = JSON.parse(Buffer.from(await reader.bytes(mark)).toString('utf8'));
    return isObject(settings) ? own(settings, 'format') : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw contradiction(`${mark.name} is no JSON`);
  }
}

/** Scales of activations and of caches: in no weight, and no weights. */
const SETTINGS = /^(.*[.])(?:scale_input|input_scale(?:_ub)?|input_global_scale|comfy_quant)$/s;
const CACHE_SCALE = /\.(?:[kvq]|kv_cache)_scale$/;
const COMFY_MARK = /(?:^|\.)scaled_fp8$/;

/**
 * True if a tensor beside quantised weights only says how they are used.
 *
 * @param weights names of those weights
 */
export function isQuantisationSetting(
  { name, dtype, shape }: Pick<TensorInfo, 'name' | 'dtype' | 'shape'>,
  weights: ReadonlySet<string>,
): boolean {
  if (COMFY_MARK.test(name)) return dtype.startsWith('F8_') && product(shape) <= 2;
  if (CACHE_SCALE.test(name)) return product(shape) === 1;
  const module = SETTINGS.exec(name)?.[1];
  return module !== undefined && weights.has(`${module}weight`);
}
