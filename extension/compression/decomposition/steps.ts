/** The steps of alternating methods: how each term is fitted to what the others leave over. */
import type { ColumnsPart, ProductPart, SparsePart } from '../../shared/compression/parts';
import type { MethodInput, MethodTools } from '../methods/method';
import { quantiseBlocks } from '../quantisers/quantiseBlocks';
import type { Step } from './alternating';
import { shareOf } from '../../shared/compression/rankLimits';
import { entriesAt, largestColumns, largestEntries } from './largest';
import { lowRank } from './lowRank';
import { PLAIN, type Metric } from './metric';

export function quantiseStep({ options, layer }: MethodInput): Step {
  return { term: 'quantised', fit: (target, poll) => quantiseBlocks(target, options, { layer, poll }) };
}

export function lowRankStep({ rank }: MethodInput, { kernels }: MethodTools, metric: Metric = PLAIN): Step {
  return {
    term: 'lowRank',
    fit: (target, poll, current): ProductPart => {
      const before = current?.kind === 'product' ? current : undefined;
      const { left, right } = lowRank(target, metric, rank, { kernels, poll }, before);
      return { kind: 'product', rank, left, right };
    },
  };
}

/** The largest columns, a share of the inputs. None if the share is 0. */
export function columnsSteps({ options, inputs }: MethodInput): Step[] {
  const count = shareOf(options.sparse, inputs);
  if (count === 0) return [];
  return [{ term: 'sparse', fit: (target, poll): ColumnsPart => largestColumns(target, count, poll) }];
}

/** The largest entries, a share of them all. None if the share is 0. */
export function entriesSteps({ options, w }: MethodInput): Step[] {
  const count = shareOf(options.sparse, w.length);
  if (count === 0) return [];
  return [{ term: 'sparse', fit: (target, poll): SparsePart => largestEntries(target, count, poll) }];
}

/** The same entries again, with values that make them exact. */
export const refitEntries: Step = {
  term: 'sparse',
  fit: (target, poll, current) => {
    poll(0);
    if (current?.kind !== 'sparse') throw new Error('entries are refitted before they were chosen');
    return entriesAt(target, current);
  },
};
