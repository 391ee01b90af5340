/**
 * Names of what training programs store beside a model in files without any structure but names: JAX's and Flax's train
 * states, distributed checkpoints, Keras 3. (Pickles have structure: `trainingState.ts`.) In doubt it is the model's.
 */
import { product } from '../../shared/matrixAxes';
import type { NotModel } from '../../shared/tensors';
import type { TensorInfo } from '../checkpoint';

/** Parts of a name that are looked at, from its beginning: `state.optimizer.state.layers.0.weight.exp_avg`. */
const MAX_PARTS = 64;

/** How far from the beginning the optimizer's key may stand. */
const MAX_OPTIMIZER_DEPTH = 3;

/** Optax's train state; nothing else has this key. */
const OPTAX = 'opt_state';

const OPTIMIZER = /^opt(?:im(?:i[sz]er)?s?)?(?:_states?)?$/;
const MOMENT =
  /^(?:(?:max_)?exp_(?:avg|avg_sq|inf)|momentum_buffer|square_avg|grad_avg|acc_delta|mu|nu|trace|v_row|v_col|step|count|state|param_groups)$/;

const RANDOM = /^(?:rngs?|(?:\w+_)?rng(?:_states?)?|seed_generator(?:_state)?)$/;

const COUNTER = /^(?:step|global_step|save_counter|epoch|iteration)$/;

const INTEGER = /^[IU]\d/;

/** What the tensor is by its name; undefined where that may be a weight. */
export function namedState({ name, dtype, shape }: Pick<TensorInfo, 'name' | 'dtype' | 'shape'>): NotModel | undefined {
  const parts = name.split(/[/.]/, MAX_PARTS);
  const optimizer = parts.findIndex((part, i) => i < MAX_OPTIMIZER_DEPTH && OPTIMIZER.test(part));
  if (optimizer >= 0) {
    if (parts[optimizer] === OPTAX || parts.slice(optimizer + 1).some((part) => MOMENT.test(part))) {
      return 'optimizer state';
    }
  }
  if (!INTEGER.test(dtype)) return undefined;
  if (parts.some((part) => RANDOM.test(part))) return 'random state';
  return product(shape) === 1 && parts.length === 1 && COUNTER.test(parts[0]!) ? 'training state' : undefined;
}

/** The tensor with what its name says it is. */
export function withNamedState<Info extends TensorInfo>(info: Info): Info {
  const notModel = namedState(info);
  return notModel === undefined ? info : { ...info, notModel };
}
