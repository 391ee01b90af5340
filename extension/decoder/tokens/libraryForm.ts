/**
 * A tokenizer's steps in the words in which `@huggingface/tokenizers` gives the ids that the original library (Rust) does.
 * The JavaScript library takes JavaScript's `\s`, `\d` and `\w` in some steps and leaves out options of others; each of these steps
 * is put as a split by a regular expression, which it reads as the original does.
 *
 * @see https://docs.rs/tokenizers/latest/tokenizers/pre_tokenizers
 */
import { CheckpointError } from '../../checkpoint/checkpointError';
import type { Step, TokenizerForm } from './tokenizerForm';

/** What ByteLevel splits by: GPT-2's own expression. */
export const GPT2_WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** ASCII's own and Unicode's. */
const PUNCTUATION = String.raw`[\p{P}!-/:-@\[-\x60{-~]`;

/** `\\w` of Rust's expressions, which has the joiners, too. */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d`;

const ACCENT = String.raw`\p{Mn}`;

/** What BERT takes out, and puts between spaces. */
const NO_TEXT = String.raw`(?![\t\n\r])[\x00\ufffd\p{Cc}\p{Cf}\p{Co}]`;
const CHINESE = String.raw`[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]`;

/** Letter by letter: JavaScript would make the last sigma of a word another letter. */
const LOWERCASE: Step = normalizers([replaced('Σ', 'σ'), { type: 'Lowercase' }]);

const ANY = String.raw`[\s\S]`;

/**
 * @param file for messages
 * @throws CheckpointError `unsupported`, with the name of a step or an option that has no equal here
 */
export function libraryForm(form: TokenizerForm, file: string): TokenizerForm {
  for (const { content, single_word: whole } of form.added_tokens) {
    if (whole)
      throw unsupported(`has the added token ${JSON.stringify(content)}, which counts as a whole word only`, file);
  }
  const normalizer = form.normalizer && normalizerForm(form.normalizer, file);
  const pre_tokenizer = form.pre_tokenizer && preTokenizerForm(form.pre_tokenizer, file);
  return { ...form, normalizer, pre_tokenizer, model: modelForm(form.model, file) };
}

function normalizerForm(step: Step, file: string): Step {
  switch (step.type) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
    case 'Prepend':
    case 'Strip':
      return step;
    case 'Sequence':
      return normalizers(steps(step['normalizers'], 'normalizer', file).map((one) => normalizerForm(one, file)));
    case 'Replace':
      // A dollar sign has a meaning in JavaScript's replacements.
      return replaced(regexOf(step['pattern'], file), textOf(step['content'], '').replaceAll('$', '$$$$'));
    case 'StripAccents':
      return replaced(ACCENT, '');
    case 'Lowercase':
      return LOWERCASE;
    case 'BertNormalizer':
      return bertForm(step);
    default:
      throw unsupported(`normalises by ${step.type}`, file);
  }
}

function bertForm(step: Step): Step {
  const lowercase = step['lowercase'] === true;
  const stripped = step['strip_accents'] ?? lowercase;
  return normalizers([
    ...(step['clean_text'] === false ? [] : [replaced(NO_TEXT, ''), replaced(String.raw`\s`, ' ')]),
    ...(step['handle_chinese_chars'] === false ? [] : [replaced(CHINESE, ' $& ')]),
    ...(stripped === true ? [{ type: 'NFD' }, replaced(ACCENT, '')] : []),
    ...(lowercase ? [LOWERCASE] : []),
  ]);
}

function normalizers(list: readonly Step[]): Step {
  return { type: 'Sequence', normalizers: list };
}

function replaced(regex: string, content: string): Step {
  return { type: 'Replace', pattern: { Regex: regex }, content };
}

function preTokenizerForm(step: Step, file: string): Step {
  switch (step.type) {
    case 'Sequence':
      return sequence(steps(step['pretokenizers'], 'pre-tokenizer', file).map((one) => preTokenizerForm(one, file)));
    case 'ByteLevel':
      return byteLevelForm(step);
    case 'Split':
      return splitForm(regexOf(step['pattern'], file), textOf(step['behavior'], 'none'), step['invert'] === true, file);
    case 'Digits':
      return isolated(step['individual_digits'] === true ? String.raw`\p{N}` : String.raw`\p{N}+`);
    case 'Punctuation':
      return splitForm(PUNCTUATION, textOf(step['behavior'], 'Isolated'), false, file);
    case 'Whitespace':
      return matches(String.raw`[${WORD}]+|[^${WORD}\s]+`);
    case 'WhitespaceSplit':
      return matches(String.raw`\S+`);
    case 'CharDelimiterSplit':
      return splitForm(escaped(textOf(step['delimiter'], ' ')), 'Removed', false, file);
    case 'BertPreTokenizer':
      return sequence([matches(String.raw`\S+`), isolated(PUNCTUATION)]);
    case 'Metaspace':
      return metaspaceForm(step, file);
    case 'FixedLength':
      throw unsupported('splits by FixedLength', file);
    default:
      throw unsupported(`splits by ${step.type}`, file);
  }
}

function byteLevelForm({ add_prefix_space: prefix, use_regex: words }: Step): Step {
  const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
  return sequence([
    // Puts a space in front of what does not begin with one.
    ...(prefix === true ? [{ type: 'Metaspace', replacement: ' ', prepend_scheme: 'always' }] : []),
    ...(words === false ? [] : [isolated(GPT2_WORDS)]),
    bytes,
  ]);
}

function metaspaceForm(step: Step, file: string): Step {
  const replacement = typeof step['replacement'] === 'string' ? step['replacement'] : '▁';
  const scheme = step['prepend_scheme'] ?? (step['add_prefix_space'] === false ? 'never' : 'always');
  const spaces = { type: 'Metaspace', replacement, prepend_scheme: scheme };
  if (step['split'] === false) return spaces;
  return sequence([spaces, splitForm(escaped(replacement), 'MergedWithNext', false, file)]);
}

/** A split by a regular expression: what becomes of a match, and of what is between two. */
function splitForm(regex: string, behavior: string, invert: boolean, file: string): Step {
  const between = String.raw`(?:(?!${regex})${ANY})+`;
  switch (`${behavior}${invert ? ' inverted' : ''}`) {
    case 'Isolated':
    case 'Isolated inverted':
      return isolated(regex);
    case 'Contiguous':
      return isolated(`(?:${regex})+`);
    case 'Removed inverted':
      return matches(regex);
    case 'Removed':
      return matches(between);
    case 'MergedWithPrevious':
      return matches(String.raw`${ANY}*?(?:${regex})|${ANY}+`);
    case 'MergedWithNext':
      return matches(String.raw`(?:${regex})(?:(?!${regex})${ANY})*|${between}`);
    default:
      throw unsupported(`splits by a pattern with the behavior ${behavior}${invert ? ', inverted' : ''}`, file);
  }
}

/** Matches and what is between them. */
function isolated(regex: string): Step {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false };
}

/** Matches alone. */
function matches(regex: string): Step {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Removed', invert: true };
}

function sequence(pretokenizers: readonly Step[]): Step {
  return { type: 'Sequence', pretokenizers };
}

function regexOf(pattern: unknown, file: string): string {
  const { Regex: regex, String: text } = (pattern ?? {}) as { Regex?: unknown; String?: unknown };
  if (typeof regex === 'string') return regex;
  if (typeof text === 'string') return escaped(text);
  throw new CheckpointError('malformed', 'splits by a pattern that is neither "Regex" nor "String"', { file });
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

/** An expression that matches the text itself. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}

function modelForm(model: Step, file: string): Step {
  if (!['BPE', 'Unigram', 'WordPiece', 'WordLevel'].includes(model.type)) {
    throw unsupported(`has a model of the type ${model.type}`, file);
  }
  const prefix = model['continuing_subword_prefix'];
  if (model.type === 'BPE' && typeof prefix === 'string' && prefix !== '') {
    throw unsupported(`is a BPE with the prefix ${JSON.stringify(prefix)} inside words`, file);
  }
  if (typeof model['dropout'] === 'number' && model['dropout'] > 0) {
    throw unsupported(`leaves out merges by chance (dropout ${model['dropout']})`, file);
  }
  return model;
}

function steps(list: unknown, what: string, file: string): readonly Step[] {
  const isStep = (step: unknown): boolean => typeof (step as Step | null)?.type === 'string';
  if (Array.isArray(list) && list.every(isStep)) return list as Step[];
  throw new CheckpointError('malformed', `a sequence of its ${what}s is none`, { file });
}

function unsupported(reason: string, file: string): CheckpointError {
  const remedy = 'give token ids (.npy, .bin or .jsonl) in place of a text';
  return new CheckpointError('unsupported', `${reason}, which is not known here`, { file, remedy });
}
