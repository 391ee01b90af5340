/**
 * Where in Python a tensor's name is expected: the key of a dictionary of tensors, the argument of `get_tensor`. And which
 * checkpoint the dictionary was loaded from, where the source says so.
 */

export interface ExpectedName {
  /** What is typed of the name so far: from the quote to the cursor. */
  typed: string;
  quote: '"' | "'";
  /** The path or model that the dictionary was loaded from, if the source says so. */
  loadedFrom?: string;
}

/** Characters of a line before the cursor that are looked at. */
const REACH = 400;

/** `name["…`, `name.state_dict()["…`, `name["model"]["…`, `name.get("…`, `f.get_tensor("…`, up to the cursor. The first group is the dictionary. */
const SUBSCRIPT = /(?:^|[^\w.])([A-Za-z_][\w.]{0,80})(?:\(\)|\[["']\w{1,40}["']\])?\[\s?[rR]?(["'])([^"'\\]{0,300})$/;
const CALL = /(?:^|[^\w.])([A-Za-z_][\w.]{0,80})\.(get_tensor|get_slice|get|pop)\(\s?[rR]?(["'])([^"'\\]{0,300})$/;

/** Names of dictionaries of tensors; what is only called so is one, too. */
const CALLED = /(?:^|[._])(?:sd|state|state_?dict|state_?dicts|weights|tensors|ckpt|checkpoint)\d{0,2}$|state_?dict/i;

/** Functions whose result is one. */
const MAKES = /\b(?:load|load_file|load_state_dict|state_dict|safe_open)\(/;

/** `name = …` at the beginning of a line, or `with … as name:`. */
const ASSIGNMENT = /^[ \t]{0,40}([A-Za-z_]\w{0,80})(?:\s?:[^=\n]{1,60})?\s?=(?!=)(.{1,400})$/;
const CONTEXT = /\bwith\s(.{1,400})\bas\s([A-Za-z_]\w{0,80})\s{0,4}:/;

/** The first string in a call that loads. */
const FIRST_STRING = /\b(?:load|load_file|safe_open)\(\s?(?:\w{1,40}\s?=\s?)?(?:Path\()?[rRb]?(["'])([^"'\n]{1,300})\1/;

/** Lines above the cursor that may say what a variable is. */
const MOST_LINES = 5000;

/**
 * @param line up to the cursor
 * @param above the lines before it, in their order
 * @returns undefined where no tensor's name is expected
 */
export function expectedName(line: string, above: readonly string[]): ExpectedName | undefined {
  const text = line.slice(-REACH);
  const subscript = SUBSCRIPT.exec(text);
  const call = subscript ? null : CALL.exec(text);
  const dictionary = subscript?.[1] ?? call?.[1];
  if (dictionary === undefined) return undefined;
  const [quote, typed] = subscript ? [subscript[2], subscript[3]] : [call![3], call![4]];
  const loaded = loadedAs(dictionary, above);
  const isClear = call?.[2] === 'get_tensor' || call?.[2] === 'get_slice';
  if (!isClear && !loaded && !CALLED.test(dictionary)) return undefined;
  return {
    typed: typed!,
    quote: quote as ExpectedName['quote'],
    ...(loaded?.from !== undefined && { loadedFrom: loaded.from }),
  };
}

/** What the last assignment to a variable says. @returns undefined where none makes a dictionary of tensors */
function loadedAs(variable: string, above: readonly string[]): { from?: string } | undefined {
  const first = Math.max(0, above.length - MOST_LINES);
  for (let index = above.length - 1; index >= first; index--) {
    const line = above[index]!;
    // Most lines do not name it: they are not looked at.
    if (!line.includes(variable)) continue;
    const [, assigned, value] = ASSIGNMENT.exec(line) ?? [];
    const [, opened, name] = CONTEXT.exec(line) ?? [];
    const made = assigned === variable ? value : name === variable ? opened : undefined;
    if (made === undefined) continue;
    if (!MAKES.test(made)) return undefined;
    const from = FIRST_STRING.exec(made)?.[2];
    return from === undefined ? {} : { from };
  }
  return undefined;
}
