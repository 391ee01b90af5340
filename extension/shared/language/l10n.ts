/**
 * Sentences in the reader's language. The English sentence stands in the code and is the key to its translation in
 * `media/l10n/`. Every process calls `useBundle` in the first module it evaluates, so that tables of sentences are
 * translated, too. VS Code's `vscode.l10n.t` does the same for its own process only; the page and the engine read these
 * sentences as well.
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
  return translated(message)
    .split(PLACEHOLDER)
    .map((piece, index) => (index % 2 === 0 ? piece : values[Number(piece)]!))
    .filter((piece) => piece !== '');
}

function joined(message: string, values: readonly (string | number)[]): string {
  return piecesOf(message, values).join('');
}

export const l10n = {
  /** @param translations English sentence → the reader's; sentences that it lacks stay English */
  useBundle(translations: Bundle): void {
    bundle = translations;
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
