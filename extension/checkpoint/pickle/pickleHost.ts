/** What a pickle’s instructions ask for: the reader of a format answers them. */
import type { OpeningBudget } from '../files/openingBudget';
import type { PickleValue } from './pickleValues';

/** Gives meaning to the names in a pickle. Methods must not keep `args`. */
export interface PickleHost {
  /** What stands for a class or function. */
  global(module: string, name: string): PickleValue;
  /** REDUCE, NEWOBJ, INST, OBJ: `callable(*args)`. */
  call(callable: PickleValue, args: PickleValue, budget: OpeningBudget): PickleValue;
  /** BUILD: the value that stands for `target` from now on (usually `target` itself). */
  build(target: PickleValue, state: PickleValue, budget: OpeningBudget): PickleValue;
  /** BINPERSID: what an outside reference stands for. */
  persistent(id: PickleValue): PickleValue;
  /** SETITEM, SETITEMS: a key of a dictionary is given another value than `before`, as no pickler does. */
  replaced(key: PickleValue, before: PickleValue): void;
}
