/**
 * A pickle reader for protocols 0 to 5. It interprets the opcodes as data: names stay names, calls become whatever
 * the `PickleHost` makes of them, and nothing is ever looked up in, or run by, a program.
 *
 * @see https://github.com/python/cpython/blob/3.13/Lib/pickletools.py
 */
import { CheckpointError } from '../checkpointError';
import { itemsOf } from './pickleArguments';
import { MAX_NAME } from '../elements/names';
import { COST, type OpeningBudget } from '../files/openingBudget';
import { PickleCursor, type PickleSource } from './pickleCursor';
import type { PickleHost } from './pickleHost';
import { PickleLiterals } from './pickleLiterals';
import { PickleSalvage } from './pickleSalvage';
import { PickleStack } from './pickleStack';
import {
  PickleDict,
  PickleObject,
  PickleSequence,
  PickleTensor,
  PickleUnreadable,
  type PickleValue,
} from './pickleValues';

/** Values and marks waiting on the stack: the longest literal tuple or list batch. */
const MAX_STACK = 1_000_000;

/**
 * Reads one pickle, up to its STOP.
 *
 * @returns the value and the pickle's length in bytes
 * @throws PickleNeedsMore where `source.bytes` ends early but the file does not
 * @throws CheckpointError `malformed`, `truncated`, `limit`, `unsupported`
 */
export function readPickle(
  source: PickleSource,
  host: PickleHost,
  budget: OpeningBudget,
): { value: PickleValue; length: number } {
  return new PickleMachine(source, host, budget).run();
}

/**
 * Reads one pickle, or what comes before the place where it is damaged or ends early.
 *
 * @returns its value, and the reason where it is not all there
 * @throws PickleNeedsMore; CheckpointError as `readPickle`, where nothing was begun before the place
 */
export function salvagePickle(
  source: PickleSource,
  host: PickleHost,
  budget: OpeningBudget,
): { value: PickleValue; length: number; failure?: CheckpointError } {
  const machine = new PickleMachine(source, host, budget);
  try {
    return machine.run();
  } catch (error) {
    if (!(error instanceof CheckpointError) || (error.code !== 'truncated' && error.code !== 'malformed')) throw error;
    const value = machine.salvage();
    if (value === undefined) throw error;
    return { value, length: source.available, failure: error };
  }
}

class PickleMachine {
  private readonly cursor: PickleCursor;
  private readonly stack: PickleStack;
  private readonly literals: PickleLiterals;

  constructor(
    source: PickleSource,
    private readonly host: PickleHost,
    private readonly budget: OpeningBudget,
  ) {
    this.cursor = new PickleCursor(source);
    this.stack = new PickleStack(this.cursor, budget);
    this.literals = new PickleLiterals(this.cursor, this.stack, budget);
  }

  /** Limits that are met say where. */
  run(): { value: PickleValue; length: number } {
    try {
      return this.execute();
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.where.offset !== undefined) throw error;
      throw new CheckpointError(error.code, error.reason, { ...this.cursor.where(), cause: error });
    }
  }

  private execute(): { value: PickleValue; length: number } {
    for (;;) {
      this.budget.step();
      const opcode = this.cursor.uint8();
      if (opcode === 0x2e /* . STOP */) {
        this.stack.forget();
        return { value: this.stack.pop(), length: this.cursor.at };
      }
      if (!this.literals.push(opcode) && !this.manageStack(opcode) && !this.makeObject(opcode)) {
        this.cursor.fail(`unknown opcode 0x${opcode.toString(16).padStart(2, '0')}`);
      }
      if (this.stack.values.length + this.stack.marks.length > MAX_STACK) {
        throw this.error('limit', `stacks more than ${MAX_STACK} values`);
      }
    }
  }

  /** After an error in `run`: the root, with what was read before. */
  salvage(): PickleValue | undefined {
    const build = (target: PickleValue, state: PickleValue): PickleValue => this.host.build(target, state, this.budget);
    return new PickleSalvage(build, this.budget).root(this.stack.values, this.stack.marks);
  }

  /** Stack, memo, and opcodes that only announce something. */
  private manageStack(opcode: number): boolean {
    const cursor: PickleCursor = this.cursor;
    const { stack } = this;
    switch (opcode) {
      case 0x80 /* PROTO */:
        this.protocol(cursor.uint8());
        return true;
      case 0x95 /* FRAME */:
        cursor.length(cursor.uint64());
        return true;
      case 0x28 /* ( MARK */:
        return stack.mark();
      case 0x30 /* 0 POP */:
        return stack.drop();
      case 0x31 /* 1 POP_MARK */:
        return stack.dropToMark();
      case 0x32 /* 2 DUP */:
        return stack.push(stack.top());
      case 0x70 /* p PUT */:
        return stack.memoise(Number(cursor.decimal()));
      case 0x71 /* q BINPUT */:
        return stack.memoise(cursor.uint8());
      case 0x72 /* r LONG_BINPUT */:
        return stack.memoise(cursor.uint32());
      case 0x94 /* MEMOIZE */:
        return stack.memoiseNext();
      case 0x67 /* g GET */:
        return stack.recall(Number(cursor.decimal()));
      case 0x68 /* h BINGET */:
        return stack.recall(cursor.uint8());
      case 0x6a /* j LONG_BINGET */:
        return stack.recall(cursor.uint32());
      case 0x98 /* READONLY_BUFFER */:
        return true;
      default:
        return false;
    }
  }

  /** Containers, names, calls. */
  private makeObject(opcode: number): boolean {
    const cursor: PickleCursor = this.cursor;
    const { stack } = this;
    switch (opcode) {
      case 0x29 /* ) EMPTY_TUPLE */:
        return this.pushSequence('tuple', []);
      case 0x85 /* TUPLE1 */:
      case 0x86 /* TUPLE2 */:
      case 0x87 /* TUPLE3 */:
        return this.pushSequence('tuple', stack.popItems(opcode - 0x84));
      case 0x74 /* t TUPLE */:
        return this.pushSequence('tuple', stack.popToMark());
      case 0x5d /* ] EMPTY_LIST */:
        return this.pushSequence('list', []);
      case 0x6c /* l LIST */:
        return this.pushSequence('list', stack.popToMark());
      case 0x8f /* EMPTY_SET */:
        return this.pushSequence('set', []);
      case 0x91 /* FROZENSET */:
        return this.pushSequence('set', stack.popToMark());
      case 0x7d /* } EMPTY_DICT */:
        this.budget.container(0);
        return stack.push(new PickleDict());
      case 0x64 /* d DICT */: {
        const pairs = stack.popToMark();
        this.budget.container(0);
        stack.push(new PickleDict());
        return this.setItems(pairs);
      }
      case 0x61 /* a APPEND */:
        return this.append(stack.popItems(1));
      case 0x65 /* e APPENDS */:
      case 0x90 /* ADDITEMS */:
        return this.append(stack.popToMark());
      case 0x73 /* s SETITEM */:
        return this.setItems(stack.popItems(2));
      case 0x75 /* u SETITEMS */:
        return this.setItems(stack.popToMark());
      case 0x63 /* c GLOBAL */: {
        const module = cursor.line();
        return this.pushGlobal(module, cursor.line());
      }
      case 0x93 /* STACK_GLOBAL */: {
        const [module, name] = stack.popItems(2);
        if (typeof module !== 'string' || typeof name !== 'string') cursor.fail('a global whose name is not text');
        return this.pushGlobal(module, name);
      }
      case 0x82 /* EXT1 */:
        return this.pushGlobal('copyreg', `extension ${cursor.uint8()}`);
      case 0x83 /* EXT2 */:
        return this.pushGlobal('copyreg', `extension ${cursor.uint16()}`);
      case 0x84 /* EXT4 */:
        return this.pushGlobal('copyreg', `extension ${cursor.int32()}`);
      case 0x52 /* R REDUCE */:
      case 0x81 /* NEWOBJ */: {
        const [callable, args] = stack.popItems(2);
        return this.pushCall(callable!, args!);
      }
      case 0x92 /* NEWOBJ_EX */: {
        const [callable, args] = stack.popItems(3);
        return this.pushCall(callable!, args!);
      }
      case 0x6f /* o OBJ */: {
        const [callable, ...args] = stack.popToMark();
        if (callable === undefined) cursor.fail('an object without a class');
        return this.pushCall(callable, this.tuple(args));
      }
      case 0x69 /* i INST */: {
        const module = cursor.line();
        const callable = this.global(module, cursor.line());
        return this.pushCall(callable, this.tuple(stack.popToMark()));
      }
      case 0x62 /* b BUILD */: {
        const state = stack.pop();
        return stack.push(this.host.build(stack.pop(), state, this.budget));
      }
      case 0x50 /* P PERSID */:
        return this.pushReference(cursor.line());
      case 0x51 /* Q BINPERSID */:
        return this.pushReference(stack.pop());
      case 0x97 /* NEXT_BUFFER */:
        return stack.push(new PickleUnreadable('unsupported', 'its data was stored outside of the pickle'));
      default:
        return false;
    }
  }

  private tuple(items: PickleValue[]): PickleSequence {
    this.budget.container(items.length);
    return new PickleSequence('tuple', items);
  }

  private pushSequence(kind: PickleSequence['kind'], items: PickleValue[]): true {
    this.budget.container(items.length);
    return this.stack.push(new PickleSequence(kind, items));
  }

  private pushGlobal(module: string, name: string): true {
    return this.stack.push(this.global(module, name));
  }

  /** What is longer than any name is cut: no known class or function is called so. */
  private global(module: string, name: string): PickleValue {
    this.budget.take(COST.container + COST.text + Math.min(module.length + name.length, 2 * MAX_NAME));
    return this.host.global(module.slice(0, MAX_NAME), name.slice(0, MAX_NAME));
  }

  private pushCall(callable: PickleValue, args: PickleValue): true {
    const items = itemsOf(args).length;
    this.budget.step(items);
    this.budget.container(0);
    const made = this.host.call(callable, args, this.budget);
    // Shapes of many axes can be had again and again.
    if (made instanceof PickleTensor) this.budget.container(2 * made.shape.length);
    return this.stack.push(made);
  }

  private pushReference(id: PickleValue): true {
    this.budget.container(0);
    return this.stack.push(this.host.persistent(id));
  }

  private append(items: PickleValue[]): true {
    this.budget.take(items.length * COST.item);
    const target = this.stack.top();
    if (target instanceof PickleUnreadable) return true;
    let list: PickleSequence;
    if (target instanceof PickleObject) list = target.items ??= new PickleSequence('list', []);
    else if (target instanceof PickleSequence && target.kind !== 'tuple') list = target;
    else this.cursor.fail('values are appended to something that is not a list');
    for (const item of items) list.items.push(item);
    return true;
  }

  private setItems(pairs: PickleValue[]): true {
    if (pairs.length % 2 !== 0) this.cursor.fail('a key without a value');
    this.budget.take((pairs.length / 2) * COST.pair);
    const target = this.stack.top();
    if (target instanceof PickleUnreadable) return true;
    let dict: PickleDict;
    if (target instanceof PickleDict) dict = target;
    else if (target instanceof PickleObject) dict = target.entries ??= new PickleDict();
    else this.cursor.fail('keys are set on something that is not a dictionary');
    for (let i = 0; i < pairs.length; i += 2) {
      const before = dict.get(pairs[i]!);
      if (before !== undefined) this.host.replaced(pairs[i]!, before);
      dict.set(pairs[i]!, pairs[i + 1]!);
    }
    return true;
  }

  private protocol(version: number): void {
    if (version > 5) throw this.error('unsupported', `has protocol ${version}, which is newer than 5`);
  }

  private error(code: 'limit' | 'unsupported', what: string): CheckpointError {
    return new CheckpointError(code, `the pickle ${what}`, this.cursor.where());
  }
}
