/** How the methods for groups are called, and what each does. */
import type { GroupMethodName } from '../../extension/shared/compression/plans';

export const GROUP_LABELS: Record<GroupMethodName, { label: string; short: string; what: string; title: string }> = {
  nystrom: {
    label: 'MLP channels (Nyström)',
    short: 'Nyström group',
    what: 'of the channels of each MLP',
    title: 'Channels of each MLP, chosen by ridge leverage, and the output weights solved for again (MoDeGPT)',
  },
  vo: {
    label: 'Value and output heads',
    short: 'V–O group',
    what: 'of the dimensions of each head',
    title: 'Value and output projections of each head together',
  },
  qk: {
    label: 'Query and key heads',
    short: 'Q–K group',
    what: 'of the dimensions of each head',
    title: 'Query and key projections of each head together',
  },
};
