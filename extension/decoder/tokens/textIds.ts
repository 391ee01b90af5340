/** Ids of a text that comes in parts, and of which no more is held than a piece: those of the whole text. */
import { CheckpointError } from '../../checkpoint/checkpointError';
import { contextOf, continued, LOOKAHEAD, TextCuts } from './textCuts';
import type { TextTokenizer } from './textTokenizer';

/** Characters that are given to the tokenizer at a time. Without words to cut into, time grows faster than a piece does. */
const PIECE = 8 * 1024;

/** Characters without a place to cut at: a minute of work, and 2 MB. */
const LONGEST_PIECE = 1024 * 1024;

export interface PieceOptions {
  /** The file that the text is from, for messages. */
  readonly file: string;
  readonly cuts: TextCuts;
  /** What stands before the text, if it is not the beginning: it ends at a place of `cuts`. */
  readonly before?: string;
  /** Characters in a piece. */
  readonly piece?: number;
}

/**
 * Ids of all parts together, in several lists; nothing is put around them.
 *
 * @throws CheckpointError `limit` where there is no place to cut at for very long
 */
export async function* idsOfParts(
  tokenizer: TextTokenizer,
  parts: AsyncIterable<string>,
  { file, cuts, before = '', piece = PIECE }: PieceOptions,
): AsyncGenerator<readonly number[]> {
  let context = contextOf(before);
  let held = '';
  let wanted = piece;
  const take = (length: number): readonly number[] => {
    const text = held.slice(0, length);
    held = held.slice(length);
    const ids = context === '' ? tokenizer.encode(text) : continued(tokenizer, context, text);
    if (!ids) throw uncuttable(file, text);
    context = contextOf(context + text);
    return ids;
  };
  for await (const part of parts) {
    held += part;
    while (held.length >= wanted + LOOKAHEAD) {
      const at = cuts.last(context, held, wanted);
      if (at !== undefined) {
        yield take(at);
        wanted = piece;
      } else if (wanted >= LONGEST_PIECE) {
        throw uncuttable(file, held);
      } else {
        wanted *= 2;
      }
    }
  }
  if (held !== '') yield take(held.length);
}

function uncuttable(file: string, text: string): CheckpointError {
  const shown = JSON.stringify(text.slice(0, 40));
  const reason = `has ${text.length} characters from ${shown} on without a line that begins with a letter, or a space between two letters`;
  return new CheckpointError('limit', reason, { file, remedy: 'break it into lines' });
}
