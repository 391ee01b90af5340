/** Chooses what a report holds, within bounds, and says what it leaves out. */
import type { InspectSettings, LayerResult } from '../shared/layers';
import { unusualLayers } from '../shared/findings/unusualLayers';
import type { OwnNumbers } from '../shared/ownNumbers';
import type { CheckpointSummary, TensorSummary } from '../shared/tensors';
import { fileName } from '../shared/names/fileName';
import type { ReportData, ReportSpectrum } from './reportRecords';

/** A report of more tensors would take a browser seconds to open: some 15 MB of numbers. */
export const MOST_TENSORS = 5000;

/** λ of all spectra together, in bytes: a report can still be sent by mail. */
export const MOST_SPECTRUM_BYTES = 6 * 1024 * 1024;

/** Layers whose spectra are shown if nobody chose any. */
export const CHOSEN_LAYERS = 8;

export interface Spectrum {
  readonly layer: string;
  readonly eigenvalues: Float64Array;
  readonly farmsEigenvalues: Float64Array;
}

/** The unusual layers first, worst first, then the largest: whose spectra a report shows. */
export function layersWorthShowing(results: readonly LayerResult[]): string[] {
  const drawable = results.filter(({ matrices }) => matrices > 0);
  const names = new Set(drawable.map(({ name }) => name));
  const unusual = unusualLayers(drawable).map(({ layer }) => layer);
  const size = ({ N = 0, M = 0, matrices }: LayerResult): number => N * M * matrices;
  const largest = [...drawable].sort((a, b) => size(b) - size(a)).map(({ name }) => name);
  return [...new Set([...unusual, ...largest])].filter((name) => names.has(name)).slice(0, CHOSEN_LAYERS);
}

export interface ReportNumbers {
  /** In the file's order. */
  readonly results: readonly LayerResult[];
  /** A person's own; of two columns of one name, the later is shown. */
  readonly own?: readonly OwnNumbers[];
  /** In the order in which they are shown. */
  readonly spectra: readonly Spectrum[];
}

/** @param notes what the caller left out, in sentences */
export function reportData(
  summary: CheckpointSummary,
  settings: InspectSettings,
  { results, own = [], spectra }: ReportNumbers,
  program: string,
  notes: readonly string[] = [],
): ReportData {
  const tensors = summary.tensors.slice(0, MOST_TENSORS);
  const named = new Set(tensors.map(({ name }) => name));
  const shown = results.filter(({ tensor }) => named.has(tensor));
  const said = [...notes];
  const all = summary.tensors.length;
  if (all > tensors.length) {
    said.unshift(
      `Only the first ${tensors.length} of ${all} tensors are in this report: all that it says of the model is of those.`,
    );
  }
  const packed: ReportSpectrum[] = [];
  const [without, withoutFarms]: [string[], string[]] = [[], []];
  let room = MOST_SPECTRUM_BYTES;
  const inReport = new Set(shown.map(({ name }) => name));
  const chosen = spectra.filter(({ layer }) => inReport.has(layer));
  const kept = chosen.filter(({ layer, eigenvalues }) => {
    if (eigenvalues.byteLength <= room) room -= eigenvalues.byteLength;
    else without.push(layer);
    return !without.includes(layer);
  });
  // Pooled windows hold many more values: they take the room that is left.
  for (const { layer, eigenvalues, farmsEigenvalues } of kept) {
    const fits = farmsEigenvalues.byteLength <= room;
    if (fits) room -= farmsEigenvalues.byteLength;
    else withoutFarms.push(layer);
    packed.push({ layer, eigenvalues: base64(eigenvalues), farms: fits ? base64(farmsEigenvalues) : '' });
  }
  if (without.length > 0) said.push(`Too large for this report are the spectra of ${without.join(', ')}.`);
  if (withoutFarms.length > 0) {
    said.push(`Too large for this report are the FARMS spectra of ${withoutFarms.join(', ')}.`);
  }
  return {
    // Folders are nobody's business who gets the report, nor is the engine's handle.
    summary: { ...summary, document: '', path: fileName(summary.path), files: [], metadata: {}, tensors },
    ...{ settings, results: shown, spectra: packed, own: ownOf(tensors, own), notes: said, program },
  };
}

/** Numbers of the tensors that are in the report. Of a file, its name is told, and no folder. */
function ownOf(tensors: readonly TensorSummary[], own: readonly OwnNumbers[]): OwnNumbers[] {
  const shown = new Set(tensors.flatMap(({ name, layers }) => (layers.length > 0 ? layers : [name])));
  return own.map((file) => {
    const kept = file.layers.map((layer) => shown.has(layer));
    return {
      ...file,
      path: fileName(file.path),
      layers: file.layers.filter((_, at) => kept[at]),
      columns: file.columns.map(({ name, values }) => ({ name, values: values.filter((_, at) => kept[at]) })),
    };
  });
}

function base64(values: Float64Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}
