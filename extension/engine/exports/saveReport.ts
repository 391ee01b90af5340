/** Writes a report of a model: the numbers that are known, and the spectra of some layers. */
import { version } from '../../../package.json';
import { resolveTarget } from '../../compression/saveTarget';
import { writeText } from '../../compression/textFile';
import { layersWorthShowing, reportData, type Spectrum } from '../../report/reportData';
import { readReportBundle, REPORT_BEGINNING, reportHtml } from '../../report/reportHtml';
import { agreeing } from '../../shared/agreeing';
import type { ExportResult } from '../../shared/exports/exportFormats';
import type { InspectSettings, LayerResult } from '../../shared/layers';
import type { OwnNumbers } from '../../shared/ownNumbers';
import { problemOf } from '../../shared/rpc';
import type { EngineDocument } from '../document/engineDocument';
import type { RequestParts } from '../requests/requestParts';

export interface ReportRequest {
  /** Results of the report, in the file's order. */
  readonly results: readonly LayerResult[];
  /** A person's own numbers of the layers. */
  readonly own: readonly OwnNumbers[];
  /** Layers whose spectra are shown first. */
  readonly layers: readonly string[];
  /** Those worth showing follow. */
  readonly more: boolean;
  readonly target: string;
  readonly overwrite: boolean;
}

/**
 * @param bundles folder of the program's own files
 * @returns the file written, its size, and what was left out
 * @throws CompressionError, and the signal's reason when it fires; the target is then as it was
 */
export async function saveReport(
  { outcomes, notify }: Pick<RequestParts, 'outcomes' | 'notify'>,
  document: EngineDocument,
  { results, own, layers, more, target, overwrite }: ReportRequest,
  settings: InspectSettings,
  bundles: string,
  signal: AbortSignal,
): Promise<ExportResult> {
  const { summary, stamp } = document;
  const place = { protect: summary.files, ofModel: true, ownBeginning: REPORT_BEGINNING, overwrite };
  // Before spectra are computed, which may take minutes.
  await resolveTarget(target, place);
  const bundle = await readReportBundle(bundles);
  const drawable = new Set(results.filter(({ matrices }) => matrices > 0).map(({ name }) => name));
  const wanted = [...new Set([...layers, ...(more ? layersWorthShowing(results) : [])])];
  const chosen = wanted.filter((name) => drawable.has(name));
  const spectra: Spectrum[] = [];
  const notes = unknownNote(document.layers.size - results.length, document.layers.size);
  for (const [index, layer] of chosen.entries()) {
    notify('saving', { ...stamp, fraction: index / (chosen.length + 1), message: layer });
    try {
      const { eigenvalues, farmsEigenvalues } = await outcomes.outcome(document, layer, settings, signal);
      spectra.push({ layer, eigenvalues, farmsEigenvalues });
    } catch (error) {
      signal.throwIfAborted();
      notes.push(`The spectrum of ${layer} is not in this report: ${problemOf(error).message}`);
    }
  }
  const data = reportData(summary, settings, { results, own, spectra }, `Eigenscope ${version}`, notes);
  const written = await writeText(target, { ...place, signal }, () => reportHtml(data, bundle));
  return { ...written, notes: data.notes };
}

function unknownNote(unknown: number, all: number): string[] {
  if (unknown <= 0) return [];
  const were = agreeing(unknown, 'was', 'were');
  return [
    `${unknown} of ${all} layers ${were} not inspected when this report was made: it holds no numbers of theirs.`,
  ];
}
