/** Writes what a person keeps of a checkpoint's numbers: a table, an object, a report. */
import { writeText } from '../../compression/textFile';
import {
  CSV_BEGINNING,
  inspectCsv,
  inspectJson,
  inspectReport,
  JSON_BEGINNING,
  type InspectReport,
} from '../../shared/inspectReport';
import { inspectMarkdown, ISSUE_CHARACTERS, MARKDOWN_BEGINNING } from '../../shared/exports/inspectMarkdown';
import type { CheckpointSummary } from '../../shared/tensors';
import type { DeviceInfo } from '../../shared/devices';
import type { ExportRequest, ExportResult, ToldNumbers } from '../../shared/exports/exportFormats';
import type { InspectSettings, LayerResult } from '../../shared/layers';
import type { EngineDocument } from '../document/engineDocument';
import { withOwn } from '../ownNumbers/withOwn';
import type { RequestParts } from '../requests/requestParts';
import { exportedLayers, NOT_ANALYSED } from './exportedLayers';
import { saveReport } from './saveReport';

/** What files of each kind begin with: one beside the model is replaced only if it begins so. */
const BEGINNINGS = { csv: CSV_BEGINNING, json: JSON_BEGINNING, markdown: MARKDOWN_BEGINNING } as const;

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
  const { format, target, looks, own = [] } = request;
  const { summary } = document;
  if (format === 'report') {
    const known = [...document.layers.keys()].flatMap((name) => results.get(name) ?? []);
    const report = { results: known, own, layers: request.layers, more: true, target, overwrite: true };
    return saveReport(parts, document, report, settings, bundles, signal);
  }
  const all = exportedLayers(summary, results);
  const only = request.only && new Set(request.only);
  const layers =
    format === 'markdown' ? known(all) : format === 'csv' && only ? all.filter(({ name }) => only.has(name)) : all;
  const report = withOwn(inspectReport(summary, settings, layers, await parts.hardware.info(), [...looks]), own);
  const options = { protect: summary.files, ofModel: true, ownBeginning: BEGINNINGS[format], overwrite: true, signal };
  return { ...(await writeText(target, options, () => piecesOf(format, summary, report))), notes: [] };
}

/** The overview in Markdown, as much of it as an issue takes. */
export async function overviewText(
  { hardware }: Pick<ExportParts, 'hardware'>,
  document: EngineDocument,
  { looks, own = [] }: ToldNumbers,
  results: ReadonlyMap<string, LayerResult>,
  settings: InspectSettings,
): Promise<string> {
  const layers = known(exportedLayers(document.summary, results));
  const report = withOwn(inspectReport(document.summary, settings, layers, await hardware.info(), [...looks]), own);
  return [...inspectMarkdown(document.summary, report, ISSUE_CHARACTERS)].join('');
}

/** An overview counts the layers that it lacks: a row for each would be most of it. */
function known(layers: readonly LayerResult[]): LayerResult[] {
  return layers.filter(({ problems }) => !problems.some(({ code }) => code === NOT_ANALYSED));
}

function piecesOf(
  format: Exclude<ExportRequest['format'], 'report'>,
  summary: CheckpointSummary,
  report: InspectReport,
): Iterable<string> {
  switch (format) {
    case 'csv':
      return inspectCsv(report.layers);
    case 'json':
      return inspectJson(report);
    case 'markdown':
      return savedMarkdown(summary, report);
  }
}

function* savedMarkdown(summary: CheckpointSummary, report: InspectReport): Generator<string> {
  yield MARKDOWN_BEGINNING;
  yield* inspectMarkdown(summary, report);
}
