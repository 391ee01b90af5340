/** Where in a JSON text a property's name is expected, and which names an object has: of texts that are just being written. */

export interface KeyPlace {
  /** The keys that lead to the object. */
  path: readonly string[];
  /** What is typed of the name, as it is written; '' where no quote was typed yet. */
  typed: string;
  /** Offset of the opening quote, or of the place itself. */
  start: number;
}

interface Open {
  /** Of an object: the key whose value is being read. */
  key: string;
  isObject: boolean;
  expectsKey: boolean;
}

/** @returns undefined where no property's name is expected at the end of the text */
export function keyPlace(text: string): KeyPlace | undefined {
  const { stack, unclosed } = walk(text, () => undefined);
  if (stack.at(-1)?.expectsKey !== true) return undefined;
  const start = unclosed ?? text.length;
  return { path: pathOf(stack), typed: text.slice(start + 1), start };
}

/** The names of the properties of the object at the end of a path of keys. Damaged texts give those that can be told. */
export function keysOf(text: string, path: readonly string[]): Set<string> {
  const keys = new Set<string>();
  walk(text, (stack, key) => {
    const own = pathOf(stack);
    if (own.length === path.length && own.every((part, index) => part === path[index])) keys.add(key);
  });
  return keys;
}

/**
 * Goes through a text as far as it can be read.
 *
 * @param onKey called with the objects and arrays that a property's name stands in
 * @returns those that are open at the end, and the offset of the quote of a string that is
 */
function walk(
  text: string,
  onKey: (stack: readonly Open[], key: string) => void,
): { stack: Open[]; unclosed?: number } {
  const stack: Open[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    const top = stack.at(-1);
    if (character === '"') {
      const end = stringEnd(text, at);
      if (end === text.length) return { stack, unclosed: at };
      if (top?.expectsKey === true) {
        top.key = unescaped(text.slice(at, end + 1));
        // After half a name another one may follow.
        top.expectsKey = text[end] === '\n';
        onKey(stack, top.key);
      }
      at = end;
    } else if (character === '{') stack.push({ key: '', isObject: true, expectsKey: true });
    else if (character === '[') stack.push({ key: '', isObject: false, expectsKey: false });
    else if (character === '}' || character === ']') stack.pop();
    else if (character === ',' && top) top.expectsKey = top.isObject;
  }
  return { stack };
}

function pathOf(stack: readonly Open[]): string[] {
  return stack.slice(0, -1).map(({ key }) => key);
}

/** Offset of the closing quote, or of the line's end: a string that is being written ends there. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"' || text[at] === '\n') return at;
  }
  return text.length;
}

function unescaped(literal: string): string {
  try {
    return String(JSON.parse(literal));
  } catch {
    return literal.slice(1, -1); // half written, or with an escape that JSON has not
  }
}
