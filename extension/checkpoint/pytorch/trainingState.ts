/**
 * What training programs pickle beside a model: optimizer state, random states, schedulers, callbacks. Known by its
 * structure first (`state` and `param_groups`, a generator's state of 5056 bytes), by customary keys second. In doubt a
 * tensor is the model's: a container that holds named weights is never taken for anything else by its key alone.
 *
 * @see https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.state_dict.html
 */
import { product } from '../../shared/matrixAxes';
import type { NotModel } from '../../shared/tensors';
import {
  isTensor,
  PickleArray,
  PickleDict,
  PickleObject,
  PickleSequence,
  PickleTensor,
  type PickleValue,
} from '../pickle/pickleValues';
import { isName, isOptimizer, moduleParts } from './stateDictNames';

/** `optimizer`, `optim0`, `actor_opt`, `last_optimizer_state`, `optimizer_states`. */
const OPTIMIZER_KEY = /(?:^|_)opt(?:im(?:i[sz]er)?s?)?\d*(?:_|$)/i;

/** `rng_state`, `torch_rng_state`, `rng_tracker_states`, `random_states`, `torch_cuda_manual_seed`. */
const RANDOM_KEY = /(?:^|_)(?:rngs?|random_states?|random_seed|manual_seed)(?:_|$)/i;

const TRAINING_KEY =
  /^(?:callbacks|loops|extra_state|replay_buffer|(?:\w+_)?(?:lr_)?schedulers?(?:_state(?:_dict|s)?)?|(?:\w+_)?(?:grad_|loss_|amp_)?scaler(?:_state(?:_dict)?)?)$/i;

/** Lightning's: arguments of the model's class, which may be modules that the model then holds. */
const ARGUMENTS_KEY = /^(?:hyper_parameters|hparams)$/;

const STATE_DICT = 'state_dict';

/** Lightning's callbacks keep averages and best weights of their own. */
const CALLBACKS = 'callbacks';

/** Counters of a moving average that some models keep among their buffers. */
const AVERAGE_COUNTER = /(?:^|\.)(?:(?:model_)?ema(?:_model)?\.(?:decay|num_updates)|n_averaged)$/;

/** State of PyTorch's generator on the CPU, and on a GPU. */
const CPU_GENERATOR_BYTES = 5056;
const GPU_GENERATOR_BYTES = 16;

/** NumPy's generator, as `numpy.random.get_state` returns it: its name and its words. */
const NUMPY_GENERATOR = 'MT19937';

/** A tensor of one of these names is a weight. */
const WEIGHT_NAME = /(?:^|[._])(?:weight|bias|kernel)$/;

/** Keys of an optimizer's state, and of what mixed precision and ZeRO keep beside it. */
const MOMENT_NAME =
  /(?:^|\.)(?:(?:max_)?exp_(?:avg|avg_sq|inf)|momentum_buffer|square_avg|sqr_avg|grad_avg|acc_delta|mu|nu|state\d|param_groups|base_optimizer_state|(?:single_partition_of_)?fp32_\w+)$/;

/** How far below a key named weights are looked for, and among how many values. */
const MAX_LEVELS = 4;
const MAX_LOOKED_AT = 2_000;

/**
 * Tells what the children of a dictionary are; undefined where one is the model's as far as can be told. What the dictionary
 * itself is gets asked once, not for each of what may be a million children.
 */
export function childStates(parent: PickleDict): (key: PickleValue, value: PickleValue) => NotModel | undefined {
  const ofOptimizer = isOptimizer(parent);
  const ofAverage = isAverage(parent);
  return (key, value) => {
    if (ofOptimizer && !holdsWeights(value)) return 'optimizer state';
    if (ofAverage && value instanceof PickleSequence) return 'training state';
    return childState(key, value, parent);
  };
}

function childState(key: PickleValue, value: PickleValue, parent: PickleDict): NotModel | undefined {
  if (!isName(key)) return undefined;
  if (isTensor(value) || value instanceof PickleArray) return looseState(key, value, parent);
  if (value === null || typeof value !== 'object') return undefined;
  if (RANDOM_KEY.test(key)) return 'random state';
  const arguments_ = ARGUMENTS_KEY.test(key) || key === CALLBACKS;
  if (arguments_ && parent.get(STATE_DICT) instanceof PickleDict) {
    return key === CALLBACKS ? 'training state' : 'copied module';
  }
  if (holdsWeights(value)) return undefined;
  if (OPTIMIZER_KEY.test(key) && holds(MOMENTS, value, MAX_LEVELS)) return 'optimizer state';
  return TRAINING_KEY.test(key) ? 'training state' : undefined;
}

/** What the items of a list or tuple are. */
export function itemState({ items }: PickleSequence): NotModel | undefined {
  return items[0] === NUMPY_GENERATOR ? 'random state' : undefined;
}

/** What a tensor is by itself. @param within what it lies in */
export function tensorState(name: string, value: PickleValue, within: NotModel | undefined): NotModel | undefined {
  const tensor = described(value);
  if (!tensor) return within;
  const { shape, integer } = tensor;
  // Whatever the keys above say, numbers of a generator are integers.
  if (within === 'random state') return integer ? within : undefined;
  if (within !== undefined) return within;
  if (tensor.bytes && shape.length === 1) {
    if (shape[0] === CPU_GENERATOR_BYTES) return 'random state';
    if (shape[0] === GPU_GENERATOR_BYTES && /(?:^|\.)cuda(?:\.|$)/.test(name)) return 'random state';
  }
  return product(shape) === 1 && AVERAGE_COUNTER.test(name) ? 'training state' : undefined;
}

/** A tensor beside whole state_dicts and an optimizer: a counter (`steps`), a temperature (`log_alpha`). */
function looseState(key: string, value: PickleValue, parent: PickleDict): NotModel | undefined {
  const tensor = described(value);
  if (!tensor) return undefined;
  if (RANDOM_KEY.test(key) && tensor.integer) return 'random state';
  if (product(tensor.shape) !== 1) return undefined;
  let beside = besideModels.get(parent);
  if (beside === undefined) besideModels.set(parent, (beside = isBesideModels(parent)));
  return beside ? 'training state' : undefined;
}

const besideModels = new WeakMap<PickleDict, boolean>();

/** A dictionary of state_dicts, an optimizer's among them, whose own tensors are single numbers. */
function isBesideModels(parent: PickleDict): boolean {
  let [optimizer, weights] = [false, false];
  for (const [, value] of parent.entries()) {
    const tensor = described(value);
    if (tensor && product(tensor.shape) > 1) return false;
    optimizer ||= value instanceof PickleDict && isOptimizer(value);
    weights ||= !tensor && holdsWeights(value);
  }
  return optimizer && weights;
}

/** The state of `torch_ema` and of diffusers' `EMAModel`: weights once more, averaged and without names. */
function isAverage(dict: PickleDict): boolean {
  return dict.get('shadow_params') instanceof PickleSequence && dict.get('decay') !== undefined;
}

function described(value: PickleValue): { shape: readonly number[]; integer: boolean; bytes: boolean } | undefined {
  const tensor = value instanceof PickleArray ? value.content : value;
  if (!(tensor instanceof PickleTensor)) return undefined;
  const { shape, dtype } = tensor;
  return { shape, integer: /^[IU]\d/.test(dtype), bytes: dtype === 'U8' };
}

/** True if there are weights with names below: a module, or a state_dict. */
function holdsWeights(value: PickleValue): boolean {
  return holds(WEIGHTS, value, MAX_LEVELS);
}

/** What is searched for below a key. Each container is searched once at each level: a pickle can hold it in many places. */
interface Search {
  readonly found: (key: PickleValue, value: PickleValue) => boolean;
  readonly foundObject: (object: PickleObject) => boolean;
  /** By levels left to look at. */
  readonly answers: readonly WeakMap<object, boolean>[];
}

const WEIGHTS: Search = {
  found: (key, value) => isName(key) && WEIGHT_NAME.test(key) && (isTensor(value) || value instanceof PickleArray),
  foundObject: (object) => moduleParts(object) !== undefined,
  answers: levelAnswers(),
};

const MOMENTS: Search = {
  found: (key, value) => (isName(key) && MOMENT_NAME.test(key)) || (value instanceof PickleDict && isOptimizer(value)),
  foundObject: () => false,
  answers: levelAnswers(),
};

function levelAnswers(): readonly WeakMap<object, boolean>[] {
  return Array.from({ length: MAX_LEVELS + 1 }, () => new WeakMap());
}

function holds(search: Search, value: PickleValue, levels: number): boolean {
  if (value instanceof PickleObject && search.foundObject(value)) return true;
  const container = value instanceof PickleObject ? value.state : value;
  if (!(container instanceof PickleDict || container instanceof PickleSequence) || levels === 0) return false;
  const answers = search.answers[levels]!;
  let answer = answers.get(container);
  if (answer === undefined) answers.set(container, (answer = someHolds(search, container, levels)));
  return answer;
}

function someHolds(search: Search, container: PickleDict | PickleSequence, levels: number): boolean {
  let left = MAX_LOOKED_AT;
  if (container instanceof PickleSequence) {
    return container.items.slice(0, left).some((item) => holds(search, item, levels - 1));
  }
  for (const [key, value] of container.entries()) {
    if (left-- === 0) return false;
    if (search.found(key, value) || holds(search, value, levels - 1)) return true;
  }
  return false;
}
