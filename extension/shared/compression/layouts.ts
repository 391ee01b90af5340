/** The layouts that a compressed model is saved in: one list for the terminal, the page and the README (science.md §12). */
import { l10n } from '../language/l10n';

interface Row {
  /** In requests and on the command line. */
  readonly name: string;
  readonly label: string;
  readonly description: string;
}

const ROWS = [
  {
    name: 'huggingface',
    label: l10n.t('Hugging Face folder'),
    description: l10n.t(
      'Two linear modules in place of each compressed one, with the code that loads them into the base model.',
    ),
  },
  {
    name: 'onnx',
    label: 'ONNX',
    description: l10n.t('The graph with two operators in place of each compressed one.'),
  },
  {
    name: 'peft',
    label: l10n.t('PEFT adapter'),
    description: l10n.t('Low rank as LoRA, beside the base model that it belongs to.'),
  },
  {
    name: 'bitsandbytes',
    label: 'bitsandbytes',
    description: l10n.t('Quantised weights as bitsandbytes stores them, for transformers.'),
  },
  {
    name: 'compressed-tensors',
    label: 'compressed-tensors',
    description: l10n.t('Quantised weights as compressed-tensors stores them, for vLLM and transformers.'),
  },
  {
    name: 'dense',
    label: l10n.t('Dense'),
    description: l10n.t('The product under its own name and shape. It saves nothing before the copy is quantised.'),
  },
  {
    name: 'safetensors',
    label: l10n.t('safetensors with parts'),
    description: l10n.t('Every kind of part, with a manifest in the metadata that says how to add them up.'),
  },
] as const satisfies readonly Row[];

export type LayoutName = (typeof ROWS)[number]['name'];

export interface SaveLayout extends Row {
  readonly name: LayoutName;
}

export const saveLayouts: readonly SaveLayout[] = ROWS;

export function isLayoutName(name: string): name is LayoutName {
  return ROWS.some((row) => row.name === name);
}
