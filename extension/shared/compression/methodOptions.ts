/**
 * The options of compression methods: one list, from which come the plan's schema, the page's controls, the terminal's help
 * and the checks. A method says which of them it takes (`methodTable.ts`).
 */
import { l10n } from '../language/l10n';

/** What numbers are rounded to, block by block. */
export const QUANTISERS = ['nf4', 'nf3', 'int8', 'int4', 'fp8', 'mxfp4', 'bipolar'] as const;
export type QuantiserName = (typeof QUANTISERS)[number];

interface IntegerRow {
  readonly kind: 'integer';
  readonly least: number;
  readonly most: number;
  readonly default: number;
}
interface ShareRow {
  /** 0 … 1. */
  readonly kind: 'share';
  readonly default: number;
}
interface ChoiceRow {
  readonly kind: 'choice';
  readonly choices: readonly string[];
  readonly default: string;
}
type Row = (IntegerRow | ShareRow | ChoiceRow) & { readonly label: string; readonly description: string };

const ROWS = {
  quantiser: {
    label: l10n.t('Quantiser'),
    description: l10n.t('What elements are rounded to.'),
    kind: 'choice',
    choices: QUANTISERS,
    default: 'nf4',
  },
  bits: {
    label: l10n.t('Bits'),
    description: l10n.t('Bits of an element of bipolar integers.'),
    kind: 'integer',
    least: 1,
    most: 8,
    default: 3,
  },
  block: {
    label: l10n.t('Block'),
    description: l10n.t('Elements of a row that share a scale; 0 gives each row one. MXFP4 always has 32.'),
    kind: 'integer',
    least: 0,
    most: 65536,
    default: 64,
  },
  sparse: {
    label: l10n.t('Exact share'),
    description: l10n.t('Share of the columns, or of the entries, that is kept exactly.'),
    kind: 'share',
    default: 0.01,
  },
  rounds: {
    label: l10n.t('Rounds'),
    description: l10n.t('At most so many turns of alternating; it stops earlier once the error stops falling.'),
    kind: 'integer',
    least: 1,
    most: 30,
    default: 30,
  },
  cores: {
    label: l10n.t('Cores'),
    description: l10n.t('Length of the chain.'),
    kind: 'integer',
    least: 2,
    most: 8,
    default: 3,
  },
  nonzeros: {
    label: l10n.t('Atoms an output'),
    description: l10n.t('Atoms that each output is a sum of; 0 takes half of all.'),
    kind: 'integer',
    least: 0,
    most: 65536,
    default: 0,
  },
  scores: {
    label: l10n.t('Scores'),
    description: l10n.t('How rows and columns are chosen.'),
    kind: 'choice',
    choices: ['leverage', 'lewis'],
    default: 'leverage',
  },
  seed: {
    label: l10n.t('Seed'),
    description: l10n.t('Of the random choice.'),
    kind: 'integer',
    least: 0,
    most: 2 ** 31 - 1,
    default: 0,
  },
} as const satisfies Record<string, Row>;

export type OptionName = keyof typeof ROWS;

export type OptionRow = Row & { readonly name: OptionName };

export const methodOptions: readonly OptionRow[] = Object.entries(ROWS).map(([name, row]) => ({
  ...row,
  name: name as OptionName,
}));

/** Every option with its value: the defaults, where nothing else is said. */
export interface MethodOptions {
  quantiser: QuantiserName;
  bits: number;
  block: number;
  sparse: number;
  rounds: number;
  cores: number;
  nonzeros: number;
  scores: 'leverage' | 'lewis';
  seed: number;
}

export const DEFAULT_OPTIONS = Object.fromEntries(
  methodOptions.map((option) => [option.name, option.default]),
) as unknown as MethodOptions;
