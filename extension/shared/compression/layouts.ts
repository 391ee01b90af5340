/** The layouts that a compressed model is saved in: one list for the terminal, the page and the README (science.md §12). */
import { l10n } from '../language/l10n';

interface Row {
  /** In requests and on the command line. */
  readonly name: string;
  readonly label: string;
  /** Of one line in VS Code's pickers: 80 characters. */
  readonly description: string;
}

const ROWS = [
  {
    name: 'huggingface',
    label: l10n.t('Hugging Face folder'),
    description: l10n.t('For transformers: two linear modules for each layer, with the code to load them.'),
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
    description: l10n.t('Products under their own names and shapes: no smaller until they are quantised.'),
  },
  {
    name: 'safetensors',
    label: l10n.t('safetensors with parts'),
    description: l10n.t('Every kind of part, and a manifest in the metadata of how to add them up.'),
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
