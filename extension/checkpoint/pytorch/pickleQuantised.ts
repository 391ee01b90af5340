/**
 * PyTorch's own quantised tensors: integers q in a storage, and how they become numbers, (q − zero point) · scale, with one
 * scale for all or one for each index of an axis.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/torch/_utils.py, `_rebuild_qtensor`
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/aten/src/ATen/native/quantized/AffineQuantizer.cpp
 */
import type { DType, PackedType } from '../../shared/tensors';
import { packedBits } from '../elements/packedElements';
import type { OpeningBudget } from '../files/openingBudget';
import { asCount, asCounts, BadArguments, itemsOf, type PickleCall } from '../pickle/pickleArguments';
import {
  PickleGlobal,
  PickleSequence,
  PickleStorage,
  PickleTensor,
  PickleUnreadable,
  type PickleQuantiser,
  type PickleValue,
} from '../pickle/pickleValues';
import { elementCount, contiguousStrides } from '../elements/shape';

/** How the codes of each quantised type are stored. */
const CODES: ReadonlyMap<string, { dtype: DType; packed?: PackedType }> = new Map<
  string,
  { dtype: DType; packed?: PackedType }
>([
  ['qint8', { dtype: 'I8' }],
  ['quint8', { dtype: 'U8' }],
  ['qint32', { dtype: 'I32' }],
  ['quint4x2', { dtype: 'U8', packed: 'U4' }],
  ['quint2x4', { dtype: 'U8', packed: 'U2' }],
]);

/** `_rebuild_qtensor(storage, offset, size, stride, (scheme, scale, zero point[, axis]), …)`. */
export const rebuildQuantised: PickleCall = (args, budget) => {
  const [storage, offset, size, stride, parameters] = args;
  if (storage instanceof PickleUnreadable) return storage;
  if (!(storage instanceof PickleStorage)) throw new BadArguments('it has no storage');
  const type = storage.type.name;
  const codes = CODES.get(type);
  if (!codes) throw new BadArguments(`it is quantised, but its storage holds ${type}`);
  const shape = asCounts(size, 'shape');
  const strides = asCounts(stride, 'strides');
  if (shape.length !== strides.length) throw new BadArguments('its shape and strides differ in length');
  const quantiser = quantiserOf(type, shape, itemsOf(parameters), budget);
  const start = asCount(offset, 'storage offset');
  const { dtype, packed } = codes;
  if (!packed) return new PickleTensor(storage, dtype, start, shape, strides, { quantiser });
  return packedCodes(storage, start, shape, strides, packed, quantiser);
};

/** PyTorch counts the elements; views are of bytes, each with several of them. */
function packedCodes(
  storage: PickleStorage,
  start: number,
  shape: readonly number[],
  strides: readonly number[],
  packed: PackedType,
  quantiser: PickleQuantiser,
): PickleValue {
  const perByte = 8 / packedBits(packed);
  const last = shape.at(-1) ?? 1;
  const whole = contiguousStrides(shape).every((stride, axis) => stride === strides[axis] || shape[axis]! < 2);
  if (shape.length === 0 || start !== 0 || !whole || last % perByte !== 0) {
    const reason = `elements of type ${quantiser.name} in rows that begin inside of bytes`;
    const count = elementCount(shape);
    if (typeof count !== 'number') throw new BadArguments(count);
    const byteLength = Math.ceil(count / perByte);
    const known = { shape, dtype: 'F32', encoding: { name: quantiser.name, byteLength } } as const;
    return new PickleUnreadable('unsupported', reason, known);
  }
  const bytes = [...shape.slice(0, -1), last / perByte];
  return new PickleTensor(storage, 'U8', 0, bytes, contiguousStrides(bytes), { packed, quantiser });
}

function quantiserOf(
  type: string,
  shape: readonly number[],
  parameters: readonly PickleValue[],
  budget: OpeningBudget,
): PickleQuantiser {
  const [scheme, scale, zeroPoint, axis] = parameters;
  const name = scheme instanceof PickleGlobal ? scheme.name : undefined;
  if (name === 'torch.per_tensor_affine') {
    // PyTorch multiplies by it as float32, by those of channels as float64.
    return {
      name: type,
      scales: numbersOf([scale], 'scale').map(Math.fround),
      zeroPoints: numbersOf([zeroPoint], 'zero point'),
    };
  }
  if (name !== 'torch.per_channel_affine' && name !== 'torch.per_channel_affine_float_qparams') {
    throw new BadArguments(`it is quantised by the scheme ${name ?? 'of no name'}, which is not read`, 'unsupported');
  }
  const at = asCount(axis, 'quantised axis');
  const channels = shape[at];
  if (channels === undefined) throw new BadArguments(`its quantised axis ${at} is none of its ${shape.length}`);
  const scales = perChannel(scale, channels, 'scales', budget);
  const zeroPoints = perChannel(zeroPoint, channels, 'zero points', budget);
  return { name: `${type} per channel`, scales, zeroPoints, axis: at };
}

/** A tensor, or a list as the first versions wrote it. */
function perChannel(
  value: PickleValue | undefined,
  channels: number,
  what: string,
  budget: OpeningBudget,
): PickleQuantiser['scales'] {
  if (value instanceof PickleSequence) {
    budget.container(value.items.length);
    if (value.items.length === channels) return numbersOf(value.items, what);
    throw new BadArguments(`it has ${value.items.length} ${what} for ${channels} channels`);
  }
  if (!(value instanceof PickleTensor) || value.traits.quantiser) throw new BadArguments(`its ${what} are no tensor`);
  const { shape, dtype } = value;
  if (shape.length !== 1 || shape[0] !== channels || dtype.startsWith('C') || value.traits.packed) {
    throw new BadArguments(`its ${what} are ${dtype} of shape [${shape.join(', ')}] for ${channels} channels`);
  }
  return value;
}

function numbersOf(values: readonly (PickleValue | undefined)[], what: string): Float64Array {
  return Float64Array.from(values, (value) => {
    if (typeof value === 'number') return value;
    throw new BadArguments(`its ${what} is not a number`);
  });
}
