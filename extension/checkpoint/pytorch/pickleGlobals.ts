/**
 * The fixed list of names that a checkpoint's pickle may give meaning to: tensor rebuilders, storages, dtypes, NumPy
 * arrays and plain containers. Every other name yields an inert `PickleObject`.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/torch/_utils.py, torch/_weights_only_unpickler.py
 */
import { COST, type OpeningBudget } from '../files/openingBudget';
import { BadArguments, itemsOf, type PickleCall } from '../pickle/pickleArguments';
import { MAX_NAME } from '../elements/names';
import { isDangerous } from '../pickle/pickleDanger';
import type { PickleHost } from '../pickle/pickleHost';
import { arrayFromBuffer, buildArray, buildNumpyDType, numpyDType, numpyScalar } from '../pickle/pickleNumpy';
import { shardedObject } from './pickleSubclasses';
import { tensorCalls, unsupported } from './pickleTensors';
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
  PickleUnreadable,
  type PickleValue,
} from '../pickle/pickleValues';
import { isCount } from '../elements/shape';
import { torchDType, torchStorageType } from './torchTypes';

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
    if (!CALLS.has(full) && !CONSTANTS.has(full) && !torchStorageType(full)) {
      this.unknown.add(full);
      if (isDangerous(module, name)) this.dangerous.add(full);
    }
    return new PickleGlobal(module, name);
  }

  call(callable: PickleValue, args: PickleValue, budget: OpeningBudget): PickleValue {
    if (callable instanceof PickleUnreadable) return callable;
    const name = callable instanceof PickleGlobal || callable instanceof PickleObject ? callable : undefined;
    if (callable instanceof PickleGlobal && ATTRIBUTE_LOOKUP.has(callable.name)) {
      const member = memberOf(itemsOf(args));
      if (member) return member;
      this.dangerous.add(callable.name);
    }
    const known = callable instanceof PickleGlobal ? CALLS.get(callable.name) : undefined;
    if (!known) return new PickleObject(nameOf(name ?? callable), args);
    try {
      return known(itemsOf(args), budget, this);
    } catch (error) {
      if (error instanceof BadArguments) return new PickleUnreadable(error.code, error.message);
      throw error;
    }
  }

  build(target: PickleValue, state: PickleValue, budget: OpeningBudget): PickleValue {
    if (target instanceof PickleArray) buildArray(target, state, budget);
    else if (target instanceof NumpyDType) buildNumpyDType(target, state);
    else if (target instanceof PickleObject) {
      target.state = state;
      return shardedObject(target, budget) ?? target;
    } else if (target instanceof PickleGlobal) {
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
    if (typeof key === 'string' && key.length > MAX_NAME) {
      return new PickleUnreadable('limit', `its storage has a name of ${key.length} characters`);
    }
    if (kind !== 'storage' || typeof key !== 'string') {
      return new PickleUnreadable('unsupported', 'it refers to something outside of the file that is not a storage');
    }
    if (!type) return new PickleUnreadable('unsupported', `its storage type ${typeName} is unknown`);
    if (!isCount(elements)) {
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
    if (!isCount(offset) || !isCount(length) || offset + length > elements) {
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

function first(args: readonly PickleValue[]): PickleValue {
  return args[0] ?? null;
}

/** Copies a container's items, which the pickle can ask for again and again: each copy is paid for. */
function copied(kind: PickleSequence['kind']): PickleCall {
  return (args, budget) => {
    const items = itemsOf(args[0]);
    budget.container(items.length);
    return new PickleSequence(kind, [...items]);
  };
}

/** A dictionary from nothing, pairs, or another dictionary. */
function makeDict(source: PickleValue | undefined, budget: OpeningBudget): PickleDict {
  const dict = new PickleDict();
  if (source instanceof PickleDict) {
    for (const [key, value] of source.entries()) {
      budget.step();
      budget.take(COST.pair);
      dict.set(key, value);
    }
  }
  for (const pair of itemsOf(source)) {
    const [key, value] = itemsOf(pair);
    budget.step();
    budget.take(COST.pair);
    if (key !== undefined && value !== undefined) dict.set(key, value);
  }
  return dict;
}

/** Longest name of an encoding that is looked at. */
const MAX_ENCODING = 40;

/** `_codecs.encode(text, 'latin1')`: how protocol 2 writes bytes. */
function encode(args: readonly PickleValue[], budget: OpeningBudget): PickleValue {
  const [text, encoding = 'utf-8'] = args;
  if (typeof text !== 'string' || typeof encoding !== 'string') throw new BadArguments('bytes that are not text');
  if (encoding.length > MAX_ENCODING) throw new BadArguments('bytes in an encoding of no known name', 'unsupported');
  const latin = /^(latin-?1|iso-?8859-1)$/i.test(encoding);
  if (!latin && !/^utf-?8$/i.test(encoding)) throw new BadArguments(`bytes encoded as ${encoding}`, 'unsupported');
  budget.take(COST.buffer + text.length);
  return Buffer.from(text, latin ? 'latin1' : 'utf8');
}

/** How some versions of Python pickle members of classes; anything else that is looked up so is an attack. */
const ATTRIBUTE_LOOKUP: ReadonlySet<string> = new Set(['builtins.getattr', '__builtin__.getattr']);

/** Globals of PyTorch's distributed tensors: an enumeration, and a class inside of a class. */
const MEMBERS = /^torch\.distributed\.(\w+\.)*(_?MEM_FORMAT_ENCODING\.TORCH_\w+|ShardedTensor\.ProcessGroupState)$/;

function memberOf([owner, name]: readonly PickleValue[]): PickleObject | undefined {
  if (!(owner instanceof PickleGlobal) || typeof name !== 'string') return undefined;
  const member = `${owner.name}.${name}`;
  return MEMBERS.test(member) ? new PickleObject(member, null) : undefined;
}

/** Names that are arguments of known calls, or are judged as they are called. */
const CONSTANTS: ReadonlySet<string> = new Set([
  ...ATTRIBUTE_LOOKUP,
  'torch.per_tensor_affine',
  'torch.per_channel_affine',
  'torch.per_channel_affine_float_qparams',
]);

const OLD_ARRAY = 'it is inside a TorchScript archive of an old kind';

const CALLS: ReadonlyMap<string, PickleCall> = new Map<string, PickleCall>([
  ...tensorCalls,
  ['torch.storage._load_from_bytes', unsupported('it was pickled inside of a pickle')],
  ['torch.jit._pickle.build_tensor_from_id', unsupported(OLD_ARRAY)],
  ['torch.jit._pickle.build_intlist', first],
  ['torch.jit._pickle.build_tensorlist', first],
  ['torch.jit._pickle.build_doublelist', first],
  ['torch.jit._pickle.build_boollist', first],
  ['torch.jit._pickle.restore_type_tag', first],
  ['torch.Size', first],
  [
    'torch.device',
    (args) =>
      args
        .slice(0, 2)
        .map((part) => (typeof part === 'object' ? '?' : String(part)))
        .join(':'),
  ],
  ['torch.serialization._get_layout', first],
  ['collections.OrderedDict', (args, budget) => makeDict(args[0], budget)],
  ['collections.Counter', (args, budget) => makeDict(args[0], budget)],
  // Its first argument is the default factory.
  ['collections.defaultdict', (args, budget) => makeDict(args[1], budget)],
  ['collections.deque', copied('list')],
  ...['builtins', '__builtin__'].flatMap((module): [string, PickleCall][] => [
    [`${module}.dict`, (args, budget) => makeDict(args[0], budget)],
    [`${module}.list`, copied('list')],
    [`${module}.tuple`, copied('tuple')],
    [`${module}.set`, copied('set')],
    [`${module}.frozenset`, copied('set')],
    [`${module}.bytearray`, (args, budget) => (args[0] instanceof Uint8Array ? args[0] : encode(args, budget))],
  ]),
  ...['copyreg', 'copy_reg'].map((module): [string, PickleCall] => [
    `${module}._reconstructor`,
    (args) => new PickleObject(nameOf(first(args)), args[2] ?? null),
  ]),
  ['_codecs.encode', encode],
  ['numpy.dtype', (args) => numpyDType(args)],
  ['numpy.ndarray', () => new PickleArray()],
  ...['numpy.core', 'numpy._core'].flatMap((module): [string, PickleCall][] => [
    [`${module}.multiarray._reconstruct`, () => new PickleArray()],
    [`${module}.multiarray.scalar`, (args, budget) => numpyScalar(args, budget)],
    [`${module}.numeric._frombuffer`, (args, budget) => arrayFromBuffer(args, budget)],
  ]),
]);
