/**
 * SentencePiece's BPE (Llama 1 and 2, Mistral, TinyLlama, Phi-3, Gemma) from pieces and scores alone: of all neighbours
 * whose joined text is a piece, those with the best score are joined first, and the leftmost of equals.
 *
 * @see https://github.com/google/sentencepiece/blob/master/src/bpe_model.cc
 */
import { byteToken, type Affixes, type TokenizerSource } from './textTokenizer';
import type { AddedToken, Step } from './tokenizerForm';

/** What a piece is, in SentencePiece's files and in GGUF's. */
export const PIECE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface Pieces {
  readonly texts: readonly string[];
  /** One a piece; higher ones are joined first. */
  readonly scores: ArrayLike<number>;
  /** One of `PIECE` a piece. */
  readonly types: ArrayLike<number>;
}

/** SentencePiece's mark of a space. */
const SPACE = '▁';

/**
 * Where a space is put in front. llama.cpp: before each part between special tokens, even one that begins with a space
 * (`parts`). transformers: before what does not begin with one, each part (`always`) or the text (`first`).
 */
export type SpacePrefix = 'parts' | 'always' | 'first' | 'never';

/** @param file for messages */
export function sentencePieceSource(
  file: string,
  pieces: Pieces,
  prefix: SpacePrefix,
  affixes: Affixes,
): TokenizerSource {
  const { texts, types } = pieces;
  const unknown = texts[Array.from(types).indexOf(PIECE.unknown)];
  const vocab = Object.fromEntries(texts.map((text, id) => [text, id]));
  const bytes = Array.from({ length: 256 }, (_, byte) => byteToken(byte)).every((token) => Object.hasOwn(vocab, token));
  const model: Step = {
    type: 'BPE',
    vocab,
    merges: [],
    unk_token: unknown ?? null,
    byte_fallback: bytes,
    fuse_unk: !bytes,
  };
  const form = {
    normalizer: prefix === 'parts' ? { type: 'Prepend', prepend: SPACE } : null,
    pre_tokenizer: {
      type: 'Metaspace',
      replacement: SPACE,
      prepend_scheme: prefix === 'parts' ? 'never' : prefix,
      split: false,
    },
    model,
    post_processor: null,
    added_tokens: specialPieces(texts, types),
  };
  return { file, form, affixes, ranks: mergeRanks(pieces) };
}

/** Pieces that are looked for in the text before it is cut into others. */
export function specialPieces(texts: readonly string[], types: ArrayLike<number>): AddedToken[] {
  const special: readonly number[] = [PIECE.unknown, PIECE.control, PIECE.userDefined];
  return texts.flatMap((content, id) => {
    const type = types[id]!;
    if (!special.includes(type) || content === '') return [];
    const named = type !== PIECE.userDefined;
    return [{ id, content, special: named, single_word: false, lstrip: false, rstrip: false, normalized: false }];
  });
}

/**
 * Ranks of merges, 0 for the best score. Every way to cut a piece in two has the piece's own rank, if both halves are
 * pieces or single characters.
 */
function mergeRanks({ texts, scores, types }: Pieces): Map<string, number> {
  const joined = texts.flatMap((_, id) => (types[id] === PIECE.normal || types[id] === PIECE.userDefined ? [id] : []));
  const known = new Set(joined.map((id) => texts[id]!));
  joined.sort((a, b) => scores[b]! - scores[a]!);
  const ranks = new Map<string, number>();
  let rank = -1;
  let last: number | undefined;
  for (const id of joined) {
    if (scores[id] !== last) rank++;
    last = scores[id];
    const characters = Array.from(texts[id]!);
    let left = '';
    for (let cut = 1; cut < characters.length; cut++) {
      left += characters[cut - 1]!;
      const right = texts[id]!.slice(left.length);
      const lefts = cut === 1 || known.has(left);
      const rights = cut === characters.length - 1 || known.has(right);
      if (lefts && rights) ranks.set(JSON.stringify([left, right]), rank);
    }
  }
  return ranks;
}
