/** What the head multiplies: hidden states behind the last norm, and of some models a projection. */
import type { DecoderDescription } from '../families/family';
import { HIDDEN, OUT } from '../graphs/blockGraph';
import { LAST, lastNormModel } from '../graphs/headGraph';
import { multiplied, type Batch } from '../pass/hiddenStates';
import type { Sessions, Values } from '../pass/sessions';
import type { WeightSource } from '../weights/weightSource';

/** The batches' states become count·length × width of the head. @throws as `WeightSource` */
export async function toLastStates(
  { head, hidden }: DecoderDescription,
  source: WeightSource,
  batches: readonly Batch[],
  sessions: Sessions,
  signal?: AbortSignal,
): Promise<void> {
  const norm = head.norm && (await source.norm(head.norm, hidden, signal));
  const projection = head.project && (await source.linear(head.project, signal)).matrix;
  for (const batch of batches) {
    signal?.throwIfAborted();
    let values: Values = { data: batch.states, dims: [batch.states.length / hidden, hidden] };
    if (norm) {
      const { weight, bias } = norm;
      const has = { weight: weight !== undefined, bias: bias !== undefined };
      const feeds = {
        [HIDDEN]: values,
        ...(weight && { [LAST.weight]: { data: weight, dims: [hidden] } }),
        ...(bias && { [LAST.bias]: { data: bias, dims: [hidden] } }),
      };
      const key = JSON.stringify(['norm', head.normKind, has]);
      values = (await sessions.run(key, () => lastNormModel(head.normKind, has), feeds, [OUT]))[OUT];
    }
    batch.states = projection ? await multiplied(values, projection, sessions) : values.data;
  }
}
