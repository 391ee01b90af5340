/** Texts as the token ids of one model: `@huggingface/tokenizers` with what it leaves out. */
import { Tokenizer } from '@huggingface/tokenizers';
import { CheckpointError } from '../../checkpoint/checkpointError';
import { libraryForm } from './libraryForm';
import type { TokenizerForm } from './tokenizerForm';

/** Ids that stand before and after a text. */
export interface Affixes {
  readonly start: readonly number[];
  readonly end: readonly number[];
}

export interface TokenizerSource {
  /** The file that it is from, for messages. */
  readonly file: string;
  readonly form: TokenizerForm;
  /** What is put around a text; by default what the form's post-processor puts there. */
  readonly affixes?: Affixes;
  /** Merges by rank, several of which may have the same: SentencePiece's scores. Keys are JSON of the pair. */
  readonly ranks?: ReadonlyMap<string, number>;
}

export class TextTokenizer {
  readonly file: string;
  readonly affixes: Affixes;
  /** One more than the largest id. */
  readonly size: number;
  /** Texts of all tokens, in no order, in the model's own letters: those of ByteLevel stand for bytes. */
  readonly tokens: readonly string[];
  private readonly library: Tokenizer;
  private readonly ids: ReadonlyMap<string, number>;
  private readonly unknown: number | undefined;
  private readonly bytes: readonly number[] | undefined;

  /** @throws CheckpointError `unsupported` for a step that is not known, by its name */
  constructor({ file, form, affixes, ranks }: TokenizerSource) {
    this.file = file;
    const { model } = form;
    const unknown = typeof model['unk_token'] === 'string' ? model['unk_token'] : undefined;
    this.library = libraryTokenizer(libraryForm(form, file), unknown, file);
    if (ranks) Object.assign(this.library.model!, { bpe_ranks: ranks });
    const ids = new Map<string, number>();
    const vocabulary = model['vocab'] as [string, number][] | Record<string, number>;
    if (Array.isArray(vocabulary)) vocabulary.forEach(([token], id) => ids.set(token, id));
    else for (const [token, id] of Object.entries(vocabulary)) ids.set(token, id);
    for (const { content, id } of form.added_tokens) ids.set(content, id);
    this.ids = ids;
    this.tokens = [...ids.keys()];
    let largest = -1;
    for (const id of ids.values()) largest = Math.max(largest, id);
    this.size = largest + 1;
    this.unknown = typeof model['unk_id'] === 'number' ? model['unk_id'] : ids.get(unknown ?? '');
    if (model.type === 'Unigram' && model['byte_fallback'] === true) this.bytes = byteTokens(ids);
    this.affixes = affixes ?? this.ownAffixes();
  }

  /** Ids of a text, nothing put around it. @throws CheckpointError `malformed` for what has no id, not even "unknown" */
  encode(text: string): number[] {
    const { tokens } = this.library.encode(text, { add_special_tokens: false });
    const found: number[] = [];
    for (const token of tokens) {
      const id = this.ids.get(token);
      if (id !== undefined) found.push(id);
      else this.pushUnknown(found, token);
    }
    return found;
  }

  /** The text of a token, in the model's own letters; undefined for an id of none. */
  text(id: number): string | undefined {
    return this.library.id_to_token(id);
  }

  private pushUnknown(found: number[], token: string): void {
    if (this.bytes) {
      for (const byte of Buffer.from(token)) found.push(this.bytes[byte]!);
      return;
    }
    if (this.unknown === undefined) {
      const shown = JSON.stringify(token.slice(0, 50));
      const remedy = 'fetch it again, or give token ids';
      throw new CheckpointError('malformed', `has no token for ${shown}, nor one for what is unknown`, {
        file: this.file,
        remedy,
      });
    }
    found.push(this.unknown);
  }

  /** What the post-processor puts around any text. */
  private ownAffixes(): Affixes {
    const ids = (special: boolean): number[] => this.library.encode('a', { add_special_tokens: special }).ids;
    const bare = ids(false);
    const whole = ids(true);
    const at = Math.max(
      0,
      whole.findIndex((_, i) => bare.every((id, j) => whole[i + j] === id)),
    );
    return { start: whole.slice(0, at), end: whole.slice(at + bare.length) };
  }
}

function libraryTokenizer(form: TokenizerForm, unknown: string | undefined, file: string): Tokenizer {
  try {
    return new Tokenizer({ ...form, decoder: null }, { unk_token: unknown });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const remedy = 'give token ids (.npy, .bin or .jsonl) in place of a text';
    throw new CheckpointError('unsupported', `is a tokenizer that cannot be run here (${reason})`, {
      file,
      cause,
      remedy,
    });
  }
}

/** Ids of the tokens of single bytes, if all are there. */
function byteTokens(ids: ReadonlyMap<string, number>): readonly number[] | undefined {
  const found: number[] = [];
  for (let byte = 0; byte < 256; byte++) {
    const id = ids.get(byteToken(byte));
    if (id === undefined) return undefined;
    found.push(id);
  }
  return found;
}

/** How SentencePiece calls the token of one byte. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}
