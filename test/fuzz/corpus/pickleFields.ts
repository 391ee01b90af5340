/** The places of numbers in a pickle: lengths, memo indexes, integers. */
import { LayoutReader } from './layoutReader';
import type { Field } from './fields';

/** Opcodes followed by a length of this many bytes, and by as many bytes as it says. */
const COUNTED: Readonly<Record<number, number>> = {
  ...{ 0x58: 4, 0x8c: 1, 0x8d: 8, 0x55: 1, 0x54: 4, 0x43: 1, 0x42: 4, 0x8e: 8, 0x96: 8 },
};

/** Opcodes followed by a number of this many bytes. */
const NUMBERS: Readonly<Record<number, readonly [string, number]>> = {
  0x80: ['protocol', 1],
  0x95: ['length of a frame', 8],
  0x4b: ['a number', 1],
  0x4d: ['a number', 2],
  0x4a: ['a number', 4],
  0x71: ['memo index of a put', 1],
  0x72: ['memo index of a put', 4],
  0x68: ['memo index of a get', 1],
  0x6a: ['memo index of a get', 4],
};

/** Opcodes followed by as many lines of text. */
const LINES: Readonly<Record<number, number>> = {
  ...{ 0x63: 2, 0x69: 2, 0x70: 1, 0x67: 1, 0x49: 1, 0x4c: 1, 0x46: 1, 0x56: 1, 0x53: 1, 0x50: 1 },
};

const [STOP, FLOAT, LONG1, NEWLINE] = [0x2e, 0x47, 0x8a, 0x0a];

/** @returns the fields of the pickle that begins at `start`, and where it ends */
export function pickleFields(bytes: Buffer, start: number): { fields: readonly Field[]; end: number } {
  const layout = new LayoutReader(bytes, start);
  for (;;) {
    const opcode = layout.skip(1)[0]!;
    const [counted, number] = [COUNTED[opcode], NUMBERS[opcode]];
    if (opcode === STOP) return { fields: layout.fields, end: layout.at };
    if (opcode === FLOAT) layout.skip(8);
    if (opcode === LONG1) {
      const width = layout.number('length of an integer', 1);
      if (width > 0) layout.number('an integer', width);
    }
    if (counted !== undefined) layout.skip(layout.number('length of a text', counted));
    if (number) layout.number(...number);
    for (let lines = LINES[opcode] ?? 0; lines > 0; lines--) layout.at = bytes.indexOf(NEWLINE, layout.at) + 1;
  }
}
