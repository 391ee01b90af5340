/**
 * The fixed list of names that a checkpoint's pickle may give meaning to: tensor rebuilders, storages, dtypes, NumPy
 * arrays and plain containers. Every other name yields an inert `PickleObject`.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/torch/_utils.py, torch/_weights_only_unpickler.py
 */
import type { PickleHost } from './pickle';
import type { PickleBudget } from './pickleBudget';
import { asCount, asCounts, BadArguments, contiguousStrides, itemsOf } from './pickleArguments';
import { isDangerous } from './pickleDanger';
import { arrayFromBuffer, buildArray, buildNumpyDType, numpyDType, numpyScalar } from './pickleNumpy';
import {
  isTensor,
  NumpyDType,
  PickleArray,
  PickleDict,
  PickleDType,
  PickleGlobal,
  PickleObject,
  PickleSequence,
  PickleStorage,
  PickleTensor,
  PickleUnreadable,
  type PickleValue,
} from './pickleValues';
import { torchDType, torchStorageType } from './torchTypes';

type Handler = (args: readonly PickleValue[], budget: PickleBudget, host: TorchPickleHost) => PickleValue;

export class TorchPickleHost implements PickleHost {
  /** Names of classes and functions that are not in the list, in order of appearance. */
  readonly unknown = new Set<string>();
  /** Those of them that suggest an attack. */
  readonly dangerous = new Set<string>();
  /** Names of tensors that another of the same name took the place of. */
  readonly repeated = new Set<string>();
  /** Storages by key, each with the first description that the pickle gives of it. */
  readonly storages = new Map<string, PickleStorage>();

  global(module: string, name: string): PickleValue {
    const full = `${module}.${name}`;
    const dtype = torchDType(full);
    if (dtype) return dtype;
    if (!HANDLERS.has(full) && !torchStorageType(full)) {
      this.unknown.add(full);
      if (isDangerous(module, name)) this.dangerous.add(full);
    }
    return new PickleGlobal(module, name);
  }

  call(callable: PickleValue, args: PickleValue, budget: PickleBudget): PickleValue {
    if (callable instanceof PickleUnreadable) return callable;
    const name = callable instanceof PickleGlobal || callable instanceof PickleObject ? callable : undefined;
    const handler = callable instanceof PickleGlobal ? HANDLERS.get(callable.name) : undefined;
    if (!handler) return new PickleObject(nameOf(name ?? callable), args);
    try {
      return handler(itemsOf(args), budget, this);
    } catch (error) {
      if (error instanceof BadArguments) return new PickleUnreadable(error.code, error.message);
      throw error;
    }
  }

  build(target: PickleValue, state: PickleValue): PickleValue {
    if (target instanceof PickleArray) buildArray(target, state);
    else if (target instanceof NumpyDType) buildNumpyDType(target, state);
    else if (target instanceof PickleObject) target.state = state;
    else if (target instanceof PickleGlobal) {
      const object = new PickleObject(target.name, null);
      object.state = state;
      return object;
    }
    // Attributes of containers (a state_dict's `_metadata`) and of tensors (old Parameters' flags) say nothing here.
    return target;
  }

  /** ('storage', type, key, location, elements[, view]) or ('module', class, source file, source). */
  persistent(id: PickleValue): PickleValue {
    const [kind, typeValue, key, , elements, view] = itemsOf(id);
    if (kind === 'module') return typeValue ?? null;
    const typeName = typeValue instanceof PickleGlobal ? typeValue.name : nameOf(typeValue ?? null);
    const type = typeValue instanceof PickleDType ? typeValue : torchStorageType(typeName);
    if (kind !== 'storage' || typeof key !== 'string') {
      return new PickleUnreadable('unsupported', 'it refers to something outside of the file that is not a storage');
    }
    if (!type) return new PickleUnreadable('unsupported', `its storage type ${typeName} is unknown`);
    if (typeof elements !== 'number' || !Number.isSafeInteger(elements) || elements < 0) {
      return new PickleUnreadable('malformed', `its storage "${key}" declares an impossible size`);
    }
    const known = this.storages.get(key);
    let storage = known;
    if (known?.type !== type || known.length !== elements) {
      storage = new PickleStorage(key, type, elements);
      if (!known) this.storages.set(key, storage);
    }
    const [viewKey, offset, length] = itemsOf(view);
    if (viewKey === undefined) return storage!;
    if (typeof offset !== 'number' || typeof length !== 'number' || !(offset >= 0) || !(offset + length <= elements)) {
      return new PickleUnreadable('malformed', `a view leaves its storage "${key}"`);
    }
    return new PickleStorage(key, type, length, offset);
  }

  replaced(key: PickleValue, before: PickleValue): void {
    if (isTensor(before) && typeof key === 'string') this.repeated.add(key);
  }
}

/** The name of what a value would be in Python, for messages. */
function nameOf(value: PickleValue): string {
  if (value instanceof PickleGlobal) return value.name;
  if (value instanceof PickleObject) return value.global;
  if (value instanceof PickleSequence) return value.kind;
  return value === null ? 'None' : typeof value;
}

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
  return new PickleTensor(storage, type.dtype, asCount(offset, 'storage offset'), shape, strides, false, type.packed);
}

function first(args: readonly PickleValue[]): PickleValue {
  return args[0] ?? null;
}

function unsupported(reason: string): Handler {
  return () => new PickleUnreadable('unsupported', reason);
}

/** Copies a container's items, which the pickle can ask for again and again: each copy is paid for. */
function copied(kind: PickleSequence['kind']): Handler {
  return (args, budget) => {
    const items = itemsOf(args[0]);
    budget.container(items.length);
    return new PickleSequence(kind, [...items]);
  };
}

/** A dictionary from nothing, pairs, or another dictionary. */
function makeDict(source: PickleValue | undefined, budget: PickleBudget): PickleDict {
  const dict = new PickleDict();
  if (source instanceof PickleDict) {
    for (const [key, value] of source.entries()) {
      budget.container(0);
      dict.set(key, value);
    }
  }
  for (const pair of itemsOf(source)) {
    const [key, value] = itemsOf(pair);
    budget.container(0);
    if (key !== undefined && value !== undefined) dict.set(key, value);
  }
  return dict;
}

/** `_codecs.encode(text, 'latin1')`: how protocol 2 writes bytes. */
function encode(args: readonly PickleValue[], budget: PickleBudget): PickleValue {
  const [text, encoding = 'utf-8'] = args;
  if (typeof text !== 'string' || typeof encoding !== 'string') throw new BadArguments('bytes that are not text');
  const latin = /^(latin-?1|iso-?8859-1)$/i.test(encoding);
  if (!latin && !/^utf-?8$/i.test(encoding)) throw new BadArguments(`bytes encoded as ${encoding}`, 'unsupported');
  budget.spend(text.length);
  return Buffer.from(text, latin ? 'latin1' : 'utf8');
}

const PARAMETER: Handler = (args) => {
  const [data] = args;
  if (isTensor(data)) return data;
  throw new BadArguments('it is a parameter without data');
};

/** `_rebuild_from_type_v2(function, class, args, state)`: tensor subclasses. */
const FROM_TYPE: Handler = (args, budget, host) => {
  const [callable, type, inner] = args;
  const direct = callable instanceof PickleGlobal && /\._rebuild_(tensor|parameter)/.test(callable.name);
  if (!direct) throw new BadArguments(`it is a ${nameOf(type ?? null)}, which is not read`, 'unsupported');
  return host.call(callable, inner ?? null, budget);
};

const ARRAY_AS_TENSOR: Handler = (args) => {
  const [array] = args;
  if (!(array instanceof PickleArray)) throw new BadArguments('it has no NumPy data');
  return array;
};

const OLD_ARRAY = 'it is inside a TorchScript archive of an old kind';

const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['torch._utils._rebuild_tensor', (args) => rebuildTensor(args)],
  ['torch._utils._rebuild_tensor_v2', (args) => rebuildTensor(args, undefined, args[6])],
  ['torch._utils._rebuild_tensor_v3', (args) => rebuildTensor(args, args[6], args[7])],
  ['torch._utils._rebuild_parameter', PARAMETER],
  ['torch._utils._rebuild_parameter_with_state', PARAMETER],
  ['torch.nn.parameter.Parameter', PARAMETER],
  ['torch.nn.parameter.Buffer', PARAMETER],
  ['torch.nn.Parameter', PARAMETER],
  ['torch.autograd.variable.Variable', PARAMETER],
  ['torch._tensor._rebuild_from_type', FROM_TYPE],
  ['torch._tensor._rebuild_from_type_v2', FROM_TYPE],
  ['torch.tensor._rebuild_from_type', FROM_TYPE],
  ['torch._utils._rebuild_device_tensor_from_numpy', ARRAY_AS_TENSOR],
  ['torch._utils._rebuild_xla_tensor', ARRAY_AS_TENSOR],
  ['torch._utils._rebuild_device_tensor_from_cpu_tensor', PARAMETER],
  ['torch._utils._rebuild_qtensor', unsupported('it is quantised')],
  ['torch._utils._rebuild_sparse_tensor', unsupported('it is sparse')],
  ['torch._utils._rebuild_sparse_csr_tensor', unsupported('it is sparse')],
  ['torch._utils._rebuild_nested_tensor', unsupported('it is a nested tensor')],
  ['torch._utils._rebuild_meta_tensor_no_storage', unsupported('it is a meta tensor: it has no stored values')],
  ['torch._utils._rebuild_wrapper_subclass', unsupported('it is a wrapper subclass without stored values')],
  ['torch.storage._load_from_bytes', unsupported('it was pickled inside of a pickle')],
  ['torch.jit._pickle.build_tensor_from_id', unsupported(OLD_ARRAY)],
  ['torch.jit._pickle.build_intlist', first],
  ['torch.jit._pickle.build_tensorlist', first],
  ['torch.jit._pickle.build_doublelist', first],
  ['torch.jit._pickle.build_boollist', first],
  ['torch.jit._pickle.restore_type_tag', first],
  ['torch.Size', first],
  ['torch.device', (args) => args.map((part) => (typeof part === 'object' ? '?' : String(part))).join(':')],
  ['torch.serialization._get_layout', first],
  ['collections.OrderedDict', (args, budget) => makeDict(args[0], budget)],
  ['collections.Counter', (args, budget) => makeDict(args[0], budget)],
  // Its first argument is the default factory.
  ['collections.defaultdict', (args, budget) => makeDict(args[1], budget)],
  ['collections.deque', copied('list')],
  ...['builtins', '__builtin__'].flatMap((module): [string, Handler][] => [
    [`${module}.dict`, (args, budget) => makeDict(args[0], budget)],
    [`${module}.list`, copied('list')],
    [`${module}.tuple`, copied('tuple')],
    [`${module}.set`, copied('set')],
    [`${module}.frozenset`, copied('set')],
    [`${module}.bytearray`, (args, budget) => (args[0] instanceof Uint8Array ? args[0] : encode(args, budget))],
  ]),
  ...['copyreg', 'copy_reg'].map((module): [string, Handler] => [
    `${module}._reconstructor`,
    (args) => new PickleObject(nameOf(first(args)), args[2] ?? null),
  ]),
  ['_codecs.encode', encode],
  ['numpy.dtype', (args) => numpyDType(args)],
  ['numpy.ndarray', () => new PickleArray()],
  ...['numpy.core', 'numpy._core'].flatMap((module): [string, Handler][] => [
    [`${module}.multiarray._reconstruct`, () => new PickleArray()],
    [`${module}.multiarray.scalar`, (args) => numpyScalar(args)],
    [`${module}.numeric._frombuffer`, (args) => arrayFromBuffer(args)],
  ]),
]);

/** A 1-D view on all of a storage that is saved on its own. */
export function wholeStorage(storage: PickleStorage): PickleTensor | PickleUnreadable {
  const { type, length } = storage;
  if (!type.dtype) return new PickleUnreadable('unsupported', `elements of type ${type.name} are not read`);
  return new PickleTensor(storage, type.dtype, 0, [length], contiguousStrides([length]), false, type.packed);
}
