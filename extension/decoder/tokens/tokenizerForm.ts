/**
 * What a `tokenizer.json` says, as far as it decides token ids. The file is checked here; a step that is not known is
 * refused by name where the tokenizer is made.
 *
 * @see https://github.com/huggingface/tokenizers
 */
import { CheckpointError } from '../../checkpoint/checkpointError';
import { isObject } from '../../checkpoint/files/jsonFile';

/** One step of a tokenizer: its kind and its options. */
export interface Step {
  readonly type: string;
  readonly [option: string]: unknown;
}

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Looked for in the normalised text. */
  readonly normalized: boolean;
}

export interface TokenizerForm {
  readonly normalizer: Step | null;
  readonly pre_tokenizer: Step | null;
  readonly model: Step;
  readonly post_processor: Step | null;
  readonly added_tokens: readonly AddedToken[];
}

/**
 * A tokenizer's file, checked.
 *
 * @param file for messages
 * @throws CheckpointError `malformed` where it is not a tokenizer's
 */
export function tokenizerForm(json: Readonly<Record<string, unknown>>, file: string): TokenizerForm {
  const step = (key: string): Step | null => {
    const value = json[key];
    if (value === undefined || value === null) return null;
    if (isObject(value) && (typeof value['type'] === 'string' || key === 'model')) {
      return { ...value, type: typeof value['type'] === 'string' ? value['type'] : modelType(value) };
    }
    throw malformed(`"${key}" is not a step of a tokenizer`, file);
  };
  const model = step('model');
  if (!model) throw malformed('has no "model"', file);
  checkVocabulary(model, file);
  const added = json['added_tokens'] ?? [];
  if (!Array.isArray(added)) throw malformed('"added_tokens" is not a list', file);
  return {
    normalizer: step('normalizer'),
    pre_tokenizer: step('pre_tokenizer'),
    model,
    post_processor: step('post_processor'),
    added_tokens: added.map((token: unknown) => addedToken(token, file)),
  };
}

/** Files from before models had a type: which one it is can be told from what they have. */
function modelType(model: Readonly<Record<string, unknown>>): string {
  if (Array.isArray(model['vocab'])) return 'Unigram';
  return 'merges' in model ? 'BPE' : 'WordPiece';
}

function checkVocabulary({ type, vocab, merges }: Step, file: string): void {
  const isPair = (item: unknown): boolean =>
    Array.isArray(item) && typeof item[0] === 'string' && typeof item[1] === 'number';
  const fits =
    type === 'Unigram'
      ? Array.isArray(vocab) && vocab.length > 0 && vocab.every(isPair)
      : isObject(vocab) && Object.values(vocab).every((id) => Number.isInteger(id) && Number(id) >= 0);
  if (!fits) throw malformed(`the vocabulary of its model (${type}) is not one`, file);
  const isMerge = (merge: unknown): boolean =>
    typeof merge === 'string' ||
    (Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === 'string'));
  if (type === 'BPE' && !(Array.isArray(merges) && merges.every(isMerge))) {
    throw malformed('the merges of its model are not pairs of texts', file);
  }
}

function addedToken(token: unknown, file: string): AddedToken {
  const id = isObject(token) ? token['id'] : undefined;
  const content = isObject(token) ? token['content'] : undefined;
  if (!isObject(token) || !Number.isInteger(id) || typeof content !== 'string') {
    throw malformed('one of its added tokens has no id or no text', file);
  }
  const special = token['special'] === true;
  return {
    id: id as number,
    content,
    special,
    single_word: token['single_word'] === true,
    lstrip: token['lstrip'] === true,
    rstrip: token['rstrip'] === true,
    normalized: token['normalized'] === undefined ? !special : token['normalized'] === true,
  };
}

function malformed(reason: string, file: string): CheckpointError {
  const remedy = 'fetch it again, or save it anew with tokenizer.save_pretrained()';
  return new CheckpointError('malformed', reason, { file, remedy });
}
