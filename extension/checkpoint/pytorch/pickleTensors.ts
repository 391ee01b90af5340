/**
 * What PyTorch's functions make of a storage and some numbers: strided views, and what stands in for tensors without
 * stored elements.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/torch/_utils.py
 */
import { contiguousStrides } from '../elements/shape';
import type { PickleCall } from '../pickle/pickleArguments';
import { asCount, asCounts, BadArguments } from '../pickle/pickleArguments';
import { rebuildQuantised } from './pickleQuantised';
import { rebuildSparse } from './pickleSparse';
import { rebuildMeta, rebuildSubclass, rebuildWrapper } from './pickleSubclasses';
import {
  isTensor,
  PickleArray,
  PickleDict,
  PickleDType,
  PickleStorage,
  PickleTensor,
  PickleUnreadable,
  type PickleValue,
  type TensorTraits,
} from '../pickle/pickleValues';

/** `_rebuild_tensor(storage, offset, size, stride)` with an element type of its own in version 3. */
function rebuildTensor(args: readonly PickleValue[], dtype?: PickleValue, flags?: PickleValue): PickleValue {
  const [storage, offset, size, stride] = args;
  if (storage instanceof PickleUnreadable) return storage;
  if (!(storage instanceof PickleStorage)) throw new BadArguments('it has no storage');
  if (dtype !== undefined && !(dtype instanceof PickleDType)) throw new BadArguments('its element type is unknown');
  const type = dtype ?? storage.type;
  if (!type.dtype) throw new BadArguments(`elements of type ${type.name} are not read`, 'unsupported');
  if (flags instanceof PickleDict && (flags.get('conj') === true || flags.get('neg') === true)) {
    throw new BadArguments('it is stored as a conjugate or negative of its elements', 'unsupported');
  }
  const shape = asCounts(size, 'shape');
  const strides = asCounts(stride, 'strides');
  if (shape.length !== strides.length) throw new BadArguments('its shape and strides differ in length');
  return new PickleTensor(storage, type.dtype, asCount(offset, 'storage offset'), shape, strides, traitsOf(type));
}

function traitsOf({ packed }: PickleDType): TensorTraits | undefined {
  return packed && { packed };
}

/** A 1-D view on all of a storage that is saved on its own. */
export function wholeStorage(storage: PickleStorage): PickleTensor | PickleUnreadable {
  const { type, length } = storage;
  if (!type.dtype) return new PickleUnreadable('unsupported', `elements of type ${type.name} are not read`);
  return new PickleTensor(storage, type.dtype, 0, [length], contiguousStrides([length]), traitsOf(type));
}

const parameter: PickleCall = (args) => {
  const [data] = args;
  if (isTensor(data)) return data;
  throw new BadArguments('it is a parameter without data');
};

const arrayAsTensor: PickleCall = (args) => {
  const [array] = args;
  if (!(array instanceof PickleArray)) throw new BadArguments('it has no NumPy data');
  return array;
};

export function unsupported(reason: string): PickleCall {
  return () => new PickleUnreadable('unsupported', reason);
}

/** By the names that pickles know them under. */
export const tensorCalls: readonly (readonly [name: string, call: PickleCall])[] = [
  ['torch._utils._rebuild_tensor', (args) => rebuildTensor(args)],
  ['torch._utils._rebuild_tensor_v2', (args) => rebuildTensor(args, undefined, args[6])],
  ['torch._utils._rebuild_tensor_v3', (args) => rebuildTensor(args, args[6], args[7])],
  ['torch._utils._rebuild_parameter', parameter],
  ['torch._utils._rebuild_parameter_with_state', parameter],
  ['torch.nn.parameter.Parameter', parameter],
  ['torch.nn.parameter.Buffer', parameter],
  ['torch.nn.Parameter', parameter],
  ['torch.autograd.variable.Variable', parameter],
  ['torch._tensor._rebuild_from_type', rebuildSubclass],
  ['torch._tensor._rebuild_from_type_v2', rebuildSubclass],
  ['torch.tensor._rebuild_from_type', rebuildSubclass],
  ['torch._utils._rebuild_device_tensor_from_numpy', arrayAsTensor],
  ['torch._utils._rebuild_xla_tensor', arrayAsTensor],
  ['torch._utils._rebuild_device_tensor_from_cpu_tensor', parameter],
  ['torch._utils._rebuild_qtensor', rebuildQuantised],
  ['torch._utils._rebuild_sparse_tensor', rebuildSparse],
  ['torch._utils._rebuild_sparse_csr_tensor', rebuildSparse],
  ['torch._utils._rebuild_nested_tensor', unsupported('it is a nested tensor')],
  ['torch._utils._rebuild_meta_tensor_no_storage', rebuildMeta],
  ['torch._utils._rebuild_wrapper_subclass', rebuildWrapper],
];
