/** Logits of some rows of last states for a part of the vocabulary: all of them at once would not fit in memory. */
import type { DecoderDescription } from '../families/family';
import { HIDDEN, OUT } from '../graphs/blockGraph';
import { LAST, productModel } from '../graphs/headGraph';
import type { Sessions } from '../pass/sessions';
import type { WeightSource } from '../weights/weightSource';

/** Words [start, end) of the output matrix. */
export interface HeadPart {
  readonly start: number;
  readonly end: number;
  readonly width: number;
  readonly matrix: Float32Array;
  readonly softCap?: number;
}

/** The name of the output matrix: the embedding's, if the two are tied or there is no other. */
export function headName({ head, embedding }: DecoderDescription, source: WeightSource): string {
  return head.tied || !source.tableSize(head.weight) ? embedding.weight : head.weight;
}

/** Words that the model gives logits for. */
export function vocabularyOf(description: DecoderDescription, source: WeightSource): number {
  return source.tableSize(headName(description, source))!.rows;
}

/** @throws as `WeightSource` */
export async function headPart(
  description: DecoderDescription,
  source: WeightSource,
  words: { readonly start: number; readonly end: number },
  signal?: AbortSignal,
): Promise<HeadPart> {
  const name = headName(description, source);
  const { softCap } = description.head;
  return {
    ...words,
    width: source.tableSize(name)!.columns,
    matrix: await source.table(name, words, signal),
    ...(softCap !== undefined && { softCap }),
  };
}

/** @param states rows × width @returns rows × (end − start) */
export async function logitsOf(
  { matrix, width, start, end, softCap }: HeadPart,
  states: Float32Array,
  sessions: Sessions,
): Promise<Float32Array> {
  const feeds = {
    [HIDDEN]: { data: states, dims: [states.length / width, width] },
    [LAST.matrix]: { data: matrix, dims: [end - start, width] },
  };
  const key = softCap === undefined ? 'product' : `product ${softCap}`;
  return (await sessions.run(key, () => productModel(softCap), feeds, [OUT]))[OUT].data;
}
