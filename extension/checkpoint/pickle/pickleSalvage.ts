/**
 * What a pickle that breaks off has made so far. Its containers are filled from the stack in batches, so most of what was
 * read hangs on nothing yet: `PickleMachine` hands the stack over, and the values on it are put where the instructions
 * that are missing would have put them. Only tensors and what may hold some are taken: the rest cannot be told from
 * halves of calls.
 */
import { COST, type OpeningBudget } from '../files/openingBudget';
import {
  isTensor,
  PickleArray,
  PickleDict,
  PickleGlobal,
  PickleObject,
  PickleSequence,
  PickleTensor,
  PickleUnreadable,
  type PickleValue,
} from './pickleValues';

/** Objects that wait for one another's states; deeper than any module tree, as each level is one call here. */
const MAX_PENDING = 200;

export class PickleSalvage {
  constructor(
    private readonly build: (target: PickleValue, state: PickleValue) => PickleValue,
    private readonly budget: OpeningBudget,
  ) {}

  /**
   * The root as far as it is known; undefined where nothing was begun. Takes `stack` apart.
   *
   * @param marks lengths of the stack at each MARK that is still open
   * @throws CheckpointError `limit`
   */
  root(stack: PickleValue[], marks: readonly number[]): PickleValue | undefined {
    for (const mark of marks.toReversed()) {
      const items = stack.splice(mark);
      const target = stack.at(-1);
      if (isContainer(target) && !isTuple(target)) {
        stack[stack.length - 1] = this.settle([target, ...items], 0, 0)!;
        continue;
      }
      // A tuple that is a value, as opposed to the arguments of a call: those have no meaning without the call.
      if (typeof target === 'object' && target !== null && !isTuple(target)) stack.pop();
      else {
        const tuple = new PickleSequence('tuple', []);
        this.putItems(tuple, items, 0, 0);
        if (tuple.items.some((item) => item !== null)) stack.push(tuple);
      }
    }
    return this.settle(stack, 0, 0);
  }

  /** The value that `items` from `at` on are parts of: one that is whole, or a container and what it waits for. */
  private settle(items: readonly PickleValue[], at: number, depth: number): PickleValue | undefined {
    const head = items[at];
    if (!isKept(head)) return undefined;
    if (depth > MAX_PENDING) return head;
    if (head instanceof PickleDict) this.putPairs(head, items, at + 1, depth);
    else if (head instanceof PickleSequence && head.kind !== 'tuple') this.putItems(head, items, at + 1, depth);
    else if (head instanceof PickleObject) {
      if (awaitsState(head, items[at + 1])) return this.build(head, this.settle(items, at + 1, depth + 1)!);
      if (isKey(items[at + 1])) this.putPairs((head.entries ??= new PickleDict()), items, at + 1, depth);
    }
    return head;
  }

  private putPairs(dict: PickleDict, items: readonly PickleValue[], from: number, depth: number): void {
    for (let i = from; i + 1 < items.length && isKey(items[i]); i += 2) {
      const pending = i + 2 < items.length && (!isKey(items[i + 2]) || isSingle(items, i + 1));
      const value = pending ? this.settle(items, i + 1, depth + 1) : items[i + 1];
      if (isKept(value)) {
        this.budget.take(COST.pair);
        dict.set(items[i]!, value);
      }
      if (pending) return;
    }
  }

  private putItems(list: PickleSequence, items: readonly PickleValue[], from: number, depth: number): void {
    for (let i = from; i < items.length; i++) {
      const item = items[i];
      // A call that was not made yet, and its arguments.
      if (item instanceof PickleGlobal) return;
      const pending = awaitsState(item, items[i + 1]);
      const value = pending ? this.settle(items, i, depth + 1) : item;
      this.budget.take(COST.item);
      // Others keep their places: the index is the name.
      list.items.push(isKept(value) ? value : null);
      if (pending) return;
    }
  }
}

function isKey(value: PickleValue | undefined): boolean {
  return typeof value === 'string' || typeof value === 'number';
}

function isTuple(value: PickleValue | undefined): boolean {
  return value instanceof PickleSequence && value.kind === 'tuple';
}

function isContainer(value: PickleValue | undefined): value is PickleDict | PickleSequence | PickleObject {
  return value instanceof PickleDict || value instanceof PickleSequence || value instanceof PickleObject;
}

/** A tensor or what may hold some. A NumPy array that was not given its elements yet is neither. */
function isKept(value: PickleValue | undefined): value is PickleValue {
  if (value instanceof PickleArray) return !(value.content instanceof PickleUnreadable);
  return isContainer(value) || value instanceof PickleTensor || value instanceof PickleUnreadable;
}

/** An object, and the dictionary that BUILD would have made its attributes. */
function awaitsState(object: PickleValue | undefined, state: PickleValue | undefined): boolean {
  return object instanceof PickleObject && object.state === undefined && state instanceof PickleDict;
}

/**
 * An empty dictionary before the last key and its tensor: picklers set a single pair without a mark, so the pair belongs
 * in that dictionary, not beside it.
 */
function isSingle(items: readonly PickleValue[], at: number): boolean {
  const dict = items[at];
  const last = items[at + 2];
  return items.length === at + 3 && dict instanceof PickleDict && dict.size === 0 && isTensor(last);
}
