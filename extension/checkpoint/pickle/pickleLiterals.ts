/** Opcodes of a pickle that hold their value: numbers, text and bytes. */
import { COST, type OpeningBudget } from '../files/openingBudget';
import { type PickleCursor, unescapeUnicode, unquote } from './pickleCursor';
import type { PickleStack } from './pickleStack';

/** What a number takes that is not stored as the machine has it. */
const PARSED_STEPS = 10;

export class PickleLiterals {
  constructor(
    private readonly cursor: PickleCursor,
    private readonly stack: PickleStack,
    private readonly budget: OpeningBudget,
  ) {}

  /** @returns false for an opcode of another kind; errors as `readPickle` */
  push(opcode: number): boolean {
    const cursor: PickleCursor = this.cursor;
    switch (opcode) {
      case 0x4e /* N NONE */:
        return this.stack.push(null);
      case 0x88 /* NEWTRUE */:
        return this.stack.push(true);
      case 0x89 /* NEWFALSE */:
        return this.stack.push(false);
      case 0x4b /* K BININT1 */:
        return this.stack.push(cursor.uint8());
      case 0x4d /* M BININT2 */:
        return this.stack.push(cursor.uint16());
      case 0x4a /* J BININT */:
        return this.stack.push(cursor.int32());
      case 0x47 /* G BINFLOAT */:
        return this.pushNumber(cursor.float64());
      case 0x8a /* LONG1 */:
        return this.pushParsed(cursor.integer(cursor.uint8()));
      case 0x8b /* LONG4 */:
        return this.pushParsed(cursor.integer(cursor.length(cursor.int32())));
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
        return this.pushText(cursor.utf8(cursor.length(cursor.uint64())));
      case 0x56 /* V UNICODE */:
        return this.pushText(unescapeUnicode(cursor.line()));
      case 0x53 /* S STRING */:
        return this.pushText(unquote(cursor.line()) ?? cursor.fail('a string without quotes'));
      case 0x55 /* U SHORT_BINSTRING */:
        return this.pushByteString(cursor.byteString(cursor.uint8()));
      case 0x54 /* T BINSTRING */:
        return this.pushByteString(cursor.byteString(cursor.length(cursor.int32())));
      case 0x43 /* C SHORT_BINBYTES */:
        return this.pushBytes(cursor.bytes(cursor.uint8()));
      case 0x42 /* B BINBYTES */:
        return this.pushBytes(cursor.bytes(cursor.uint32()));
      case 0x8e /* BINBYTES8 */:
      case 0x96 /* BYTEARRAY8 */:
        return this.pushBytes(cursor.bytes(cursor.length(cursor.uint64())));
      default:
        return false;
    }
  }

  private pushNumber(value: number | bigint | boolean): true {
    this.budget.take(COST.number);
    return this.stack.push(value);
  }

  /** A number of any length, or in decimal digits. */
  private pushParsed(value: number | bigint | boolean): true {
    this.budget.step(PARSED_STEPS);
    return this.pushNumber(value);
  }

  private pushText(text: string): true {
    this.budget.take(COST.text + text.length);
    return this.stack.push(text);
  }

  private pushBytes(bytes: Uint8Array): true {
    this.budget.take(COST.buffer + bytes.length);
    return this.stack.push(bytes);
  }

  private pushByteString(value: string | Uint8Array): true {
    return typeof value === 'string' ? this.pushText(value) : this.pushBytes(value);
  }
}
