/** The places of lengths and numbers in a protobuf message. */
import type { Field } from './fields';
import { LayoutReader } from './layoutReader';

/** Fields that are messages, by number; all others are left closed. */
export interface MessageFields {
  readonly [field: number]: MessageFields;
}

/** Every length and varint of a message and of those in it. */
export function protobufFields(bytes: Buffer, message: MessageFields): readonly Field[] {
  const layout = new LayoutReader(bytes);
  walkMessage(layout, bytes.length, message, []);
  return layout.fields;
}

/** The same of a message that is a part of something else. @param enclosing lengths that count it, the innermost first */
export function walkMessage(
  layout: LayoutReader,
  end: number,
  message: MessageFields,
  enclosing: readonly Field[],
): void {
  while (layout.at < end) {
    const tag = layout.varint('tag', enclosing);
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === 0) layout.varint(`field ${number}`, enclosing);
    else if (wire !== 2) layout.skip(wire === 1 ? 8 : 4);
    else {
      const length = layout.varint(`length of field ${number}`, enclosing);
      const inner = message[number];
      if (inner) walkMessage(layout, layout.at + length, inner, [layout.last, ...enclosing]);
      else layout.skip(length);
    }
  }
}
