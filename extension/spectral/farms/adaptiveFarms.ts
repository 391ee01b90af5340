/** An adaptive FARMS run: in which order it takes windows, when it looks at the interval of alpha, and when it stops. */
import type { FarmsEstimate } from '../tail/bootstrap';
import { adaptiveOrder, type FarmsWindow } from './farms';

/** Fewer windows say too little about their own spread. */
const FIRST_LOOK = 6;

/** Windows from one look to the next: two, or a quarter more where there are many. */
const MIN_STEP = 2;
const GROWTH = 1.25;

/**
 * An interval this much narrower than the tolerance ends the run: among several looks, one that comes out too narrow by
 * chance is more likely to be the last. Alpha then lies within half of the tolerance of that of all windows.
 */
const MARGIN = 0.5;

/** Looks in a row that must find a narrow interval: where xmin jumps between windows, a single one may be lucky. */
const NARROW_LOOKS = 2;

export interface AdaptiveRun {
  windows: readonly FarmsWindow[];
  /** Half-width of the interval wanted, as a share of alpha. */
  tolerance: number;
  /** Windows to take at most. */
  limit: number;
  /** Computes the spectra of more windows. */
  take: (indices: readonly number[]) => Promise<void>;
  /** Alpha of all windows taken so far. */
  estimate: (indices: readonly number[]) => Promise<FarmsEstimate>;
}

/** @returns the windows taken, and what the last look said of them; null where they are all */
export async function runAdaptively({
  windows,
  tolerance,
  limit,
  take,
  estimate,
}: AdaptiveRun): Promise<{ taken: number[]; last: FarmsEstimate | null }> {
  const order = adaptiveOrder(windows).slice(0, limit);
  const taken: number[] = [];
  for (let narrow = 0; ;) {
    const next = Math.max(FIRST_LOOK, taken.length + MIN_STEP, Math.ceil(GROWTH * taken.length));
    const more = order.slice(taken.length, next);
    await take(more);
    for (const each of more) taken.push(each);
    if (taken.length === windows.length) return { taken, last: null };
    const last = await estimate(taken);
    narrow = isNarrow(last, tolerance) ? narrow + 1 : 0;
    if (narrow === NARROW_LOOKS || taken.length === order.length) return { taken, last };
  }
}

function isNarrow({ alpha, interval }: FarmsEstimate, tolerance: number): boolean {
  return alpha !== null && interval !== null && (interval[1] - interval[0]) / 2 <= MARGIN * tolerance * alpha;
}
