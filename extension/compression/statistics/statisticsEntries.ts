/** A layer's sums as arrays of a safetensors file of statistics, under the names that are read from it. */
import type { Append } from '../appender';
import type { HeaderEntry } from '../safetensorsLayout';
import type { InputSums } from './inputSums';
import { BLOCK_INFLUENCE_ENDING, FIELD_ENDINGS, TOKENS_ENDING } from './statisticsFile';

export interface StatisticsEntry extends HeaderEntry {
  /** Asked for when it is written. */
  readonly elements: () => Float64Array;
}

/**
 * @param inputs of the layer
 * @param sums of it, which need not be there before the entry is written
 */
export function statisticsEntries(
  layer: string,
  inputs: number,
  withGram: boolean,
  sums: () => InputSums,
): StatisticsEntry[] {
  const entry = (ending: string, shape: readonly number[], elements: () => Float64Array): StatisticsEntry => ({
    name: `${layer}${ending}`,
    dtype: 'F64',
    shape,
    elements,
  });
  return [
    ...(withGram ? [entry(FIELD_ENDINGS.gram, [inputs, inputs], () => sums().symmetricGram()!)] : []),
    entry(FIELD_ENDINGS.mean, [inputs], () => sums().mean(sums().sum)),
    entry(FIELD_ENDINGS.absMean, [inputs], () => sums().mean(sums().magnitudes)),
    entry(FIELD_ENDINGS.squareMean, [inputs], () => sums().mean(sums().squares)),
    entry(TOKENS_ENDING, [1], () => Float64Array.of(sums().tokens)),
  ];
}

/** @param block what the names of its modules begin with */
export function influenceEntry(block: string, influence: () => number): StatisticsEntry {
  return {
    name: `${block}${BLOCK_INFLUENCE_ENDING}`,
    dtype: 'F64',
    shape: [1],
    elements: () => Float64Array.of(influence()),
  };
}

/** @throws as `append` */
export async function appendElements(append: Append, { elements }: StatisticsEntry): Promise<void> {
  const { buffer, byteOffset, byteLength } = elements();
  await append(new Uint8Array(buffer, byteOffset, byteLength));
}
