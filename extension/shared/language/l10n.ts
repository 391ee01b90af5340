/**
 * Sentences in the reader's language. The English sentence stands in the code and is the key to its translation in
 * `media/l10n/`. Host and page call `useBundle` in the first module they evaluate, so that tables of sentences are
 * translated, too. The engine and the terminal never do: files, plans and caches are English, and what the engine answers
 * is translated where it is shown (`known`). VS Code's `vscode.l10n.t` serves the host only; page and host share code.
 */

export type Bundle = Readonly<Record<string, string>>;

let bundle: Bundle = {};

/** Highest placeholder that a sentence may have. */
type Numbers = ['0', '1', '2', '3', '4', '5', '6', '7'];

/** As many values as the sentence has placeholders: {0}, {1}, … */
type Values<M extends string, V, Rest = Numbers> = Rest extends [infer N extends string, ...infer More]
  ? M extends `${string}{${N}}${string}`
    ? [value: V, ...Values<M, V, More>]
    : []
  : [];

/** A sentence that is put together while the program runs has no translation: only literals are taken. */
type Literal<M extends string> = string extends M ? never : M;

const PLACEHOLDER = /\{(\d)\}/;

function translated(message: string): string {
  return Object.hasOwn(bundle, message) ? bundle[message]! : message;
}

function piecesOf<V>(message: string, values: readonly V[]): (string | V)[] {
  return filledIn(translated(message), values);
}

function filledIn<V>(sentence: string, values: readonly V[]): (string | V)[] {
  return sentence
    .split(PLACEHOLDER)
    .map((piece, index) => (index % 2 === 0 ? piece : values[Number(piece)]!))
    .filter((piece) => piece !== '');
}

function joined(message: string, values: readonly (string | number)[]): string {
  return piecesOf(message, values).join('');
}

/** Behind the key of a sentence that `english` makes and `known` translates. */
const KNOWN = '/known';

/** Texts whose translation is kept. */
const MOST_KNOWN = 2000;
const knownTexts = new Map<string, string>();

/** Sentences with placeholders that `known` looks for: the longest first, which says most. */
let patterns: { pieces: readonly string[]; translation: string }[] = [];

function patternsOf(translations: Bundle): typeof patterns {
  return Object.entries(translations)
    .filter(([key]) => key.endsWith(KNOWN) && PLACEHOLDER.test(key))
    .map(([key, translation]) => ({ pieces: key.slice(0, -KNOWN.length).split(PLACEHOLDER), translation }))
    .sort((a, b) => b.pieces.join('').length - a.pieces.join('').length);
}

function translatedText(text: string): string {
  const whole = text + KNOWN;
  if (Object.hasOwn(bundle, whole)) return bundle[whole]!;
  for (const { pieces, translation } of patterns) {
    const values = valuesIn(text, pieces);
    // A value without a space may be a name, which stays what it is.
    if (values)
      return filledIn(
        translation,
        values.map((each) => (each.includes(' ') ? l10n.known(each) : each)),
      ).join('');
  }
  return text;
}

/** @param pieces text, number of a placeholder, text, … @returns values by number; undefined if the text is another one */
function valuesIn(text: string, pieces: readonly string[]): string[] | undefined {
  if (!text.startsWith(pieces[0]!)) return undefined;
  const values: string[] = [];
  let at = pieces[0]!.length;
  for (let i = 2; i < pieces.length; i += 2) {
    const next = pieces[i]!;
    const isLast = i === pieces.length - 1;
    const end = isLast ? text.length - next.length : text.indexOf(next, at + 1);
    if (end <= at || (isLast && !text.endsWith(next))) return undefined;
    values[Number(pieces[i - 1])] = text.slice(at, end);
    at = end + next.length;
  }
  return values;
}

export const l10n = {
  /** @param translations English sentence → the reader's; sentences that it lacks stay English */
  useBundle(translations: Bundle): void {
    bundle = translations;
    patterns = patternsOf(translations);
    knownTexts.clear();
  },

  /**
   * @param message an English sentence with {0}, {1}, … for the values
   * @param values numbers have to be formatted before: they are only written out here
   */
  t<const M extends string>(message: Literal<M>, ...values: Values<M, string | number>): string {
    return joined(message, values);
  },

  /**
   * The sentence for a count of 1, or that for any other.
   *
   * @param one has the placeholders of `many`, or some of them
   */
  many<const One extends string, const M extends string>(
    count: number,
    one: Literal<One>,
    many: Literal<M>,
    ...values: Values<M, string | number>
  ): string {
    return joined(count === 1 ? one : many, values);
  },

  /** The sentence with its placeholders, for one who fills them in later. */
  words<const M extends string>(message: Literal<M>): string {
    return translated(message);
  },

  /**
   * The English sentence, for plans, caches and answers of the engine. `known` translates it where a person reads it.
   */
  english<const M extends string>(message: Literal<M>, ...values: Values<M, string | number>): string {
    return filledIn(message, values).join('');
  },

  /** What `make` says in English, for programs: other extensions and language models. Ends before anything is awaited. */
  inEnglish<T>(make: () => T): T {
    const kept = bundle;
    bundle = {};
    try {
      return make();
    } finally {
      bundle = kept;
    }
  },

  /** Translates what `english` made, values that are such sentences included. Anything else comes back as it is. */
  known(text: string): string {
    if (knownTexts.size >= MOST_KNOWN) knownTexts.clear();
    let found = knownTexts.get(text);
    if (found === undefined) knownTexts.set(text, (found = translatedText(text)));
    return found;
  },

  /** The sentence in pieces, for values that are no text: links, code, marks. */
  pieces<const M extends string, V>(message: Literal<M>, ...values: Values<M, V>): (string | V)[] {
    return piecesOf<V>(message, values);
  },
};

/** The bundle as text of a file or a page. @throws SyntaxError; Error if it is no list of sentences */
export function parseBundle(text: string): Bundle {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Object.values(value).some((each) => typeof each !== 'string')) {
    throw new Error('A bundle of translations has to be an object of texts.');
  }
  return value as Bundle;
}
