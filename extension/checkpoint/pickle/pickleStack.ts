/** What a pickle has made so far: the values on its stack, the open marks between them, and its memo. */
import { COST, type OpeningBudget } from '../files/openingBudget';
import type { PickleCursor } from './pickleCursor';
import type { PickleValue } from './pickleValues';

/**
 * Every method throws a CheckpointError `malformed` where a value, a mark or a memo entry is missing. Methods without
 * another result return true, so that an opcode's case is one line.
 */
export class PickleStack {
  readonly values: PickleValue[] = [];
  /** Length of the stack at each mark that is open. */
  readonly marks: number[] = [];
  private readonly memo: PickleValue[] = [];
  /** Memo entries whose index is not the next one. */
  private readonly sparseMemo = new Map<number, PickleValue>();

  constructor(
    private readonly cursor: PickleCursor,
    private readonly budget: OpeningBudget,
  ) {}

  push(value: PickleValue): true {
    this.values.push(value);
    return true;
  }

  mark(): true {
    this.marks.push(this.values.length);
    return true;
  }

  /** Takes away the last value, or the mark where one was set after it. */
  drop(): true {
    if (this.marks.at(-1) === this.values.length) this.marks.pop();
    else this.pop();
    return true;
  }

  dropToMark(): true {
    this.values.length = this.popMark();
    return true;
  }

  top(): PickleValue {
    const value = this.values.at(-1);
    if (value === undefined || this.values.length === (this.marks.at(-1) ?? 0)) this.cursor.fail('the stack is empty');
    return value;
  }

  pop(): PickleValue {
    const value = this.top();
    this.values.pop();
    return value;
  }

  popItems(count: number): PickleValue[] {
    const start = this.values.length - count;
    if (start < (this.marks.at(-1) ?? 0)) this.cursor.fail('the stack is empty');
    const items = new Array<PickleValue>(count);
    for (let i = count - 1; i >= 0; i--) items[i] = this.values.pop()!;
    return items;
  }

  private popMark(): number {
    return this.marks.pop() ?? this.cursor.fail('a mark is missing');
  }

  popToMark(): PickleValue[] {
    return this.values.splice(this.popMark());
  }

  memoise(index: number): true {
    if (!Number.isSafeInteger(index) || index < 0) this.cursor.fail(`memo index ${index}`);
    const value = this.top();
    this.budget.take(COST.slot);
    if (index < this.memo.length) this.memo[index] = value;
    else if (index === this.memo.length) {
      this.memo.push(value);
      this.sparseMemo.delete(index);
    } else {
      this.budget.take(COST.slot);
      this.sparseMemo.set(index, value);
    }
    return true;
  }

  recall(index: number): true {
    const value = this.sparseMemo.get(index) ?? this.memo[index];
    if (value === undefined) this.cursor.fail(`memo entry ${index} was never stored`);
    return this.push(value);
  }

  memoiseNext(): true {
    return this.memoise(this.memo.length + this.sparseMemo.size);
  }

  /** Gives the memo's part of the budget back: nothing is recalled after STOP. */
  forget(): void {
    this.budget.giveBack(COST.slot * this.memo.length);
  }
}
