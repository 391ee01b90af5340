/** What a person can do if a verdict lacks evidence, for each thing that may be missing. */
import { l10n } from '../language/l10n';
import type { VerdictCheck } from '../verdict';

type Check = VerdictCheck['check'];

/** What most layers lack, in words that follow "because". */
export const LACKING_WORDS: Record<Check, string> = {
  subject: l10n.t('they are no weights'),
  fit: l10n.t('no power law could be fitted'),
  tail: l10n.t('their tails have too few eigenvalues'),
  spikes: l10n.t('their tails are not told from a random matrix'),
  shuffled: l10n.t('their tails are not told from those of shuffled entries'),
  entries: l10n.t('single large entries may make their largest eigenvalues'),
  zeros: l10n.t('most of their entries are zero'),
  distance: l10n.t('a power law is far from their tails'),
  bootstrap: l10n.t('the bootstrap refuses a power law'),
  law: l10n.t('another law fits their tails better'),
  limits: l10n.t('alpha ± 2σ lies on both sides of 2 or 6'),
  shape: l10n.t('their shape explains the value'),
};

/** One sentence. */
export const NEXT_STEPS: Record<Check, string> = {
  subject: l10n.t('Look at the weights instead.'),
  fit: l10n.t('Compare their effective and stable ranks, which need no fit.'),
  tail: l10n.t(
    'Compare their FARMS alphas and effective ranks with each other: small matrices have no more eigenvalues to give.',
  ),
  spikes: l10n.t(
    'Turn on the randomisation test in the settings: it shows whether anything rises above shuffled entries.',
  ),
  shuffled: l10n.t('Compare with an earlier checkpoint: layers that were never trained look like this.'),
  entries: l10n.t('Turn on the randomisation test in the settings: it tells large entries from something learned.'),
  zeros: l10n.t('Leave masks and pruned matrices out, and look at the others.'),
  distance: l10n.t('Test the fit of a layer by the bootstrap, in its view: its p decides in place of the distance.'),
  bootstrap: l10n.t('Drag xmin to a tail that a power law fits, or go by effective rank and FARMS alpha.'),
  law: l10n.t('Drag xmin to a tail that a power law fits, or go by effective rank and FARMS alpha.'),
  limits: l10n.t(
    'Compare layers with each other rather than with 2 and 6: their alphas are not exact enough for that.',
  ),
  shape: l10n.t('Go by FARMS alpha, which measures all shapes alike.'),
};
