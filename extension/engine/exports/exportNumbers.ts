/** Writes what a person keeps of a checkpoint's numbers: a table, an object, a report. */
import { writeText } from '../../compression/textFile';
import { CSV_BEGINNING, inspectCsv, inspectJson, inspectReport, JSON_BEGINNING } from '../../shared/inspectReport';
import type { DeviceInfo } from '../../shared/devices';
import type { ExportRequest, ExportResult } from '../../shared/exports';
import type { InspectSettings, LayerResult } from '../../shared/layers';
import type { EngineDocument } from '../document/engineDocument';
import type { RequestParts } from '../requests/requestParts';
import { exportedLayers } from './exportedLayers';
import { saveReport } from './saveReport';

/** What files of each kind begin with: one beside the model is replaced only if it begins so. */
const BEGINNINGS = { csv: CSV_BEGINNING, json: JSON_BEGINNING } as const;

export interface ExportParts extends Pick<RequestParts, 'outcomes' | 'notify'> {
  readonly hardware: { info(): Promise<DeviceInfo> };
}

/**
 * @param results by layer name, as the person sees them
 * @param bundles folder of the program's own files
 * @throws CompressionError as `writeAtomically`; the signal's reason when it fires. The target is then as it was
 */
export async function exportNumbers(
  parts: ExportParts,
  document: EngineDocument,
  request: ExportRequest,
  results: ReadonlyMap<string, LayerResult>,
  settings: InspectSettings,
  bundles: string,
  signal: AbortSignal,
): Promise<ExportResult> {
  const { format, target, looks } = request;
  const { summary } = document;
  if (format === 'report') {
    const known = [...document.layers.keys()].flatMap((name) => results.get(name) ?? []);
    const report = { results: known, layers: request.layers, more: true, target, overwrite: true };
    return saveReport(parts, document, report, settings, bundles, signal);
  }
  const layers = exportedLayers(summary, results);
  const report = inspectReport(summary, settings, layers, await parts.hardware.info(), [...looks]);
  const pieces = (): Iterable<string> => (format === 'json' ? inspectJson(report) : inspectCsv(report.layers));
  const options = { protect: summary.files, ofModel: true, ownBeginning: BEGINNINGS[format], overwrite: true, signal };
  return { ...(await writeText(target, options, pieces)), notes: [] };
}
