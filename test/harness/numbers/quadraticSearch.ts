/** The tail start with the smallest D by trying every value of every tail: what the search by bounds has to equal. */
import type { TailStart } from '../../../extension/spectral/tail/kolmogorovSmirnov';
import type { LogTail } from '../../../extension/spectral/tail/logTail';

/** Among tail starts from ≤ i < to; the smallest i among equals. */
export function quadraticSearch(tail: LogTail, from: number, to: number): TailStart | undefined {
  let best: TailStart | undefined;
  for (let index = from; index < to; index++) {
    const alpha = tail.alpha(index);
    if (!Number.isFinite(alpha)) continue;
    const D = tail.distance(index, alpha);
    if (best === undefined || D < best.D) best = { index, alpha, D };
  }
  return best;
}
