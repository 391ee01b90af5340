/**
 * How a cell shows alpha: a class that the style sheet colours (colour-blind-safe, per theme) together with a mark and
 * words, so that nothing is said by colour alone. The bands themselves are WeightWatcher's.
 */
import { isOfModel, type Named } from '../extension/layerFindings';
import { alphaBand as bandOf, OVER_TRAINED, UNDER_TRAINED } from '../extension/spectral/metricTable';

export interface AlphaBand {
  /** `over`, `good-1` (nearest 2) … `good-4`, `under`: class `heat-<name>`. */
  name: string;
  /** Shape beside the number; empty where nothing is unusual. */
  mark: string;
  words: string;
  /** The words without the limits. */
  short: string;
}

/** Steps of colour within 2–6; one for each unit of alpha. */
const GOOD_STEPS = UNDER_TRAINED - OVER_TRAINED;

export function alphaBand(alpha: number): AlphaBand {
  const short = bandOf(alpha);
  switch (short) {
    case 'over-trained':
      return { name: 'over', mark: '▼', short, words: `over-trained or over-fitted (below ${OVER_TRAINED})` };
    case 'under-trained':
      return { name: 'under', mark: '▲', short, words: `under-trained (above ${UNDER_TRAINED})` };
    case 'well trained': {
      const step = Math.min(GOOD_STEPS, 1 + Math.floor(alpha - OVER_TRAINED));
      return { name: `good-${step}`, mark: '', short, words: `well trained (${OVER_TRAINED} to ${UNDER_TRAINED})` };
    }
  }
}

/** Undefined for tensors that are no part of the model: their alpha judges nothing. */
export function alphaBandOf(tensor: Named, alpha: number): AlphaBand | undefined {
  return isOfModel(tensor) ? alphaBand(alpha) : undefined;
}
