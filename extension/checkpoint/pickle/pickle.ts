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
import { PickleCursor, unescapeUnicode, unquote, type PickleSource } from './pickleCursor';
import type { PickleHost } from './pickleHost';
import { PickleSalvage } from './pickleSalvage';
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

/** What a number takes that is not stored as the machine has it. */
const PARSED_STEPS = 10;

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
  private readonly stack: PickleValue[] = [];
  private readonly marks: number[] = [];
  private readonly memo: PickleValue[] = [];
  /** Memo entries whose index is not the next one. */
  private readonly sparseMemo = new Map<number, PickleValue>();

  constructor(
    source: PickleSource,
    private readonly host: PickleHost,
    private readonly budget: OpeningBudget,
  ) {
    this.cursor = new PickleCursor(source);
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
        this.budget.giveBack(COST.slot * this.memo.length);
        return { value: this.pop(), length: this.cursor.at };
      }
      if (!this.pushLiteral(opcode) && !this.manageStack(opcode) && !this.makeObject(opcode)) {
        this.cursor.fail(`unknown opcode 0x${opcode.toString(16).padStart(2, '0')}`);
      }
      if (this.stack.length + this.marks.length > MAX_STACK) {
        throw this.error('limit', `stacks more than ${MAX_STACK} values`);
      }
    }
  }

  /** After an error in `run`: the root, with what was read before. */
  salvage(): PickleValue | undefined {
    const build = (target: PickleValue, state: PickleValue): PickleValue => this.host.build(target, state, this.budget);
    return new PickleSalvage(build, this.budget).root(this.stack, this.marks);
  }

  /** Numbers, text and bytes. */
  private pushLiteral(opcode: number): boolean {
    const cursor: PickleCursor = this.cursor;
    switch (opcode) {
      case 0x4e /* N NONE */:
        return this.push(null);
      case 0x88 /* NEWTRUE */:
        return this.push(true);
      case 0x89 /* NEWFALSE */:
        return this.push(false);
      case 0x4b /* K BININT1 */:
        return this.push(cursor.uint8());
      case 0x4d /* M BININT2 */:
        return this.push(cursor.uint16());
      case 0x4a /* J BININT */:
        return this.push(cursor.int32());
      case 0x47 /* G BINFLOAT */:
        return this.pushNumber(cursor.float64());
      case 0x8a /* LONG1 */:
        return this.pushParsed(cursor.integer(cursor.uint8()));
      case 0x8b /* LONG4 */:
        return this.pushParsed(cursor.integer(this.length(cursor.int32())));
      case 0x4c /* L LONG */:
        return this.pushParsed(cursor.decimal());
      case 0x49 /* I INT */:
        return this.pushParsed(cursor.integerOrBoolean());
      case 0x46 /* F FLOAT */:
        return this.pushParsed(cursor.decimalFraction());
      case 0x58 /* X BINUNICODE */:
        return this.pushText(cursor.utf8(cursor.uint32()));
      case 0x8c /* SHORT_BINUNICODE */:
        return this.pushText(cursor.utf8(cursor.uint8()));
      case 0x8d /* BINUNICODE8 */:
        return this.pushText(cursor.utf8(this.length(cursor.uint64())));
      case 0x56 /* V UNICODE */:
        return this.pushText(unescapeUnicode(cursor.line()));
      case 0x53 /* S STRING */:
        return this.pushText(unquote(cursor.line()) ?? cursor.fail('a string without quotes'));
      case 0x55 /* U SHORT_BINSTRING */:
        return this.pushByteString(cursor.byteString(cursor.uint8()));
      case 0x54 /* T BINSTRING */:
        return this.pushByteString(cursor.byteString(this.length(cursor.int32())));
      case 0x43 /* C SHORT_BINBYTES */:
        return this.pushBytes(cursor.bytes(cursor.uint8()));
      case 0x42 /* B BINBYTES */:
        return this.pushBytes(cursor.bytes(cursor.uint32()));
      case 0x8e /* BINBYTES8 */:
      case 0x96 /* BYTEARRAY8 */:
        return this.pushBytes(cursor.bytes(this.length(cursor.uint64())));
      default:
        return false;
    }
  }

  /** Stack, memo, and opcodes that only announce something. */
  private manageStack(opcode: number): boolean {
    const cursor: PickleCursor = this.cursor;
    switch (opcode) {
      case 0x80 /* PROTO */:
        this.protocol(cursor.uint8());
        return true;
      case 0x95 /* FRAME */:
        this.length(cursor.uint64());
        return true;
      case 0x28 /* ( MARK */:
        this.marks.push(this.stack.length);
        return true;
      case 0x30 /* 0 POP */:
        if (this.marks.at(-1) === this.stack.length) this.marks.pop();
        else this.pop();
        return true;
      case 0x31 /* 1 POP_MARK */:
        this.stack.length = this.popMark();
        return true;
      case 0x32 /* 2 DUP */:
        return this.push(this.top());
      case 0x70 /* p PUT */:
        return this.memoise(Number(cursor.decimal()));
      case 0x71 /* q BINPUT */:
        return this.memoise(cursor.uint8());
      case 0x72 /* r LONG_BINPUT */:
        return this.memoise(cursor.uint32());
      case 0x94 /* MEMOIZE */:
        return this.memoise(this.memo.length + this.sparseMemo.size);
      case 0x67 /* g GET */:
        return this.recall(Number(cursor.decimal()));
      case 0x68 /* h BINGET */:
        return this.recall(cursor.uint8());
      case 0x6a /* j LONG_BINGET */:
        return this.recall(cursor.uint32());
      case 0x98 /* READONLY_BUFFER */:
        return true;
      default:
        return false;
    }
  }

  /** Containers, names, calls. */
  private makeObject(opcode: number): boolean {
    const cursor: PickleCursor = this.cursor;
    switch (opcode) {
      case 0x29 /* ) EMPTY_TUPLE */:
        return this.pushSequence('tuple', []);
      case 0x85 /* TUPLE1 */:
      case 0x86 /* TUPLE2 */:
      case 0x87 /* TUPLE3 */:
        return this.pushSequence('tuple', this.popItems(opcode - 0x84));
      case 0x74 /* t TUPLE */:
        return this.pushSequence('tuple', this.popToMark());
      case 0x5d /* ] EMPTY_LIST */:
        return this.pushSequence('list', []);
      case 0x6c /* l LIST */:
        return this.pushSequence('list', this.popToMark());
      case 0x8f /* EMPTY_SET */:
        return this.pushSequence('set', []);
      case 0x91 /* FROZENSET */:
        return this.pushSequence('set', this.popToMark());
      case 0x7d /* } EMPTY_DICT */:
        this.budget.container(0);
        return this.push(new PickleDict());
      case 0x64 /* d DICT */: {
        const pairs = this.popToMark();
        this.budget.container(0);
        this.push(new PickleDict());
        return this.setItems(pairs);
      }
      case 0x61 /* a APPEND */:
        return this.append(this.popItems(1));
      case 0x65 /* e APPENDS */:
      case 0x90 /* ADDITEMS */:
        return this.append(this.popToMark());
      case 0x73 /* s SETITEM */:
        return this.setItems(this.popItems(2));
      case 0x75 /* u SETITEMS */:
        return this.setItems(this.popToMark());
      case 0x63 /* c GLOBAL */: {
        const module = cursor.line();
        return this.pushGlobal(module, cursor.line());
      }
      case 0x93 /* STACK_GLOBAL */: {
        const [module, name] = this.popItems(2);
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
        const [callable, args] = this.popItems(2);
        return this.pushCall(callable!, args!);
      }
      case 0x92 /* NEWOBJ_EX */: {
        const [callable, args] = this.popItems(3);
        return this.pushCall(callable!, args!);
      }
      case 0x6f /* o OBJ */: {
        const [callable, ...args] = this.popToMark();
        if (callable === undefined) cursor.fail('an object without a class');
        return this.pushCall(callable, this.tuple(args));
      }
      case 0x69 /* i INST */: {
        const module = cursor.line();
        const callable = this.global(module, cursor.line());
        return this.pushCall(callable, this.tuple(this.popToMark()));
      }
      case 0x62 /* b BUILD */: {
        const state = this.pop();
        return this.push(this.host.build(this.pop(), state, this.budget));
      }
      case 0x50 /* P PERSID */:
        return this.pushReference(cursor.line());
      case 0x51 /* Q BINPERSID */:
        return this.pushReference(this.pop());
      case 0x97 /* NEXT_BUFFER */:
        return this.push(new PickleUnreadable('unsupported', 'its data was stored outside of the pickle'));
      default:
        return false;
    }
  }

  private push(value: PickleValue): true {
    this.stack.push(value);
    return true;
  }

  private pushNumber(value: number | bigint | boolean): true {
    this.budget.take(COST.number);
    return this.push(value);
  }

  /** A number of any length, or in decimal digits. */
  private pushParsed(value: number | bigint | boolean): true {
    this.budget.step(PARSED_STEPS);
    return this.pushNumber(value);
  }

  private pushText(text: string): true {
    this.budget.take(COST.text + text.length);
    return this.push(text);
  }

  private pushBytes(bytes: Uint8Array): true {
    this.budget.take(COST.buffer + bytes.length);
    return this.push(bytes);
  }

  private pushByteString(value: string | Uint8Array): true {
    return typeof value === 'string' ? this.pushText(value) : this.pushBytes(value);
  }

  private tuple(items: PickleValue[]): PickleSequence {
    this.budget.container(items.length);
    return new PickleSequence('tuple', items);
  }

  private pushSequence(kind: PickleSequence['kind'], items: PickleValue[]): true {
    this.budget.container(items.length);
    return this.push(new PickleSequence(kind, items));
  }

  private pushGlobal(module: string, name: string): true {
    return this.push(this.global(module, name));
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
    return this.push(made);
  }

  private pushReference(id: PickleValue): true {
    this.budget.container(0);
    return this.push(this.host.persistent(id));
  }

  private top(): PickleValue {
    const value = this.stack.at(-1);
    if (value === undefined || this.stack.length === (this.marks.at(-1) ?? 0)) this.cursor.fail('the stack is empty');
    return value;
  }

  private pop(): PickleValue {
    const value = this.top();
    this.stack.pop();
    return value;
  }

  private popItems(count: number): PickleValue[] {
    const start = this.stack.length - count;
    if (start < (this.marks.at(-1) ?? 0)) this.cursor.fail('the stack is empty');
    const items = new Array<PickleValue>(count);
    for (let i = count - 1; i >= 0; i--) items[i] = this.stack.pop()!;
    return items;
  }

  private popMark(): number {
    return this.marks.pop() ?? this.cursor.fail('a mark is missing');
  }

  private popToMark(): PickleValue[] {
    return this.stack.splice(this.popMark());
  }

  private append(items: PickleValue[]): true {
    this.budget.take(items.length * COST.item);
    const target = this.top();
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
    const target = this.top();
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

  private memoise(index: number): true {
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

  private recall(index: number): true {
    const value = this.sparseMemo.get(index) ?? this.memo[index];
    if (value === undefined) this.cursor.fail(`memo entry ${index} was never stored`);
    return this.push(value);
  }

  private length(declared: number): number {
    if (declared < 0) this.cursor.fail(`a length of ${declared}`);
    return declared;
  }

  private protocol(version: number): void {
    if (version > 5) throw this.error('unsupported', `has protocol ${version}, which is newer than 5`);
  }

  private error(code: 'limit' | 'unsupported', what: string): CheckpointError {
    return new CheckpointError(code, `the pickle ${what}`, this.cursor.where());
  }
}
