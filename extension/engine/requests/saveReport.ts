/** Writes a report of a model: the numbers that are known, and the spectra of some layers. */
import { version } from '../../../package.json';
import { writeAtomically } from '../../compression/atomicFile';
import { layersWorthShowing, reportData, type Spectrum } from '../../report/reportData';
import { readReportBundle, reportHtml } from '../../report/reportHtml';
import type { InspectSettings, LayerResult } from '../../shared/layers';
import { problemOf } from '../../shared/rpc';
import type { EngineDocument } from '../document/engineDocument';
import type { RequestParts } from './requestParts';

export interface ReportRequest {
  /** Results of the report, in the file's order. */
  readonly results: readonly LayerResult[];
  /** Layers whose spectra are shown; those worth showing if there are none. */
  readonly layers: readonly string[];
  readonly target: string;
  readonly overwrite: boolean;
}

/**
 * @param bundles folder of the program's own files
 * @returns the file written, its size, and what was left out
 * @throws CompressionError, and the signal's reason when it fires; the target is then as it was
 */
export async function saveReport(
  { outcomes }: Pick<RequestParts, 'outcomes'>,
  document: EngineDocument,
  { results, layers, target, overwrite }: ReportRequest,
  settings: InspectSettings,
  bundles: string,
  signal: AbortSignal,
): Promise<{ path: string; bytes: number; notes: readonly string[] }> {
  const bundle = await readReportBundle(bundles);
  const drawable = new Set(results.filter(({ matrices }) => matrices > 0).map(({ name }) => name));
  const chosen = layers.length > 0 ? layers : layersWorthShowing(results);
  const spectra: Spectrum[] = [];
  const notes: string[] = [];
  for (const layer of chosen.filter((name) => drawable.has(name))) {
    try {
      const { eigenvalues, farmsEigenvalues } = await outcomes.outcome(document, layer, settings, signal);
      spectra.push({ layer, eigenvalues, farmsEigenvalues });
    } catch (error) {
      signal.throwIfAborted();
      notes.push(`The spectrum of ${layer} is not in this report: ${problemOf(error).message}`);
    }
  }
  const data = reportData(document.summary, settings, results, spectra, `Eigenscope ${version}`, notes);
  const pieces = Array.from(reportHtml(data, bundle), (piece) => Buffer.from(piece));
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  const options = { size: bytes, protect: document.summary.files, overwrite, signal };
  const path = await writeAtomically(target, options, async (append) => {
    for (const piece of pieces) await append(piece);
  });
  return { path, bytes, notes: data.notes };
}
