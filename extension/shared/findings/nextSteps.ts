/** What a person can do if a verdict lacks evidence, for each thing that may be missing. */
import type { VerdictCheck } from '../verdict';

type Check = VerdictCheck['check'];

/** What most layers lack, in words that follow "because". */
export const LACKING_WORDS: Record<Check, string> = {
  subject: 'they are no weights',
  fit: 'no power law could be fitted',
  tail: 'their tails have too few eigenvalues',
  spikes: 'their tails are not told from a random matrix',
  shuffled: 'their tails are not told from those of shuffled entries',
  entries: 'single large entries may make their largest eigenvalues',
  zeros: 'most of their entries are zero',
  distance: 'a power law is far from their tails',
  bootstrap: 'the bootstrap refuses a power law',
  law: 'another law fits their tails better',
  limits: 'alpha ± 2σ lies on both sides of 2 or 6',
  shape: 'their shape explains the value',
};

/** One sentence. */
export const NEXT_STEPS: Record<Check, string> = {
  subject: 'Look at the weights instead.',
  fit: 'Compare their effective and stable ranks, which need no fit.',
  tail: 'Compare their FARMS alphas and effective ranks with each other: small matrices have no more eigenvalues to give.',
  spikes: 'Turn on the randomisation test in the settings: it shows whether anything rises above shuffled entries.',
  shuffled: 'Compare with an earlier checkpoint: layers that were never trained look like this.',
  entries: 'Turn on the randomisation test in the settings: it tells large entries from something learned.',
  zeros: 'Leave masks and pruned matrices out, and look at the others.',
  distance: 'Test the fit of a layer by the bootstrap, in its view: its p decides in place of the distance.',
  bootstrap: 'Drag xmin to a tail that a power law fits, or go by effective rank and FARMS alpha.',
  law: 'Drag xmin to a tail that a power law fits, or go by effective rank and FARMS alpha.',
  limits: 'Compare layers with each other rather than with 2 and 6: their alphas are not exact enough for that.',
  shape: 'Go by FARMS alpha, which measures all shapes alike.',
};
