/**
 * JSON on lines, for reading. Its numbers, names and their order stay the characters that they are: parsed and written
 * again, 12345678901234567890 would be another number, and a name that occurs twice would occur once. Pure.
 */

/** What fits on one line stays on one. */
const ONE_LINE = 80;

/** Longer texts are not read for this: only their beginning is shown. */
const MOST_CHARACTERS = 1_000_000;

/** Bounds the recursion: no configuration is nested so deep. */
const MOST_DEPTH = 64;

/** Strings, signs, and whatever stands between them. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gy;
const SPACE = /\s*/y;

interface Node {
  /** Without a line break. */
  line: string;
  /** Members of an object or a list; none for anything else. */
  items?: Node[];
  /** The name in front, with its colon. */
  name: string;
}

/** @returns null for what is no object and no list, or too long or too deep to be read */
export function indentedJson(text: string): string | null {
  const start = text.trimStart().charAt(0);
  if ((start !== '{' && start !== '[') || text.length > MOST_CHARACTERS) return null;
  try {
    JSON.parse(text);
  } catch {
    return null; // no JSON: a template of a chat, say
  }
  const node = read(tokensOf(text), '', 0);
  return node && lines(node, '').join('\n');
}

function* tokensOf(text: string): Generator<string> {
  let at = 0;
  while (at < text.length) {
    SPACE.lastIndex = at;
    SPACE.exec(text);
    TOKEN.lastIndex = SPACE.lastIndex;
    const token = TOKEN.exec(text);
    if (!token) return;
    yield token[0];
    at = TOKEN.lastIndex;
  }
}

/** @param tokens of valid JSON @returns null where it is nested too deep */
function read(tokens: Iterator<string, unknown>, name: string, depth: number, first?: string): Node | null {
  const open = first ?? next(tokens);
  if (open !== '{' && open !== '[') return { line: name + open, name };
  if (depth >= MOST_DEPTH) return null;
  const close = open === '{' ? '}' : ']';
  const items: Node[] = [];
  for (let token = next(tokens); token !== close; token = next(tokens)) {
    if (token === ',') continue;
    let item: Node | null;
    if (open === '{') {
      next(tokens); // the colon
      item = read(tokens, `${token}: `, depth + 1);
    } else item = read(tokens, '', depth + 1, token);
    if (!item) return null;
    items.push(item);
  }
  const inside = items.map(({ line }) => line).join(', ');
  return { line: `${name}${open}${inside}${close}`, items, name };
}

function next(tokens: Iterator<string, unknown>): string {
  const { value, done } = tokens.next();
  if (done === true) throw new Error('the text ended inside a value that was valid JSON');
  return value;
}

function lines({ line, items, name }: Node, indent: string): string[] {
  if (!items || line.length + indent.length <= ONE_LINE) return [indent + line];
  const [open, close] = [line.charAt(name.length), line.at(-1)!];
  const inner = items.flatMap((item, i) => {
    const own = lines(item, `${indent}  `);
    if (i === items.length - 1) return own;
    return [...own.slice(0, -1), `${own.at(-1)!},`];
  });
  return [`${indent}${name}${open}`, ...inner, indent + close];
}
