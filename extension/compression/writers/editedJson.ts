/**
 * A JSON object with some members changed and the rest as it was written. Parsing and writing it again would turn `1.0` into
 * `1`, which transformers 5 refuses where a configuration has a float.
 */
import type { JsonValue } from './writer';

/** Where the value of a member stands in the text. */
interface Member {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

const SPACE = /\s*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
/** What may stand in a value outside of strings, up to the next thing that matters. */
const PLAIN = /[^"[\]{},]+/y;

/**
 * @param text of an object
 * @param changes of its members, replaced where they are, else added at its end
 * @throws SyntaxError if the text is no JSON object
 */
export function editedJson(text: string, changes: Readonly<Record<string, JsonValue>>): string {
  const whole: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
  if (typeof whole !== 'object' || whole === null || Array.isArray(whole)) throw new SyntaxError('not an object');
  const members = membersOf(text);
  const indent = /^\uFEFF?\s*\{(\s*)/.exec(text)![1]!;
  const valueText = (value: JsonValue): string =>
    indent.includes('\n')
      ? JSON.stringify(value, undefined, indent.slice(indent.lastIndexOf('\n') + 1)).replaceAll('\n', indent)
      : JSON.stringify(value);
  let edited = '';
  let done = 0;
  for (const { key, start, end } of members) {
    if (!Object.hasOwn(changes, key)) continue;
    edited += text.slice(done, start) + valueText(changes[key]!);
    done = end;
  }
  const present = new Set(members.map(({ key }) => key));
  const added = Object.entries(changes).filter(([key]) => !present.has(key));
  const last = members.at(-1)?.end ?? text.indexOf('{') + 1;
  const list = added.map(([key, value]) => `${indent}${JSON.stringify(key)}: ${valueText(value)}`).join(',');
  const separator = members.length > 0 && added.length > 0 ? ',' : '';
  return edited + text.slice(done, last) + separator + list + text.slice(last);
}

/** The members of the outermost object, in their order. @param text valid JSON */
function membersOf(text: string): Member[] {
  const members: Member[] = [];
  let at = text.indexOf('{') + 1;
  for (;;) {
    at = after(SPACE, text, at);
    if (text[at] === '}') return members;
    const keyEnd = after(STRING, text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = after(SPACE, text, text.indexOf(':', keyEnd) + 1);
    const end = valueEnd(text, start);
    members.push({ key, start, end });
    at = after(SPACE, text, end);
    if (text[at] === ',') at++;
  }
}

function valueEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; ;) {
    const character = text[at]!;
    if (depth === 0 && (character === ',' || character === '}')) return start + text.slice(start, at).trimEnd().length;
    if (character === '"') at = after(STRING, text, at);
    else if (character === '{' || character === '[') [depth, at] = [depth + 1, at + 1];
    else if (character === '}' || character === ']') [depth, at] = [depth - 1, at + 1];
    else at = character === ',' ? at + 1 : after(PLAIN, text, at);
  }
}

function after(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
