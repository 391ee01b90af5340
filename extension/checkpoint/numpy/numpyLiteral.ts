/**
 * The Python literal that heads a NumPy file, read by a grammar of its own: texts, whole numbers, True, False, None,
 * tuples, lists and dictionaries. Anything else, and so everything that Python would have to evaluate, is an error.
 *
 * @see https://docs.python.org/3/library/ast.html#ast.literal_eval
 */

/** NumPy nests a structured type's fields; its own headers are at most a few levels deep. */
const MAX_DEPTH = 32;

export type Literal = string | number | boolean | null | readonly Literal[] | ReadonlyMap<string, Literal>;

export function isSequence(value: Literal | undefined): value is readonly Literal[] {
  return Array.isArray(value);
}

export function isDictionary(value: Literal): value is ReadonlyMap<string, Literal> {
  return value instanceof Map;
}

export class LiteralError extends Error {
  constructor(
    message: string,
    /** Character at which it went wrong. */
    readonly at: number,
  ) {
    super(message);
  }
}

const SPACE = /[ \t\r\n]*/y;
const TEXT = /'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"/y;
/** Python 2 wrote `L` behind long numbers. */
const NUMBER = /(-?\d{1,20})L?(?![\w.])/y;
const WORD = /(True|False|None)(?!\w)/y;
const WORDS: Readonly<Record<string, Literal>> = { True: true, False: false, None: null };

/** @throws LiteralError where `text` is not one literal and nothing but space behind it */
export function parseLiteral(text: string): Literal {
  const parser = new LiteralParser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

class LiteralParser {
  private at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): Literal {
    if (depth > MAX_DEPTH) throw new LiteralError(`is nested deeper than ${MAX_DEPTH} levels`, this.at);
    this.match(SPACE);
    switch (this.text[this.at]) {
      case '{':
        return this.dictionary(depth);
      case '(':
        return this.sequence(')', depth);
      case '[':
        return this.sequence(']', depth);
    }
    const text = this.match(TEXT);
    if (text) return text[1] ?? text[2]!;
    const number = this.match(NUMBER);
    if (number) return Number(number[1]);
    const word = this.match(WORD);
    if (word) return WORDS[word[1]!]!;
    throw new LiteralError('is not a literal of Python', this.at);
  }

  end(): void {
    this.match(SPACE);
    if (this.at < this.text.length) throw new LiteralError('goes on behind its literal', this.at);
  }

  private dictionary(depth: number): Literal {
    const pairs = new Map<string, Literal>();
    this.items('}', () => {
      const at = this.at;
      const key = this.value(depth + 1);
      if (typeof key !== 'string') throw new LiteralError('has a key that is not text', at);
      if (pairs.has(key)) throw new LiteralError(`has the key ${JSON.stringify(key)} twice`, at);
      this.match(SPACE);
      if (this.text[this.at] !== ':') throw new LiteralError('lacks a colon', this.at);
      this.at++;
      pairs.set(key, this.value(depth + 1));
    });
    return pairs;
  }

  /** One item in parentheses without a comma is a tuple too: no header means anything else by it. */
  private sequence(close: string, depth: number): Literal {
    const items: Literal[] = [];
    this.items(close, () => items.push(this.value(depth + 1)));
    return items;
  }

  private items(close: string, item: () => void): void {
    this.at++;
    for (;;) {
      this.match(SPACE);
      if (this.text[this.at] === close) break;
      item();
      this.match(SPACE);
      if (this.text[this.at] === ',') this.at++;
      else if (this.text[this.at] !== close) throw new LiteralError(`lacks a comma or "${close}"`, this.at);
    }
    this.at++;
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }
}
