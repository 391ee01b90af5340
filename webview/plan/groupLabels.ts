/** How the methods for groups are called, and what each does. */
import type { GroupMethodName } from '../../extension/shared/compression/plans';
import { l10n } from '../../extension/shared/language/l10n';

export const GROUP_LABELS: Record<GroupMethodName, { label: string; short: string; what: string; title: string }> = {
  nystrom: {
    label: l10n.t('MLP channels (Nyström)'),
    short: l10n.t('Nyström group'),
    what: l10n.t('% of the channels of each MLP'),
    title: l10n.t('Channels of each MLP, chosen by ridge leverage, and the output weights solved for again (MoDeGPT)'),
  },
  vo: {
    label: l10n.t('Value and output heads'),
    short: l10n.t('V–O group'),
    what: l10n.t('% of the dimensions of each head'),
    title: l10n.t('Value and output projections of each head together'),
  },
  qk: {
    label: l10n.t('Query and key heads'),
    short: l10n.t('Q–K group'),
    what: l10n.t('% of the dimensions of each head'),
    title: l10n.t('Query and key projections of each head together'),
  },
};
