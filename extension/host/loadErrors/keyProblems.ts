/**
 * Finds what programs say of keys that do not fit between a model and a checkpoint, in a log or a terminal's line:
 * PyTorch's `load_state_dict`, transformers' warnings and its load report, and safetensors' refusal.
 *
 * @see https://github.com/pytorch/pytorch torch/nn/modules/module.py (`load_state_dict`)
 * @see https://github.com/huggingface/transformers src/transformers/utils/loading_report.py; before version 5 the warnings
 *   in modeling_utils.py
 */

export interface KeyProblem {
  /** The model wants what the checkpoint has not, the other way round, or both have it in different shapes. */
  kind: 'missing' | 'unexpected' | 'shape';
  /** The key. Of a row that stands for several (`h.{0...11}.ln`), the first. */
  name: string;
  /** Offsets of the key in the text. */
  start: number;
  end: number;
  /** As the message has them, for `shape`. */
  shapes?: { checkpoint: number[]; model: number[] };
}

/** Characters of a line that are read: a message about a large model lists thousands of keys in one. */
const MAX_LINE = 256 * 1024;

/** Keys of one text. */
const MAX_KEYS = 10_000;

const SIZE = String.raw`torch\.Size\(\[([\d, ]{0,100})\]\)`;

/** One key and its two shapes, the checkpoint's first. */
const SHAPES = [
  new RegExp(
    String.raw`\bsize mismatch for (\S{1,1000}): copying a param with shape ${SIZE} from checkpoint, the shape in current model is ${SIZE}`,
    'd',
  ),
  new RegExp(
    String.raw`^\s{0,20}- (\S{1,1000}): found shape ${SIZE} in the checkpoint and ${SIZE} in the model instantiated`,
    'd',
  ),
  new RegExp(
    String.raw`^(\S[^|]{0,1000}\S)\s*\|[^|]{0,40}MISMATCH[^|]{0,40}\|.{0,200}ckpt: ${SIZE} vs model: ?${SIZE}`,
    'd',
  ),
];

/** What begins a list of keys in quotes, which ends with the line or with a bracket. */
const LISTS: readonly (readonly [RegExp, KeyProblem['kind']])[] = [
  [/Missing key\(s\) in state_dict: ?/g, 'missing'],
  [/Unexpected key\(s\) in state_dict: ?/g, 'unexpected'],
  [/\bmissing_keys=\[/g, 'missing'],
  [/\bunexpected_keys=\[/g, 'unexpected'],
  [/were not used when initializing \w{1,200}: \[/g, 'unexpected'],
  [/and are newly initialized: \[/g, 'missing'],
];

/** One key alone. A `KeyError` is about a tensor if its key looks like one. */
const ALONE: readonly (readonly [RegExp, KeyProblem['kind']])[] = [
  [/File does not contain tensor (\S{1,1000})/d, 'missing'],
  [/\bKeyError: ['"]([\w-]{1,200}(?:\.[\w-]{1,200}){2,40})['"]/d, 'missing'],
  [/^(\S[^|]{0,1000}\S)\s*\|[^|]{0,40}MISSING[^|]{0,40}\|/d, 'missing'],
  [/^(\S[^|]{0,1000}\S)\s*\|[^|]{0,40}UNEXPECTED[^|]{0,40}\|/d, 'unexpected'],
];

/** A row of the report that stands for several keys: `{0, 1}`, `{0...11}`. */
const SEVERAL = /\{(\d{1,9})(?:, |\.\.\.)[\d, .]{0,200}\}/g;

/** Any of these words is in each message: most lines have none. */
const WORTH = /mismatch|key\(s\)|_keys=|initial|contain tensor|KeyError|MISSING|UNEXPECTED|MISMATCH|in the checkpoint/;

/** In the order of the text. */
export function keyProblems(text: string): KeyProblem[] {
  const problems: KeyProblem[] = [];
  for (let start = 0; start < text.length && problems.length < MAX_KEYS;) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, Math.min(end, start + MAX_LINE));
    if (WORTH.test(line)) {
      for (const problem of problemsIn(line)) {
        problems.push({ ...problem, start: start + problem.start, end: start + problem.end });
      }
    }
    start = end + 1;
  }
  return problems.slice(0, MAX_KEYS);
}

function problemsIn(line: string): KeyProblem[] {
  for (const expression of SHAPES) {
    const match = expression.exec(line);
    const [, , checkpoint, model] = match ?? [];
    if (!match || checkpoint === undefined || model === undefined) continue;
    return [{ kind: 'shape', ...placed(match), shapes: { checkpoint: sizes(checkpoint), model: sizes(model) } }];
  }
  for (const [expression, kind] of ALONE) {
    const match = expression.exec(line);
    if (match) return [{ kind, ...placed(match) }];
  }
  return LISTS.flatMap(([beginning, kind]) =>
    [...line.matchAll(beginning)].flatMap((match) =>
      quotedKeys(line, match.index + match[0].length).map((key): KeyProblem => ({ kind, ...key })),
    ),
  );
}

/** The first group is the key. */
function placed(match: RegExpExecArray): Pick<KeyProblem, 'name' | 'start' | 'end'> {
  const [start, end] = match.indices![1]!;
  return { name: match[1]!.replace(SEVERAL, '$1'), start, end };
}

/** The keys of a list, each in quotes, with nothing but commas between them. */
function quotedKeys(line: string, from: number): Pick<KeyProblem, 'name' | 'start' | 'end'>[] {
  const keys: Pick<KeyProblem, 'name' | 'start' | 'end'>[] = [];
  for (let at = from; at < line.length && keys.length < MAX_KEYS;) {
    const quote = line[at];
    if (quote !== '"' && quote !== "'") return keys;
    const end = line.indexOf(quote, at + 1);
    // A line that was cut off: half a name is none.
    if (end < 0) return keys;
    keys.push({ name: line.slice(at + 1, end), start: at + 1, end });
    at = end + 1;
    if (!line.startsWith(', ', at)) return keys;
    at += 2;
  }
  return keys;
}

function sizes(written: string): number[] {
  return written
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
}
