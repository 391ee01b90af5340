/** Strings that name a checkpoint: the argument of a call that loads one, or a path that ends as checkpoints do. */
import { isCheckpointName } from '../../shared/names/checkpointNames';
import { MAX_SOURCE, pythonStrings } from './pythonStrings';

const LOADERS =
  'load|load_file|safe_open|from_pretrained|from_single_file|load_model|load_weights|load_checkpoint|load_adapter|' +
  'snapshot_download|hf_hub_download|InferenceSession|GGUFReader|Llama|File';

/** What stands before the argument, by its last part: `torch.load(`, `AutoModel.from_pretrained(`, `load_file(filename=`. */
const CALL = new RegExp(String.raw`\b(?:${LOADERS})\(\s*(?:\w{1,40}\s*=\s*)?(?:(?:Path|str)\(\s*)?[rRbuf]?$`);

/** The same where a variable is the argument. */
const VARIABLE_CALL = new RegExp(
  String.raw`\b(?:${LOADERS})\(\s*(?:\w{1,40}\s*=\s*)?(?:str\()?([A-Za-z_]\w{0,80})\s*[,)]`,
  'g',
);

/** `NAME = "…"` or `NAME = Path("…")`, at the beginning of a line. */
const ASSIGNED = /(?:^|\n)[ \t]*([A-Za-z_]\w{0,80})(?::[^=\n]{1,40})?[ \t]*=[ \t]*(?:Path\()?[rRbu]?$/;

const REACH = 120;

/** @param start column of the string's first character, behind its quote */
export function namesCheckpoint(line: string, start: number, text: string): boolean {
  return isCheckpointName(text) || CALL.test(line.slice(Math.max(0, start - 1 - REACH), Math.max(0, start - 1)));
}

export interface LoadedPath {
  /** What the source says: a path, or a model of the hub. */
  written: string;
  /** Offset of the call's argument in the source. */
  at: number;
}

/**
 * The arguments of calls in Python source that load a checkpoint: strings, and variables that a string was assigned to
 * before. In the order of the source.
 */
export function loadedPaths(source: string): LoadedPath[] {
  const strings = pythonStrings(source);
  const loaded: LoadedPath[] = [];
  const assigned: { name: string; text: string; at: number }[] = [];
  for (const { text, start, before } of strings) {
    if (text === '' || text.includes('\n')) continue;
    if (CALL.test(before)) loaded.push({ written: text, at: start });
    const name = ASSIGNED.exec(before)?.[1];
    if (name !== undefined) assigned.push({ name, text, at: start });
  }
  if (assigned.length === 0) return loaded;
  const code = withoutStrings(source, strings);
  for (const match of code.matchAll(VARIABLE_CALL)) {
    const at = match.index + match[0].lastIndexOf(match[1]!);
    const value = assigned.findLast(({ name, at: place }) => name === match[1] && place < at);
    if (value) loaded.push({ written: value.text, at });
  }
  return loaded.sort((a, b) => a.at - b.at);
}

/** The same length, with blanks in place of what stands in strings: text that looks like a call is none. */
function withoutStrings(source: string, strings: readonly { start: number; end: number }[]): string {
  const parts: string[] = [];
  let done = 0;
  for (const { start, end } of strings) {
    parts.push(source.slice(done, start), ' '.repeat(end - start));
    done = end;
  }
  parts.push(source.slice(done, MAX_SOURCE));
  return parts.join('');
}
