/**
 * What the tensors of a TensorFlow checkpoint are called. TensorFlow 1 has plain names, and those of an optimizer's slots
 * are the variable's with the slot's behind it. TensorFlow 2 has paths through the program's objects, with
 * `/.ATTRIBUTES/VARIABLE_VALUE` behind them, and `/.OPTIMIZER_SLOT/<optimizer>/<slot>` in those of slots.
 *
 * @see https://www.tensorflow.org/guide/checkpoint#loading_mechanics
 */
import { groupedNames } from '../elements/groupedNames';

const VALUE = '/.ATTRIBUTES/VARIABLE_VALUE';
const SLOT = '/.OPTIMIZER_SLOT/';
const OPTIMIZER = 'optimizer';

/** Slots of TensorFlow 1's optimizers, of Keras's before 3, and of BERT's: last parts of names. */
const SLOT_NAMES: ReadonlySet<string> = new Set([
  ...['Adam', 'Adam_1', 'Momentum', 'RMSProp', 'RMSProp_1', 'RMSProp_2', 'Adagrad', 'AdagradDA', 'AdagradDA_1'],
  ...['Adadelta', 'Adadelta_1', 'Ftrl', 'Ftrl_1', 'AdaMax', 'AdaMax_1', 'NesterovMomentum', 'LARSOptimizer'],
  ...['m', 'v', 'vhat', 'momentum', 'rms', 'mg', 'accumulator', 'accum_var', 'accum_grad', 'linear'],
  ...['adam_m', 'adam_v', 'lamb_m', 'lamb_v', 'adafactor_v', 'adafactor_vc', 'adafactor_vr'],
]);

/** Scalars that Adam keeps beside its slots. */
const POWERS = /(^|\/)beta[12]_power(_\d+)?$/;

/** Scopes that may stand in front of a variable's name in that of its slot: `training/Adam/dense/kernel/m`. */
const MAX_SCOPES = 3;

/** Objects that an optimizer lies in: two or three in the programs seen. Bounds the time that a key of many parts takes. */
const MAX_OPTIMIZER_DEPTH = 32;

/** The moving average of a weight, which some programs use in its place. */
const AVERAGE = '/ExponentialMovingAverage';

export interface NamedKey {
  readonly name: string;
  readonly group: string;
}

/** Names and groups of all keys, in their order, no name twice. @param keys with the shape of each tensor as text */
export function nameKeys(keys: readonly { readonly key: string; readonly shape: string }[]): NamedKey[] {
  const shapes = new Map(keys.map(({ key, shape }) => [key, shape]));
  const slots = keys.map(({ key, shape }) => ofTensorflow2(key) ?? ofTensorflow1(key, shape, shapes));
  const optimizers = new Set([OPTIMIZER, ...slots.flatMap((slot) => slot?.group ?? [])]);
  const isTrained = slots.some((slot) => slot?.group === OPTIMIZER);
  const named = keys.map(({ key }, i) => slots[i] ?? plain(key, optimizers, isTrained));
  const names = groupedNames(named);
  return named.map(({ group }, i) => ({ name: names[i]!, group }));
}

/** Groups are optimizers and averages of weights; the latter stand in for the weights. */
export function isOptimizerGroup(group: string): boolean {
  return group !== '' && group !== AVERAGE.slice(1);
}

/** A slot of TensorFlow 2: the optimizer's path in front, as its other variables have it. */
function ofTensorflow2(key: string): NamedKey | undefined {
  const at = key.indexOf(SLOT);
  if (at < 0 || !key.endsWith(VALUE)) return undefined;
  const slot = key.slice(at + SLOT.length, -VALUE.length);
  const end = slot.lastIndexOf('/');
  const group = slot.slice(0, Math.max(0, end)) || OPTIMIZER;
  return { group, name: `${group}/${key.slice(0, at)}/${slot.slice(end + 1)}` };
}

function ofTensorflow1(key: string, shape: string, shapes: ReadonlyMap<string, string>): NamedKey | undefined {
  if (key.endsWith(AVERAGE) && shapes.has(key.slice(0, -AVERAGE.length))) {
    return { group: AVERAGE.slice(1), name: key };
  }
  const end = key.lastIndexOf('/');
  if (end < 0 || !SLOT_NAMES.has(key.slice(end + 1))) return undefined;
  // It must name a variable that is there, and as large: else it is a layer that happens to be called so.
  let start = 0;
  for (let scopes = 0; scopes <= MAX_SCOPES; scopes++) {
    if (shapes.get(key.slice(start, end)) === shape) return { group: OPTIMIZER, name: key };
    const next = key.indexOf('/', start) + 1;
    if (next === 0 || next > end) break;
    start = next;
  }
  return undefined;
}

function plain(key: string, optimizers: ReadonlySet<string>, isTrained: boolean): NamedKey {
  const name = key.endsWith(VALUE) ? key.slice(0, -VALUE.length) : key;
  if (isTrained && POWERS.test(name)) return { group: OPTIMIZER, name };
  for (
    let end = name.indexOf('/'), depth = 0;
    end >= 0 && depth < MAX_OPTIMIZER_DEPTH;
    end = name.indexOf('/', end + 1), depth++
  ) {
    const group = name.slice(0, end);
    if (optimizers.has(group)) return { group, name };
  }
  return { group: '', name };
}
