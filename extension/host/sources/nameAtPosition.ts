/** Finds the text under the cursor that could be a layer's name: string literals, dotted identifiers, paths in logs. */

/** Characters either side of the cursor that are looked at: longer names do not occur, longer lines (minified JSON) do. */
const REACH = 400;

export interface NameCandidate {
  text: string;
  /** Columns in the line, end exclusive. */
  start: number;
  end: number;
}

/** Dotted and slashed names with indices: `model.layers[0].q_proj`, `encoder/l0/kernel`. */
const WIDE = /[\w./:[\]-]/;
const NARROW = /[\w.]/;

/**
 * Candidates at a column, the most telling first: the string literal around it, then names without quotes; each with
 * what follows the part under the cursor taken off step by step, for `layers[0].q_proj.weight.data`.
 */
export function namesAt(line: string, column: number): NameCandidate[] {
  const start = Math.max(0, column - REACH);
  const window = line.slice(start, column + REACH);
  const at = column - start;
  const found = [literalAt(window, at), runAt(window, at, WIDE), runAt(window, at, NARROW)];
  const candidates: NameCandidate[] = [];
  for (const candidate of found.flatMap((whole) => (whole ? shortened(whole, at) : []))) {
    if (candidates.some(({ text }) => text === candidate.text)) continue;
    candidates.push({ text: candidate.text, start: start + candidate.start, end: start + candidate.end });
  }
  return candidates;
}

/** The name itself, then without its last part, and so on as long as the cursor is within. */
function shortened(whole: NameCandidate, column: number): NameCandidate[] {
  const names = [whole];
  for (let text = whole.text; ;) {
    const cut = Math.max(text.lastIndexOf('.'), text.lastIndexOf('/'));
    if (cut <= 0 || whole.start + cut < column) return names;
    text = text.slice(0, cut);
    names.push({ text, start: whole.start, end: whole.start + cut });
  }
}

/** Content of the literal in one line that holds the column, quotes not included. */
function literalAt(text: string, column: number): NameCandidate | undefined {
  const literal = /(["'`])((?:\\.|(?!\1)[^\\])*)\1/g;
  for (let match = literal.exec(text); match && match.index <= column; match = literal.exec(text)) {
    const start = match.index + 1;
    const end = literal.lastIndex - 1;
    if (column >= match.index && column <= end && end > start) return { text: match[2] ?? '', start, end };
  }
  return undefined;
}

function runAt(text: string, column: number, allowed: RegExp): NameCandidate | undefined {
  let start = column;
  let end = column;
  while (start > 0 && allowed.test(text[start - 1] ?? '')) start -= 1;
  while (end < text.length && allowed.test(text[end] ?? '')) end += 1;
  // Punctuation of the sentence around the name.
  while (end > start && /[./:[-]/.test(text[end - 1] ?? '')) end -= 1;
  while (start < end && /[./:\]-]/.test(text[start] ?? '')) start += 1;
  return column >= start && column <= end && end > start ? { text: text.slice(start, end), start, end } : undefined;
}
