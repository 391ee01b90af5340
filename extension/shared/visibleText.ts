/**
 * Makes names, types and paths from files safe to show. A file's author chose them: a terminal obeys an escape, a
 * direction override reverses what follows, and a space of no width makes two names look like one.
 *
 * @see https://www.unicode.org/reports/tr36/ visual spoofing
 * @see https://owasp.org/www-community/attacks/CSV_Injection
 */

/** Control and format characters, separators of lines, halves of pairs, and what Unicode says is drawn as nothing. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** The line breaks of JSON are the layout's: in strings they are escaped already. */
const UNSEEN_IN_JSON = new RegExp(`(?!\\n)${UNSEEN.source}`, UNSEEN.flags);

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** What a program that opens a table may run: cells that begin so, also behind spaces. `＝＋－＠` count in some languages. */
const FORMULA = /^['\s]*[=+\-@＝＋－＠]/u;

/** Characters of a cell; the longest names of real checkpoints have some 90. */
export const MAX_CELL = 100;

/** The text in one line with every character that is not seen as its escape, `\u202e`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => SHORT_ESCAPES[character] ?? jsonEscape(character));
}

/** The same JSON with every character that is not seen as its escape: programs read it as it was. */
export function visibleJson(json: string): string {
  return json.replace(UNSEEN_IN_JSON, jsonEscape);
}

/** A text for a table of a spreadsheet, where one that would be a formula begins with `'`. Not for numbers. */
export function visibleCell(text: string): string {
  const shown = visible(text);
  return FORMULA.test(shown) ? `'${shown}` : shown;
}

/** A visible text of at most `most` characters, without its middle where it is longer. */
export function shortCell(text: string, most = MAX_CELL): string {
  const characters = Array.from(visible(text));
  if (characters.length <= most) return characters.join('');
  const start = Math.floor((most - 1) / 2);
  return `${characters.slice(0, start).join('')}…${characters.slice(start + 1 - most).join('')}`;
}

function jsonEscape(character: string): string {
  return Array.from({ length: character.length }, (_, unit) => {
    return `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`;
  }).join('');
}
