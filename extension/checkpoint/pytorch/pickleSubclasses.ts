/**
 * Tensor subclasses. Those that keep their elements in a storage as every tensor does are read; of one that is a part of a
 * distributed tensor the part is; what wraps other tensors is listed, as only its own class knows how to put them together.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/torch/_tensor.py, `_rebuild_from_type_v2`
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/torch/distributed/_shard/sharded_tensor/api.py, `__getstate__`
 */
import type { DType } from '../../shared/tensors';
import { elementSize } from '../elements/dtype';
import { asCounts, BadArguments, itemsOf, type PickleCall } from '../pickle/pickleArguments';
import type { OpeningBudget } from '../files/openingBudget';
import {
  PickleDict,
  PickleDType,
  PickleGlobal,
  PickleObject,
  PickleTensor,
  PickleUnreadable,
  type KnownTensor,
  type PickleValue,
} from '../pickle/pickleValues';
import { elementCount } from '../elements/shape';

const WRAPPER = 'torch._utils._rebuild_wrapper_subclass';

/** Attributes of a tensor, or shards, that are looked at: no class has as many, and a pickle can ask again and again. */
const MAX_PARTS = 64;

/** Characters of a class's name in a reason. */
const MAX_CLASS_NAME = 200;

/** Tensors of tensor parallelism and FSDP2: the elements are those of `_local_tensor` on each rank. */
const DISTRIBUTED = /^torch\.distributed\.(\w+\.)*DTensor$/;

/** FSDP1's sharded state dicts hold them. */
const SHARDED = /^torch\.distributed\.(\w+\.)*ShardedTensor$/;

/** `_rebuild_from_type_v2(function, class, args, state)`. */
export const rebuildSubclass: PickleCall = (args, budget, host) => {
  const [callable, type, inner, state] = args;
  const className = classNameOf(type);
  if (callable instanceof PickleGlobal && callable.name === WRAPPER) {
    if (SHARDED.test(className)) return shardedTensor(state, budget);
    return wrapped(className, itemsOf(inner), dictionariesOf(state), budget);
  }
  if (!(callable instanceof PickleGlobal) || !/^torch\._utils\._rebuild_/.test(callable.name)) {
    throw new BadArguments(`it is a ${className}, which is not read`, 'unsupported');
  }
  return host.call(callable, inner ?? null, budget);
};

/** `_rebuild_wrapper_subclass(class, dtype, size, …)`: one without its attributes. */
export const rebuildWrapper: PickleCall = (args, budget) => {
  const [type] = args;
  return wrapped(classNameOf(type), args, [], budget);
};

/** `_rebuild_meta_tensor_no_storage(dtype, size, …)`. */
export const rebuildMeta: PickleCall = ([dtype, size]) => {
  const known = knownOf(dtype, size, 'meta', 0);
  return new PickleUnreadable('unsupported', 'a meta tensor, whose values were never stored', known);
};

/** What BUILD makes of a `ShardedTensor` from before PyTorch 1.13; undefined for objects of other classes. */
export function shardedObject(
  { global, state }: PickleObject,
  budget: OpeningBudget,
): PickleTensor | PickleUnreadable | undefined {
  if (!SHARDED.test(global)) return undefined;
  try {
    return shardedTensor(state, budget);
  } catch (error) {
    if (error instanceof BadArguments) return new PickleUnreadable(error.code, error.message);
    throw error;
  }
}

/** Reads the state (local shards, metadata, …). @throws BadArguments */
function shardedTensor(state: PickleValue | undefined, budget: OpeningBudget): PickleTensor | PickleUnreadable {
  const [shards, metadata] = itemsOf(state);
  const looked = itemsOf(shards).slice(0, MAX_PARTS);
  budget.container(looked.length);
  const tensors = looked.map((shard) => attributeOf(shard, 'tensor')).filter((local) => local instanceof PickleTensor);
  const shape = asCounts(attributeOf(metadata, 'size'), 'shape');
  const [part] = tensors;
  if (!part) throw new BadArguments('it is a ShardedTensor, and no part of it is in this file', 'unsupported');
  const count = itemsOf(shards).length;
  if (count === 1) return partOf(part, shape, 'ShardedTensor');
  const known = knownShape(shape, part.dtype, 'ShardedTensor', bytesOf(tensors, budget));
  return new PickleUnreadable('unsupported', `a ShardedTensor of which ${count} parts are in this file`, known);
}

function classNameOf(type: PickleValue | undefined): string {
  return type instanceof PickleGlobal ? type.name.slice(0, MAX_CLASS_NAME) : 'class of no name';
}

function wrapped(
  className: string,
  [, dtype, size]: readonly PickleValue[],
  attributes: readonly PickleDict[],
  budget: OpeningBudget,
): PickleValue {
  const name = className.slice(className.lastIndexOf('.') + 1);
  const known = knownOf(dtype, size, name, bytesOf(attributes.flatMap(firstValues), budget));
  const local = DISTRIBUTED.test(className) ? valueIn(attributes, '_local_tensor') : undefined;
  if (local instanceof PickleTensor) return partOf(local, known.shape, name);
  const reason = `a ${className}, whose parts only that class puts together`;
  return new PickleUnreadable('unsupported', reason, known);
}

/** The part itself where it is the whole. */
function partOf(part: PickleTensor, whole: readonly number[], name: string): PickleTensor {
  const { storage, dtype, offset, shape, strides, traits } = part;
  if (shape.length === whole.length && shape.every((size, axis) => size === whole[axis])) return part;
  return new PickleTensor(storage, dtype, offset, shape, strides, { ...traits, partOf: { name, shape: whole } });
}

/** What BUILD sets attributes from: a dictionary, or a pair of dictionary and slots. */
function dictionariesOf(state: PickleValue | undefined): PickleDict[] {
  const parts = state instanceof PickleDict ? [state] : itemsOf(state).slice(0, 2);
  return parts.filter((part) => part instanceof PickleDict);
}

function attributeOf(object: PickleValue | undefined, name: string): PickleValue | undefined {
  return object instanceof PickleObject ? valueIn(dictionariesOf(object.state), name) : undefined;
}

function valueIn(attributes: readonly PickleDict[], name: string): PickleValue | undefined {
  return attributes.find((part) => part.get(name) !== undefined)?.get(name);
}

function firstValues(attributes: PickleDict): PickleValue[] {
  const values: PickleValue[] = [];
  for (const [, value] of attributes.entries()) if (values.push(value) === MAX_PARTS) break;
  return values;
}

function knownOf(
  type: PickleValue | undefined,
  size: PickleValue | undefined,
  name: string,
  byteLength: number,
): KnownTensor {
  const dtype = type instanceof PickleDType ? type.dtype : undefined;
  if (!dtype) throw new BadArguments(`it is a ${name} of an unknown element type`, 'unsupported');
  return knownShape(asCounts(size, 'shape'), dtype, name, byteLength);
}

function knownShape(shape: readonly number[], dtype: DType, name: string, byteLength: number): KnownTensor {
  const count = elementCount(shape);
  if (typeof count !== 'number') throw new BadArguments(`it ${count}`);
  return { shape, dtype, encoding: { name, byteLength } };
}

/** Bytes of the tensors among these values, as the pickle declares them. What it can ask again and again is paid for. */
function bytesOf(values: readonly PickleValue[], budget: OpeningBudget): number {
  let bytes = 0;
  budget.container(values.length);
  for (const value of values) {
    if (value instanceof PickleUnreadable) bytes += value.known?.encoding.byteLength ?? 0;
    if (!(value instanceof PickleTensor)) continue;
    budget.container(value.shape.length);
    const count = elementCount(value.shape);
    if (typeof count === 'number') bytes += count * elementSize(value.dtype);
  }
  return Math.min(bytes, Number.MAX_SAFE_INTEGER);
}
