/** Finds the tensors in what a checkpoint's pickle was read into, and names them (`stateDictNames.ts` has the rule). */
import type { NotModel } from '../../shared/tensors';
import { CheckpointError } from '../checkpointError';
import { groupedNames } from '../elements/groupedNames';
import { longName, MAX_NAME } from '../elements/names';
import type { OpeningBudget } from '../files/openingBudget';
import { wholeStorage } from './pickleTensors';
import { ScalarCollector } from '../pickle/pickleText';
import {
  PickleArray,
  PickleDict,
  PickleObject,
  PickleSequence,
  PickleStorage,
  PickleTensor,
  PickleUnreadable,
  type PickleValue,
} from '../pickle/pickleValues';
import { MAX_TENSORS } from '../elements/shape';
import { isWrapper, keyLabel, moduleParts } from './stateDictNames';
import { childStates, itemState, tensorState } from './trainingState';

/** Deeper than any module tree; each level is one call here. */
const MAX_DEPTH = 200;

/** A container that occurs in several places is listed in each of them, up to this often: more is a trap. */
const MAX_ALIASES = 8;

/** Tensors left out of a TorchScript module's state_dict: so many are named. */
const MAX_ATTRIBUTES = 20;

/** The name of objects of C++ classes. */
const SCRIPT_OBJECT = 'torch.ScriptObject';

export interface NamedTensor {
  /** Unique in the checkpoint. */
  name: string;
  readonly group: string;
  readonly value: PickleTensor | PickleUnreadable;
  readonly notModel?: NotModel;
}

export interface StateDict {
  readonly tensors: readonly NamedTensor[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Limits that were met, in words; `tensors` then holds what was found before. */
  readonly limits: readonly string[];
}

/** Attributes of a TorchScript class that are its parameters and buffers; undefined where that is not known. */
export type DeclaredTensors = (className: string) => ReadonlySet<string> | undefined;

/**
 * All tensors reachable from `root`, in file order.
 *
 * @param budget of the opening, whose end is one of the limits that can be met
 * @param declared set for TorchScript only
 */
export function readStateDict(
  root: PickleValue,
  budget: OpeningBudget,
  declared: DeclaredTensors = () => undefined,
): StateDict {
  const walk = new Walk(budget, declared);
  walk.from(root);
  for (const [i, name] of groupedNames(walk.tensors).entries()) walk.tensors[i]!.name = name;
  const metadata = walk.scalars.entries();
  if (walk.attributes.length > 0) metadata.push(['tensors outside of the state_dict', walk.attributes.join(', ')]);
  return { tensors: walk.tensors, metadata: Object.fromEntries(metadata), limits: walk.limits };
}

/** True if any tensor is reachable from `root`. */
export function holdsTensors(root: PickleValue, budget: OpeningBudget): boolean {
  const walk = new Walk(budget, () => undefined, 1);
  walk.from(root);
  return walk.tensors.length > 0;
}

interface Place {
  readonly group: string;
  /** Path below the wrappers; '' while everything above is a wrapper. */
  readonly name: string;
  /** Keys from the root. */
  readonly level: number;
  /** Inside a module: its scalars (`in_channels`, `training`) are no metadata. */
  readonly module: boolean;
  /** What everything below is if it is no part of the model. */
  readonly notModel?: NotModel;
}

class Walk {
  readonly tensors: NamedTensor[] = [];
  readonly scalars = new ScalarCollector();
  readonly limits: string[] = [];
  /** Tensors of a TorchScript module that are neither parameters nor buffers: not part of its state_dict. */
  readonly attributes: string[] = [];
  private readonly seen = new Map<object, { times: number; idle: number; open: boolean; holdsTensors: boolean }>();
  private stopped = false;

  /** @param most stops once there are as many tensors */
  constructor(
    private readonly budget: OpeningBudget,
    private readonly declared: DeclaredTensors,
    private readonly most = Infinity,
  ) {}

  from(root: PickleValue): void {
    try {
      this.visit(root, { group: '', name: '', level: 0, module: false });
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.code !== 'limit') throw error;
      this.limits.push(`${error.reason}; the rest is not listed`);
    }
  }

  private visit(value: PickleValue, place: Place): void {
    if (this.stopped) return;
    this.budget.step();
    const length = place.name.length + place.group.length;
    if (length > MAX_NAME) {
      this.limit(() => `${longName(pathOf(place))} and is not listed`);
    } else if (value instanceof PickleTensor || value instanceof PickleUnreadable) this.add(value, place);
    else if (value instanceof PickleArray) this.add(value.content, place);
    else if (value instanceof PickleStorage) this.add(wholeStorage(value), place);
    else {
      if (!place.module && place.level > 0) this.scalars.add(pathOf(place), place.level, value);
      if (value instanceof PickleDict || value instanceof PickleSequence || value instanceof PickleObject) {
        this.enter(value, place);
      }
    }
  }

  private enter(value: PickleDict | PickleSequence | PickleObject, place: Place): void {
    let record = this.seen.get(value);
    if (!record) this.seen.set(value, (record = { times: 0, idle: 0, open: false, holdsTensors: false }));
    // A container inside of itself, or one already known to hold nothing.
    if (record.open || (record.times > 0 && !record.holdsTensors)) return;
    if (record.times === MAX_ALIASES) {
      this.limit(() => `"${pathOf(place)}" occurs in more than ${MAX_ALIASES} places; the others are not listed`);
      return;
    }
    if (place.level >= MAX_DEPTH) {
      this.limit(() => `"${pathOf(place).slice(0, 80)}…" is nested deeper than ${MAX_DEPTH} levels and is not listed`);
      return;
    }
    const before = this.tensors.length;
    record.times += 1;
    record.open = true;
    if (value instanceof PickleDict) this.enterDict(value, place);
    else if (value instanceof PickleSequence) this.enterSequence(value, place);
    else this.enterObject(value, place);
    record.open = false;
    record.holdsTensors ||= this.tensors.length > before;
  }

  /**
   * True if an item needs no place of its own: an instruction of two bytes repeats a list in itself, or an empty one.
   */
  private isIdle(value: object): boolean {
    const record = this.seen.get(value);
    if (!record) return false;
    if (!record.open && record.times > 0 && !record.holdsTensors) record.idle += 1;
    return record.open || record.idle > MAX_ALIASES;
  }

  private enterDict(dict: PickleDict, place: Place): void {
    const stateOf = childStates(dict);
    for (const [key, value] of dict.entries()) {
      const wrapper = place.name === '' && !place.module && isWrapper(key, value, dict);
      const notModel = place.notModel ?? (place.module ? undefined : stateOf(key, value));
      this.visit(value, below(place, keyLabel(key), wrapper, notModel));
    }
  }

  private enterSequence(list: PickleSequence, place: Place): void {
    for (const [i, value] of list.items.entries()) {
      // Its plain values are already in the list's own line of metadata.
      if (value === null || typeof value !== 'object') continue;
      if (this.isIdle(value)) {
        this.budget.step();
        continue;
      }
      // A tensor that is an item, as opposed to a key's value, is named by its index.
      const wrapper = place.name === '' && !place.module && place.level > 0 && isWrapper(null, value);
      this.visit(value, below(place, String(i), wrapper, place.notModel ?? itemState(list)));
    }
  }

  private enterObject(object: PickleObject, place: Place): void {
    const inside = { ...place, module: true };
    const parts = moduleParts(object);
    if (parts) {
      for (const part of parts) this.enterDict(part, inside);
      this.enterScriptObjects(object, inside);
      return;
    }
    if (object.global.startsWith('__torch__.') && object.state instanceof PickleDict) {
      const own = this.declared(object.global);
      for (const [key, value] of object.state.entries()) {
        const tensor = value instanceof PickleTensor || value instanceof PickleUnreadable;
        const child = below(inside, keyLabel(key), false);
        if (!tensor || !own || own.has(keyLabel(key))) this.visit(value, child);
        else if (this.attributes.length < MAX_ATTRIBUTES) this.attributes.push(child.name);
      }
      return;
    }
    for (const part of [object.args, object.items, object.entries, object.state]) {
      if (part instanceof PickleDict) this.enterDict(part, place);
      else if (part instanceof PickleSequence) this.enterParts(part, place);
      else if (part !== undefined && part !== null && typeof part === 'object') {
        this.visit(part, { ...place, level: place.level + 1 });
      }
    }
  }

  /** Quantised modules keep weight and bias in an attribute of C++'s own, which their state_dict holds as it is. */
  private enterScriptObjects({ state }: PickleObject, inside: Place): void {
    if (!(state instanceof PickleDict)) return;
    for (const [key, value] of state.entries()) {
      if (value instanceof PickleObject && value.global === SCRIPT_OBJECT) {
        // The only argument of a call.
        const packed = value.state instanceof PickleSequence ? value.state.items[0] : undefined;
        this.visit(packed ?? value, below(inside, keyLabel(key), false));
      }
    }
  }

  /** Arguments of a call, or a state of dictionary and slots: dictionaries in it are attributes. */
  private enterParts(parts: PickleSequence, place: Place): void {
    for (const [i, part] of parts.items.entries()) {
      if (part instanceof PickleDict) this.enter(part, place);
      else if (part !== null && typeof part === 'object') this.visit(part, below(place, String(i), false));
    }
  }

  private add(value: PickleTensor | PickleUnreadable, place: Place): void {
    const name = place.name === '' ? 'tensor' : place.name;
    this.budget.tensor(name.length + place.group.length, value instanceof PickleTensor ? value.shape.length : 0);
    if (this.tensors.length >= MAX_TENSORS) this.stop(`more than ${MAX_TENSORS} tensors`);
    else {
      const notModel = place.module ? place.notModel : tensorState(name, value, place.notModel);
      this.tensors.push({ name, group: place.group, value, ...(notModel !== undefined && { notModel }) });
    }
    if (this.tensors.length >= this.most) this.stopped = true;
  }

  private stop(what: string): void {
    this.stopped = true;
    this.limits.push(`the checkpoint holds ${what}; the rest is not listed`);
  }

  /** Not even worded more than once: one sentence is enough, however often a trap was set. The end of the list is another. */
  private limit(message: () => string): void {
    if (this.limits.length === 0) this.limits.push(message());
  }
}

function below(place: Place, key: string, wrapper: boolean, notModel = place.notModel): Place {
  const inside: Place = {
    level: place.level + 1,
    group: wrapper ? join(place.group, key) : place.group,
    name: wrapper ? '' : join(place.name, key),
    module: !wrapper && place.module,
  };
  return notModel === undefined ? inside : { ...inside, notModel };
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function pathOf(place: Place): string {
  return place.name === '' ? place.group : join(place.group, place.name);
}
