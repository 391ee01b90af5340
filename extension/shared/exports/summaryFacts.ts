/** What a checkpoint is, in one line in the C locale: format, architecture, sizes, types. */
import { agreeing } from '../agreeing';
import type { ModelSummary } from '../findings/modelSummary';
import type { CheckpointSummary } from '../tensors';

type Summary = Omit<CheckpointSummary, 'document'>;

/** @returns facts that may quote the file, to be joined */
export function summaryFacts(summary: Summary): string[] {
  const { optimizer, beside } = summary;
  const tensors = (count: number): string => `${count} ${agreeing(count, 'tensor')}`;
  return [
    summary.format,
    summary.architecture,
    tensors(summary.tensors.length),
    `${summary.parameters.toLocaleString('en')} parameters`,
    sizeText(summary.bytes),
    ...(optimizer ? [`optimizer state ${sizeText(optimizer.bytes)} in ${tensors(optimizer.tensors)}`] : []),
    ...(beside ? [`${tensors(beside.tensors)} beside the model`] : []),
    summary.dtypes.map(({ dtype, parameters }) => `${dtype} ${percent(parameters, summary.parameters)}`).join(', '),
  ].filter((fact) => fact !== '');
}

function percent(part: number, whole: number): string {
  const share = whole === 0 ? 0 : (100 * part) / whole;
  return share > 0 && share < 0.1 ? '<0.1 %' : `${share.toFixed(share < 10 && share % 1 !== 0 ? 1 : 0)} %`;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** Decimal units, in the C locale. */
export function sizeText(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]!}`;
}

/** WeightWatcher's means; empty without any. */
export function meansWords(means: ModelSummary['means']): string {
  return Object.entries(means)
    .filter(([, mean]) => mean !== null)
    .map(([key, mean]) => `${key} ${mean!.toFixed(2)}`)
    .join(', ');
}
