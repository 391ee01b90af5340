/**
 * How a verdict on alpha is shown: a class that the style sheet colours (colour-blind-safe, per theme) together with a mark
 * and words, so that nothing is said by colour alone. The verdict itself is `layerVerdict`'s.
 */
import { alphaRange, OVER_TRAINED, UNDER_TRAINED, type JudgedAlpha } from '../../extension/shared/verdict';

export interface VerdictMark {
  /** `over`, `good-1` (nearest 2) … `good-4`, `under`, `none`: class `heat-<name>`. */
  name: string;
  /** Shape beside the number; empty where nothing is unusual. */
  sign: string;
  /** The verdict with its reason. */
  words: string;
}

/** Steps of colour within 2–6; one for each unit of alpha. */
const GOOD_STEPS = UNDER_TRAINED - OVER_TRAINED;

/** @param alpha that was judged */
export function verdictMark({ verdict, verdict_reason: words }: JudgedAlpha, alpha: number): VerdictMark {
  if (verdict === 'no verdict') return { name: 'none', sign: '○', words };
  switch (alphaRange(alpha)) {
    case 'below':
      return { name: 'over', sign: '▼', words };
    case 'above':
      return { name: 'under', sign: '▲', words };
    case 'within':
      return { name: `good-${Math.min(GOOD_STEPS, 1 + Math.floor(alpha - OVER_TRAINED))}`, sign: '', words };
  }
}
