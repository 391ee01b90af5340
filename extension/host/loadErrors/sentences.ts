/** Explanations as sentences in which names, shapes and code have places of their own: text of files stays text. */
import { l10n } from '../../shared/language/l10n';
import type { TensorSummary } from '../../shared/tensors';

/** A whole sentence; `{0}`, `{1}` … stand for names, shapes and code. */
export interface Sentence {
  words: string;
  values: readonly string[];
}

export function sentence(words: string, ...values: string[]): Sentence {
  return { words, values };
}

/** @param show makes a value safe where the sentence is shown */
export function filled({ words, values }: Sentence, show: (value: string) => string): string {
  return words.replace(/\{(\d)\}/g, (_, index: string) => show(values[Number(index)] ?? ''));
}

/** `96 × 64 F32`. */
export function shapeText({ shape, dtype, encoding }: Pick<TensorSummary, 'shape' | 'dtype' | 'encoding'>): string {
  return `${sizesText(shape)} ${encoding ?? dtype}`;
}

export function sizesText(shape: readonly number[]): string {
  return shape.length > 0 ? shape.join(' × ') : l10n.t('scalar');
}
