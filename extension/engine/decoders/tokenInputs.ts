/** Windows of tokens of a person's file, for a model. */
import type { Model } from '../../checkpoint/openModel';
import type { Decoder } from '../../decoder/openDecoder';
import { modelTokenizer } from '../../decoder/tokens/modelTokenizer';
import { openTokens } from '../../decoder/tokens/textTokens';
import { tokenWindows, windowLength } from '../../decoder/tokens/tokenWindows';
import type { TokenInputs } from '../../shared/decoderRuns';

export interface Windows {
  readonly windows: readonly Int32Array[];
  /** What the tokens are, for people. */
  readonly description: string;
}

/** @throws CheckpointError */
export async function windowsFor(
  model: Model,
  { description, weights }: Decoder,
  { path, windows: count, length: asked, seed }: TokenInputs,
): Promise<Windows> {
  const vocabulary = weights.tableSize(description.embedding.weight)!.rows;
  const source = await openTokens(path, { vocabulary, tokenizer: () => modelTokenizer(model) });
  const length = windowLength(asked, description.positions, model.path);
  const choice = seed === undefined ? 'first' : { seed };
  return {
    windows: await tokenWindows(source, { length, count, choice, vocabulary }),
    description: source.description,
  };
}
