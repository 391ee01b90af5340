/** What differs between a key of a model and the name of the same tensor in a checkpoint: what wrappers put into names. */
import { components } from '../workspace/layerNames';

/**
 * Modules that hold another one, and whose name goes into its keys.
 *
 * @see https://github.com/pytorch/pytorch torch/nn/parallel (`module`), torch/_dynamo/eval_frame.py (`_orig_mod`),
 *   torch/distributed/fsdp/_common_utils.py, torch/distributed/algorithms/_checkpoint/checkpoint_wrapper.py
 * @see https://github.com/huggingface/peft src/peft/tuners/tuners_utils.py (`base_layer`)
 */
const WRAPPERS: Readonly<Record<string, string>> = {
  module: 'DataParallel or DistributedDataParallel',
  _orig_mod: 'torch.compile',
  _fsdp_wrapped_module: 'FullyShardedDataParallel',
  _checkpoint_wrapped_module: 'activation checkpointing',
  base_layer: 'PEFT',
};

export interface NameDifference {
  /** What the checkpoint's name has in place of what the model's has; one of them may be empty. Dots are left out. */
  checkpoint: string;
  model: string;
  /** It stands at the beginning of the name. */
  inFront: boolean;
  /** What puts it there, where that is known. */
  by?: string;
}

/** @returns undefined for equal names, and for names that end in different parts */
export function nameDifference(model: string, checkpoint: string): NameDifference | undefined {
  const [own, other] = [components(checkpoint), components(model)];
  const wrapped = wrapperDifference(own, other);
  if (wrapped) return wrapped;
  let [last, lastOther] = [own.length, other.length];
  while (last > 0 && lastOther > 0 && own[last - 1] === other[lastOther - 1]) {
    last -= 1;
    lastOther -= 1;
  }
  if (last === own.length || (last === 0 && lastOther === 0)) return undefined;
  let first = 0;
  while (first < last && first < lastOther && own[first] === other[first]) first += 1;
  return {
    checkpoint: own.slice(first, last).join('.'),
    model: other.slice(first, lastOther).join('.'),
    inFront: first === 0,
  };
}

/** One name is the other with parts of wrappers in it, once or at several places. */
function wrapperDifference(own: readonly string[], other: readonly string[]): NameDifference | undefined {
  const plain = (parts: readonly string[]): string => parts.filter((part) => !Object.hasOwn(WRAPPERS, part)).join('.');
  const parts = (all: readonly string[]): string[] => all.filter((part) => Object.hasOwn(WRAPPERS, part));
  if (own.length === other.length || plain(own) !== plain(other)) return undefined;
  const [more, less] = own.length > other.length ? [own, other] : [other, own];
  if (parts(less).length > 0) return undefined; // both are wrapped: which part is too much cannot be told
  const added = [...new Set(parts(more))];
  const count = more.length - less.length;
  const inFront = more.slice(count).join('.') === less.join('.');
  const text = added.join(', ');
  const by = added.map((part) => WRAPPERS[part]!).join(', ');
  const whole = inFront ? more.slice(0, count).join('.') : text;
  return more === own ? { checkpoint: whole, model: '', inFront, by } : { checkpoint: '', model: whole, inFront, by };
}

/** True for the same difference, which one change of all keys mends. */
export function isSameDifference(a: NameDifference, b: NameDifference): boolean {
  return a.checkpoint === b.checkpoint && a.model === b.model && a.inFront === b.inFront;
}

/** A name without what wrappers put into it. */
export function unwrapped(name: string): string {
  return name
    .split('.')
    .filter((part) => !Object.hasOwn(WRAPPERS, part))
    .join('.');
}
