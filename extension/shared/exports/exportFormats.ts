/** What a person keeps of a checkpoint's numbers: the formats, the request, and what was written. */
import type { OwnNumbers } from '../ownNumbers';
import type { QuickLook } from '../estimates';
import { l10n } from '../language/l10n';

export type ExportFormat = 'csv' | 'json' | 'markdown' | 'report';

export interface ExportFormatRow {
  readonly format: ExportFormat;
  /** File name ending, without the dot. */
  readonly ending: string;
  /** What stands behind the checkpoint's name in the proposed file name. */
  readonly suffix: string;
  /** Of files, for the dialog. */
  readonly files: string;
  /** Title of the dialog. */
  readonly title: string;
}

export const exportFormats: readonly ExportFormatRow[] = [
  { format: 'csv', ending: 'csv', suffix: 'weights', files: 'CSV', title: l10n.t('Save Numbers as CSV') },
  { format: 'json', ending: 'json', suffix: 'weights', files: 'JSON', title: l10n.t('Save Numbers as JSON') },
  {
    format: 'markdown',
    ending: 'md',
    suffix: 'overview',
    files: 'Markdown',
    title: l10n.t('Save Overview as Markdown'),
  },
  { format: 'report', ending: 'html', suffix: 'report', files: 'HTML', title: l10n.t('Save Report') },
];

export function exportFormat(format: ExportFormat): ExportFormatRow {
  return exportFormats.find((row) => row.format === format)!;
}

/** The numbers that an export is made of. */
export interface ToldNumbers {
  /** Results that were told before, with `tellResults`. */
  readonly results: number;
  /** Layers without a result that have estimates. */
  readonly looks: readonly QuickLook[];
  readonly own?: readonly OwnNumbers[];
}

export interface ExportRequest extends ToldNumbers {
  readonly format: ExportFormat;
  /** It may exist already: the person was asked. */
  readonly target: string;
  /** Layers whose spectra a report shows beside those worth showing. */
  readonly layers: readonly string[];
  /** Layers and tensors that a CSV file is limited to; all without it. */
  readonly only?: readonly string[];
}

export interface ExportResult {
  readonly path: string;
  readonly bytes: number;
  /** What is not in it, and why, in sentences. */
  readonly notes: readonly string[];
}
