/** The keys of a plan's file: one list, from which come the parser, the schema and the order in which they are written. */
import { methodOptions, type OptionName, type OptionRow } from './methodOptions';
import { layerMethods, type LayerMethodRow } from './methodTable';
import type { Allocation } from './plans';

/** Name of the schema that the extension ships; editors find it by the file's ending. */
export const PLAN_SCHEMA = 'eigenplan.schema.json';

export const PLAN_VERSION = 1;

export const MULTIPLES = [1, 8, 32, 64] as const;

export const TARGET_KINDS = {
  size: 'Bytes of the whole saved model over those of the original.',
  parameters: 'Share of all parameters that stays.',
  error: '√(Σ‖W − Ŵ‖²/Σ‖W‖²) over the layers that take part.',
} as const;

export const ALLOCATION_DESCRIPTIONS: Record<Allocation, string> = {
  optimal: 'The least total squared error for the budget.',
  'optimal-gram': 'The least total squared error of the outputs for the budget, by the Gram matrices of the inputs.',
  'farms-alpha': 'AlphaPruning’s ratios by the FARMS alpha of each layer.',
  alphapruning: 'AlphaPruning’s ratios by the alpha of each layer.',
  welore: 'One threshold on the normalised singular values of the whole model.',
  'block-influence':
    'Blocks that change their hidden states less keep less (ShortGPT’s block influence, MoDeGPT’s softmax).',
  uniform: 'The same share of every layer.',
  ilp: 'One of a few methods, ranks and bit widths for each layer, by integer programming.',
};

export const GROUP_METHODS = {
  nystrom: 'Intermediate channels of an MLP, chosen by ridge leverage (MoDeGPT).',
  vo: 'Value and output projections of each head together.',
  qk: 'Query and key projections of each head together.',
} as const;

/** Describes each key of the plan itself. */
export const PLAN_KEYS = {
  $schema: 'Where the description of this file is. Editors with Eigenscope know it by the file’s ending.',
  version: 'Version of this format.',
  checkpoint: 'The model that the plan is for. Another one is refused.',
  target: 'What the plan was to meet.',
  allocation: 'How the budget was shared among the layers.',
  relative: 'Errors are relative to each layer’s own norm.',
  method: 'The method that was chosen for all layers; `layers` has what each got.',
  exclude:
    'Regular expressions: layers whose names match one were left out when the plan was made. `layers` has what each becomes.',
  multiple: 'The allocation chose ranks that are multiples of this. Ranks in `layers` may be others.',
  statistics: 'The statistics that the methods need, by content.',
  layers: 'What each layer becomes, by the name of its tensor; of one expert of a stack `name[index]`.',
  groups: 'Methods that act on several layers of a block at once, by the common beginning of their names.',
} as const;

export const REQUIRED_KEYS = [
  ...['version', 'checkpoint', 'target', 'allocation', 'method', 'exclude', 'multiple', 'layers'],
] as const satisfies readonly (keyof typeof PLAN_KEYS)[];

export const NAMED_KEYS = {
  name: 'For people: the file’s or the folder’s name.',
  fingerprint: 'Hash of names, types, shapes and a sample of the content.',
} as const;

/** A SHA-256 in hexadecimal digits. */
export const FINGERPRINT = /^[0-9a-f]{64}$/;

export function optionRow(name: string): OptionRow | undefined {
  return methodOptions.find((option) => option.name === name);
}

export function methodRow(name: string): LayerMethodRow | undefined {
  return layerMethods.find((row) => row.name === name);
}

/** In the order in which a choice is written. */
export const OPTION_NAMES: readonly OptionName[] = methodOptions.map(({ name }) => name);
