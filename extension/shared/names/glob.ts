/**
 * Patterns of names as shells have them: `*` is any characters (dots and slashes, too), `?` is one, `[a-c]` one of a set,
 * `[!a-c]` one of the others, `{a,b}` either text, `\` takes the meaning off what follows.
 *
 * Names come from files and may be of any length, so a match takes at most (pattern × name) steps, whatever either holds:
 * libraries compile a pattern into a regular expression, which backtracks for minutes on `*a*a*b` and 4 000 characters.
 */

type Token = '*' | '?' | { readonly text: string } | { readonly set: readonly Range[]; readonly others: boolean };

/** First and last character. */
type Range = readonly [string, string];

/** Texts that braces may stand for: a person lists some, `{a,b}{a,b}…` doubles with each pair. */
const MAX_ALTERNATIVES = 1024;

/**
 * A test of names.
 *
 * @throws RangeError where the braces stand for more than `MAX_ALTERNATIVES` texts
 */
export function globMatcher(pattern: string): (name: string) => boolean {
  const alternatives = expanded(pattern).map(tokensOf);
  return (name) => {
    const characters = Array.from(name);
    return alternatives.some((tokens) => matches(tokens, characters));
  };
}

/** Goes back to the last star only: an earlier one could not match more by taking more. */
function matches(tokens: readonly Token[], name: readonly string[]): boolean {
  let token = 0;
  let at = 0;
  let star = -1;
  let resume = 0;
  while (at < name.length) {
    if (token < tokens.length && tokens[token] === '*') {
      star = token++;
      resume = at;
    } else if (token < tokens.length && fits(tokens[token]!, name[at]!)) {
      token++;
      at++;
    } else if (star >= 0) {
      token = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  while (tokens[token] === '*') token++;
  return token === tokens.length;
}

function fits(token: Token, character: string): boolean {
  if (token === '?') return true;
  if (token === '*') return false;
  if ('text' in token) return token.text === character;
  return token.set.some(([first, last]) => character >= first && character <= last) !== token.others;
}

function tokensOf(pattern: string): Token[] {
  const characters = Array.from(pattern);
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    const set = character === '[' ? setAt(characters, at) : undefined;
    if (set) {
      tokens.push(set.token);
      at = set.end;
    } else if (character === '*') {
      if (tokens.at(-1) !== '*') tokens.push('*');
    } else if (character === '?') {
      tokens.push('?');
    } else {
      if (character === '\\' && at + 1 < characters.length) at++;
      tokens.push({ text: characters[at]! });
    }
  }
  return tokens;
}

/** The set that begins at `[`, and where its `]` is; undefined where there is none, which makes the bracket a text. */
function setAt(characters: readonly string[], start: number): { token: Token; end: number } | undefined {
  const others = characters[start + 1] === '!' || characters[start + 1] === '^';
  const first = start + (others ? 2 : 1);
  const set: Range[] = [];
  for (let at = first; at < characters.length; at++) {
    // A bracket that comes first is one of the set.
    if (characters[at] === ']' && at > first) return { token: { set, others }, end: at };
    if (characters[at] === '\\' && at + 1 < characters.length) at++;
    const from = characters[at]!;
    const last = characters[at + 2];
    if (characters[at + 1] === '-' && last !== undefined && last !== ']') {
      set.push([from, last]);
      at += 2;
    } else {
      set.push([from, from]);
    }
  }
  return undefined;
}

/** The patterns without braces that a pattern stands for. Braces without a comma are text. */
function expanded(pattern: string): string[] {
  const done: string[] = [];
  const open = [pattern];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const braces = bracesIn(next);
    if (braces) for (const part of braces.parts) open.push(next.slice(0, braces.start) + part + next.slice(braces.end));
    else done.push(next);
    if (open.length + done.length > MAX_ALTERNATIVES) {
      throw new RangeError(`the braces of "${pattern}" stand for more than ${MAX_ALTERNATIVES} texts`);
    }
  }
  return done;
}

/** The first braces with a comma: what is between its commas, and where they are. */
function bracesIn(pattern: string): { start: number; end: number; parts: string[] } | undefined {
  const open: { start: number; cuts: number[] }[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === '\\') at++;
    else if (character === '{') open.push({ start: at, cuts: [at] });
    else if (character === ',') open.at(-1)?.cuts.push(at);
    else if (character === '}') {
      const closed = open.pop();
      if (!closed || closed.cuts.length === 1) continue;
      const { start, cuts } = closed;
      return { start, end: at + 1, parts: cuts.map((cut, i) => pattern.slice(cut + 1, cuts[i + 1] ?? at)) };
    }
  }
  return undefined;
}
