/**
 * Which keys of a training checkpoint are wrappers, and what its tensors are called.
 *
 * The rule: from the root down, a key is a *wrapper* when everything above it is one and its value is
 * - a dictionary under one of the customary keys (`state_dict`, `model`, `optimizer`, …), or
 * - a dictionary with a dotted key that holds a tensor (`conv1.weight`: somebody's state_dict), or
 * - an optimizer's state (`state` and `param_groups`), and the `state` in it, or
 * - a whole pickled module, or a list with such a dictionary in it (then its indices are wrappers as well), or
 * - a dictionary without tensors of its own in which such a wrapper lies, at most `MAX_LEVELS` deeper.
 * Wrapper keys, joined with dots, are a tensor's group; the rest of its path, joined with dots, is its name, the one
 * that the state_dict itself uses. A name that two groups hold gets its group in front, in both.
 */
import { MAX_NAME } from '../elements/names';
import {
  isTensor,
  PickleArray,
  PickleDict,
  PickleGlobal,
  PickleObject,
  PickleSequence,
  PickleTensor,
  type PickleValue,
} from '../pickle/pickleValues';

const WRAPPER_KEYS: ReadonlySet<string> = new Set([
  ...['state_dict', 'model_state_dict', 'model_state', 'model', 'module', 'net', 'network', 'params', 'weights'],
  ...['ema', 'model_ema', 'ema_model', 'ema_state_dict', 'state_dict_ema', 'params_ema', 'ema_params'],
  ...['optimizer', 'optimizers', 'optimizer_state_dict', 'optimizer_state', 'optimizer_states', 'optim', 'opt'],
  ...['scheduler', 'lr_scheduler', 'lr_schedulers', 'scaler', 'callbacks'],
]);

/** Longest part of a key's text that is used where the key is not text itself. */
const MAX_LABEL_PARTS = 8;

/** How far below a key its state_dict may lie: `checkpoint.trainer.state.model` is the deepest seen. */
const MAX_LEVELS = 3;

/** A dictionary key as a part of a name. */
export function keyLabel(key: PickleValue): string {
  if (typeof key === 'string') return key === '' ? '""' : key;
  if (key === null) return 'None';
  if (key instanceof Uint8Array) return Buffer.from(key.buffer, key.byteOffset, Math.min(key.length, 4096)).toString();
  if (key instanceof PickleGlobal) return key.name;
  if (key instanceof PickleObject) return key.global;
  if (key instanceof PickleSequence) {
    const parts = key.items.slice(0, MAX_LABEL_PARTS).map((item) => (typeof item === 'object' ? '…' : String(item)));
    return `(${parts.join(', ')})`;
  }
  return typeof key === 'object' ? 'object' : String(key);
}

/** Whether `key` of `parent` is a wrapper, given that everything above is. `parent` is undefined for list items. */
export function isWrapper(key: PickleValue, value: PickleValue, parent?: PickleDict, levels = MAX_LEVELS): boolean {
  if (value instanceof PickleObject) return moduleParts(value) !== undefined;
  if (value instanceof PickleDict) {
    if (isName(key) && WRAPPER_KEYS.has(key.toLowerCase())) return true;
    const ofOptimizer = isOptimizer(value) || (key === 'state' && parent !== undefined && isOptimizer(parent));
    return ofOptimizer || hasDottedTensor(value) || holdsWrapper(value, levels);
  }
  return value instanceof PickleSequence && remember(answers, value, () => value.items.some(isWrapperItem));
}

function holdsWrapper(dict: PickleDict, levels: number): boolean {
  const known = holders[levels];
  if (!known) return false;
  return remember(known, dict, () => {
    let holds = false;
    for (const [key, item] of dict.entries()) {
      if (isTensor(item)) return false;
      holds ||= isWrapper(key, item, dict, levels - 1);
    }
    return holds;
  });
}

function isWrapperItem(item: PickleValue): boolean {
  return item instanceof PickleDict && (isOptimizer(item) || hasDottedTensor(item));
}

/** Each container is searched once: a pickle can hold the same large one in a million places. */
type Answers = WeakMap<object, boolean>;
const answers: Answers = new WeakMap();
/** By levels left to look at, 0 for none. */
const holders: readonly (Answers | undefined)[] = Array.from({ length: MAX_LEVELS + 1 }, (_, levels) =>
  levels === 0 ? undefined : new WeakMap(),
);

function remember(known: Answers, container: object, search: () => boolean): boolean {
  let answer = known.get(container);
  if (answer === undefined) known.set(container, (answer = search()));
  return answer;
}

/** Not a text of any length, which a pickle can hold once and use as a key in a million places. */
export function isName(key: PickleValue): key is string {
  return typeof key === 'string' && key.length <= MAX_NAME;
}

/** The state_dict of an optimizer: PyTorch's, or fastai's own, which lists states and hyper-parameters. */
export function isOptimizer(value: PickleDict): boolean {
  const state = value.get('state');
  if (state instanceof PickleDict) return value.get('param_groups') instanceof PickleSequence;
  return state instanceof PickleSequence && value.get('hypers') instanceof PickleSequence;
}

function hasDottedTensor(dict: PickleDict): boolean {
  return remember(answers, dict, () => {
    for (const [key, item] of dict.entries()) {
      const tensor = item instanceof PickleTensor || item instanceof PickleArray;
      if (tensor && isName(key) && key.includes('.')) return true;
    }
    return false;
  });
}

/** Parameters, buffers and submodules of a pickled `torch.nn.Module`; undefined for other objects. */
export function moduleParts(value: PickleObject): PickleDict[] | undefined {
  const { state } = value;
  if (!(state instanceof PickleDict) || !(state.get('_modules') instanceof PickleDict)) return undefined;
  return ['_parameters', '_buffers', '_modules']
    .map((part) => state.get(part))
    .filter((part) => part instanceof PickleDict);
}
