/**
 * The tokenizer of a folder of Hugging Face's: `tokenizer.json`; else `vocab.json` with `merges.txt` (GPT-2, OPT, Qwen2); else
 * `tokenizer.model`. What stands around a text is what transformers 5 puts there.
 *
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/tokenization_utils_tokenizers.py
 */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from '../../checkpoint/checkpointError';
import { fileError } from '../../checkpoint/files/fileReader';
import { isObject, readJsonObject } from '../../checkpoint/files/jsonFile';
import { sentencePieceSource } from './sentencePiece';
import { readSentencePieceModel } from './sentencePieceModel';
import { TextTokenizer, type Affixes, type TokenizerSource } from './textTokenizer';
import { tokenizerForm, type AddedToken, type Step, type TokenizerForm } from './tokenizerForm';

type Fields = Readonly<Record<string, unknown>>;

const FILES = {
  json: 'tokenizer.json',
  config: 'tokenizer_config.json',
  vocabulary: 'vocab.json',
  merges: 'merges.txt',
};
const MODEL_FILE = 'tokenizer.model';

/** Seven times the largest that are known, Gemma's. */
const MAX_JSON_BYTES = 256 * 1024 * 1024;

const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

/** Words of Qwen2, whose folders may lack a tokenizer.json. */
const QWEN2_WORDS = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

const END_OF_TEXT = '<|endoftext|>';

/** Tokens that have a role in a class where its configuration does not name them. */
const NAMED = {
  gpt2: { bos_token: END_OF_TEXT, eos_token: END_OF_TEXT, unk_token: END_OF_TEXT },
  qwen2: { eos_token: END_OF_TEXT, pad_token: END_OF_TEXT },
};

/**
 * @throws CheckpointError `not-found` where the folder has no tokenizer, `unsupported` for what is not known, `malformed`,
 *   `limit`, `io`
 */
export async function folderTokenizer(folder: string, signal?: AbortSignal): Promise<TextTokenizer> {
  const config = (await optional(path.join(folder, FILES.config), MAX_CONFIG_BYTES, signal)) ?? {};
  const json = path.join(folder, FILES.json);
  const fields = await optional(json, MAX_JSON_BYTES, signal);
  if (fields) {
    // What stands around a text is its post-processor's affair alone: transformers leaves out what the configuration says.
    return new TextTokenizer({ file: json, form: withAdded(tokenizerForm(fields, json), config) });
  }
  const vocabulary = path.join(folder, FILES.vocabulary);
  const words = await optional(vocabulary, MAX_JSON_BYTES, signal);
  if (words && (await exists(path.join(folder, FILES.merges)))) {
    return new TextTokenizer(await mergesSource(folder, words, config, signal));
  }
  const model = path.join(folder, MODEL_FILE);
  if (await exists(model)) return new TextTokenizer(await modelSource(model, config, signal));
  const names = `${FILES.json}, ${FILES.vocabulary} with ${FILES.merges}, ${MODEL_FILE}`;
  const remedy = 'put the model’s tokenizer.json there, or give token ids (.npy, .bin or .jsonl)';
  throw new CheckpointError('not-found', `has no tokenizer (${names})`, { file: folder, remedy });
}

async function mergesSource(
  folder: string,
  vocab: Fields,
  config: Fields,
  signal?: AbortSignal,
): Promise<TokenizerSource> {
  const file = path.join(folder, FILES.vocabulary);
  const kind = await bytePairKind(folder, config, signal);
  const bytes = { type: 'ByteLevel', add_prefix_space: config['add_prefix_space'] === true };
  const split = { type: 'Split', pattern: { Regex: QWEN2_WORDS }, behavior: 'Isolated', invert: false };
  const gpt2 = { normalizer: null, pre_tokenizer: { ...bytes, use_regex: true } };
  const qwen2 = {
    normalizer: { type: 'NFC' },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split, { ...bytes, use_regex: false }] },
  };
  const model: Step = { type: 'BPE', vocab, merges: await readMerges(path.join(folder, FILES.merges), signal) };
  const checked = tokenizerForm({ ...(kind === 'qwen2' ? qwen2 : gpt2), model }, file);
  const said = { ...NAMED[kind], ...config };
  const form = withAdded(withNamed(checked, said), config);
  return { file, form, affixes: configAffixes(said, idsOf(form), file) };
}

/** @throws CheckpointError `unsupported` for other classes, by name */
async function bytePairKind(folder: string, config: Fields, signal?: AbortSignal): Promise<'gpt2' | 'qwen2'> {
  const model = await optional(path.join(folder, 'config.json'), MAX_CONFIG_BYTES, signal);
  const name = contentOf(config['tokenizer_class']) ?? contentOf(model?.['model_type']) ?? 'a class that is not named';
  if (/^(GPT2Tokenizer(Fast)?|gpt2|opt)$/.test(name)) return 'gpt2';
  if (/^(Qwen2Tokenizer(Fast)?|qwen2(_moe)?|qwen3(_moe)?)$/.test(name)) return 'qwen2';
  const remedy = 'write a tokenizer.json: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)';
  const reason = `cuts texts as ${name} does; without a tokenizer.json those of GPT2Tokenizer and Qwen2Tokenizer are known`;
  throw new CheckpointError('unsupported', reason, { file: folder, remedy });
}

async function readMerges(file: string, signal?: AbortSignal): Promise<readonly (readonly string[])[]> {
  await checkSize(file);
  const lines = (await readFile(file, { encoding: 'utf8', ...(signal && { signal }) })).split('\n');
  const merges = lines.filter((line, i) => line.trim() !== '' && !(i === 0 && line.startsWith('#version')));
  return merges.map((line) => line.trimEnd().split(' '));
}

async function modelSource(file: string, config: Fields, signal?: AbortSignal): Promise<TokenizerSource> {
  const { pieces, prefix } = await readSentencePieceModel(file, signal);
  const ids = new Map(pieces.texts.map((text, id) => [text, id]));
  const spaces = prefix && config['add_prefix_space'] !== false;
  const scheme = spaces ? (config['legacy'] === true ? 'always' : 'first') : 'never';
  return sentencePieceSource(file, pieces, scheme, configAffixes(config, ids, file));
}

/** With the tokens that the configuration adds. */
function withAdded(form: TokenizerForm, config: Fields): TokenizerForm {
  const decoder = config['added_tokens_decoder'];
  if (!isObject(decoder)) return form;
  const known = new Set(form.added_tokens.map(({ content }) => content));
  const added = Object.entries(decoder).flatMap(([id, token]): AddedToken[] => {
    const content = contentOf(token);
    if (!isObject(token) || content === undefined || known.has(content) || !Number.isInteger(Number(id))) return [];
    const is = (key: string): boolean => token[key] === true;
    const rest = { special: is('special'), single_word: is('single_word'), lstrip: is('lstrip'), rstrip: is('rstrip') };
    return [{ id: Number(id), content, ...rest, normalized: is('normalized') }];
  });
  return { ...form, added_tokens: [...form.added_tokens, ...added] };
}

/** With the tokens that the configuration gives a role, which are whole wherever they stand. */
function withNamed(form: TokenizerForm, config: Fields): TokenizerForm {
  const ids = idsOf(form);
  const named = ['bos_token', 'eos_token', 'unk_token', 'pad_token'].map((key) => contentOf(config[key]));
  const added = [...new Set(named)].flatMap((content): AddedToken[] => {
    const id = content === undefined ? undefined : ids.get(content);
    if (content === undefined || id === undefined) return [];
    return [{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false }];
  });
  return { ...form, added_tokens: [...form.added_tokens, ...added] };
}

/** @throws CheckpointError `malformed` where a token is to be added that has no id */
function configAffixes(config: Fields, ids: ReadonlyMap<string, number>, file: string): Affixes {
  const added = (which: 'bos' | 'eos'): number[] => {
    const content = contentOf(config[`${which}_token`]);
    if (config[`add_${which}_token`] !== true || content === undefined) return [];
    const id = ids.get(content);
    if (id !== undefined) return [id];
    const reason = `has no token ${JSON.stringify(content)}, which ${FILES.config} puts around every text`;
    throw new CheckpointError('malformed', reason, { file, remedy: 'use the two files that belong together' });
  };
  return { start: added('bos'), end: added('eos') };
}

/** A token in a configuration: its text, or an object that has it. */
function contentOf(token: unknown): string | undefined {
  const content = isObject(token) ? token['content'] : token;
  return typeof content === 'string' ? content : undefined;
}

function idsOf({ model, added_tokens: added }: TokenizerForm): Map<string, number> {
  const vocab = model['vocab'] as [string, number][] | Record<string, number>;
  const entries = Array.isArray(vocab)
    ? vocab.map(([token], id): [string, number] => [token, id])
    : Object.entries(vocab);
  return new Map([...entries, ...added.map(({ content, id }): [string, number] => [content, id])]);
}

async function optional(file: string, maxBytes: number, signal?: AbortSignal): Promise<Fields | undefined> {
  try {
    return await readJsonObject(file, maxBytes, signal);
  } catch (error) {
    if (error instanceof CheckpointError && error.code === 'not-found') return undefined;
    throw error;
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

async function checkSize(file: string): Promise<void> {
  try {
    const { size } = await stat(file);
    if (size <= MAX_JSON_BYTES) return;
    throw new CheckpointError('limit', `has ${size} bytes; more than ${MAX_JSON_BYTES} are not read`, { file });
  } catch (error) {
    throw fileError(error, file);
  }
}
