/**
 * The tokenizer that a GGUF file carries: SentencePiece's pieces (`llama`) or byte-level BPE (`gpt2`).
 *
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#tokenizer
 */
import { CheckpointError } from '../../checkpoint/checkpointError';
import { FileReader } from '../../checkpoint/files/fileReader';
import { readGgufFields, type GgufField } from '../../checkpoint/gguf/ggufFields';
import { preTokenizerKind, type PreTokenizerKind } from './ggufPreTokenizers';
import { sentencePieceSource, specialPieces } from './sentencePiece';
import { TextTokenizer, type Affixes, type TokenizerSource } from './textTokenizer';
import type { Step } from './tokenizerForm';

const PREFIX = 'tokenizer.ggml.';

type Fields = ReadonlyMap<string, GgufField>;

/**
 * The tokenizer of a GGUF file.
 *
 * @throws CheckpointError `not-found` where it carries none, `unsupported` for a kind that is not known, `malformed`
 */
export async function ggufTokenizer(file: string, signal?: AbortSignal): Promise<TextTokenizer> {
  const reader = await FileReader.open(file);
  try {
    return new TextTokenizer(ggufSource(file, await readGgufFields(reader, PREFIX, signal)));
  } finally {
    await reader.close();
  }
}

/** @throws CheckpointError as `ggufTokenizer` */
export function ggufSource(file: string, fields: Fields): TokenizerSource {
  const model = fields.get('model');
  if (model === undefined) {
    const remedy = `use the file that has "${PREFIX}model", or give token ids (.npy, .bin or .jsonl)`;
    throw new CheckpointError('not-found', 'carries no tokenizer', { file, remedy });
  }
  const texts = textsOf(fields, 'tokens', file);
  const types = fields.get('token_type') ?? new Float64Array(texts.length).fill(1);
  if (!(types instanceof Float64Array) || types.length !== texts.length) {
    throw malformed(`"${PREFIX}token_type" has not one number a token`, file);
  }
  if (model === 'llama') return piecesSource(file, fields, texts, types);
  if (model === 'gpt2') return bytesSource(file, fields, texts, types);
  const known = '"llama" (SentencePiece) and "gpt2" (BPE) are';
  throw unsupported(
    `carries a tokenizer of the kind ${JSON.stringify(model)}, which is not known here (${known})`,
    file,
  );
}

function piecesSource(file: string, fields: Fields, texts: readonly string[], types: Float64Array): TokenizerSource {
  const scores = fields.get('scores');
  if (!(scores instanceof Float64Array) || scores.length !== texts.length) {
    throw malformed(`"${PREFIX}scores" has not one number a token`, file);
  }
  const prefix = fields.get('add_space_prefix') === 'false' ? 'never' : 'parts';
  const affixes = affixesOf(fields, { bos: 1, eos: 2, addsBos: true }, texts.length, file);
  return sentencePieceSource(file, { texts, scores, types }, prefix, affixes);
}

function bytesSource(file: string, fields: Fields, texts: readonly string[], types: Float64Array): TokenizerSource {
  const name = fields.get('pre') ?? 'default';
  const kind = preTokenizerKind(String(name));
  if (!kind) {
    throw unsupported(`cuts texts in the way ${JSON.stringify(name)} ("${PREFIX}pre"), which is not known here`, file);
  }
  const model: Step = {
    type: 'BPE',
    vocab: Object.fromEntries(texts.map((text, id) => [text, id])),
    merges: textsOf(fields, 'merges', file).map((merge) => pairOf(merge, file)),
    ignore_merges: kind.ignoresMerges === true,
  };
  const form = {
    normalizer: null,
    pre_tokenizer: wordSteps(kind),
    model,
    post_processor: null,
    added_tokens: specialPieces(texts, types),
  };
  const affixes = affixesOf(fields, { bos: 11, eos: 11, addsBos: kind.addsBos === true }, texts.length, file);
  return { file, form, affixes };
}

function wordSteps({ regexes }: PreTokenizerKind): Step {
  const splits = regexes.map((regex) => ({
    type: 'Split',
    pattern: { Regex: regex },
    behavior: 'Isolated',
    invert: false,
  }));
  const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
  return { type: 'Sequence', pretokenizers: [...splits, bytes] };
}

/** The space between the halves is the first one behind the first letter. */
function pairOf(merge: string, file: string): readonly [string, string] {
  const at = merge.indexOf(' ', 1);
  if (at < 0) throw malformed(`the merge ${JSON.stringify(merge.slice(0, 50))} has no two halves`, file);
  return [merge.slice(0, at), merge.slice(at + 1)];
}

/** What the file puts around a text; `defaults` are llama.cpp's, where it does not say. */
function affixesOf(
  fields: Fields,
  defaults: { readonly bos: number; readonly eos: number; readonly addsBos: boolean },
  size: number,
  file: string,
): Affixes {
  const added = (which: 'bos' | 'eos', byDefault: boolean): number[] => {
    const says = fields.get(`add_${which}_token`);
    if (!(says === undefined ? byDefault : says === 'true')) return [];
    const id = Number(fields.get(`${which}_token_id`) ?? defaults[which]);
    if (Number.isInteger(id) && id >= 0 && id < size) return [id];
    throw malformed(`"${PREFIX}${which}_token_id" is ${id}, and there are ${size} tokens`, file);
  };
  return { start: added('bos', defaults.addsBos), end: added('eos', false) };
}

function textsOf(fields: Fields, key: string, file: string): readonly string[] {
  const texts = fields.get(key);
  const isTexts = Array.isArray(texts) && texts.every((text) => typeof text === 'string');
  if (isTexts) return texts;
  throw malformed(`"${PREFIX}${key}" is no list of texts`, file);
}

function malformed(reason: string, file: string): CheckpointError {
  return new CheckpointError('malformed', reason, { file, remedy: 'convert the original anew' });
}

function unsupported(reason: string, file: string): CheckpointError {
  const remedy = 'give token ids (.npy, .bin or .jsonl) in place of a text';
  return new CheckpointError('unsupported', reason, { file, remedy });
}
