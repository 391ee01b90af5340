/** What a person reads in the terminal. */
import { firstNames, NAMES_SHOWN } from '../../checkpoint/problemList';
import { agreeing } from '../../shared/agreeing';
import type { InspectReport, ReportedLayer } from '../../shared/inspectReport';
import type { ModelSummary } from '../../shared/findings/modelSummary';
import { layerRemark } from '../../shared/exports/layerRemark';
import { hasRow, numberColumns, type NumberColumn } from '../../shared/exports/numberColumns';
import { meansWords, summaryFacts } from '../../shared/exports/summaryFacts';
import type { LayerResult } from '../../shared/layers';
import type {
  CheckpointSummary,
  LayerParts,
  NotModel,
  Problem,
  ShardOfModel,
  TensorSummary,
} from '../../shared/tensors';
import { MAX_CELL, shortCell, visible } from '../../shared/visibleText';
import { quickReport } from './quickReport';
import { isHead } from '../document/layerParts';
import { largestOf } from '../../shared/extremes';

/** The handle is of no use in a terminal. */
type Summary = Omit<CheckpointSummary, 'document'>;

export function layerReport(summary: Summary, report: InspectReport): string {
  const spectral = report.layers.filter(hasRow);
  const notModel = new Map(summary.tensors.map((tensor) => [tensor.name, tensor.notModel]));
  const named: NumberColumn = { title: 'layer', cell: (layer) => layerCell(layer, notModel.get(layer.tensor)) };
  const columns = [...numberColumns(spectral), named];
  // A remark is never cut: `layerCell` shortens the name before it.
  const rows = spectral.map((layer) =>
    columns.map((column) => (column === named ? visible : shortCell)(column.cell(layer))),
  );
  // A person's file gives its columns any names.
  const titles = columns.map(({ title }) => shortCell(title));
  const widths = titles.map((title, index) =>
    largestOf(
      rows.map((row) => width(row[index]!)),
      width(title),
    ),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => {
        const padding = ' '.repeat(widths[index]! - width(cell));
        return index === columns.length - 1 ? cell : padding + cell;
      })
      .join('  ');
  const table = rows.length > 0 ? [line(titles), ...rows.map(line)] : [];
  const closing = [
    `${layerCounts(report.layers).join(', ')}.`,
    ...(report.settings.farms.enabled ? [] : ['FARMS was left out.']),
    ...(spectral.some(({ farms }) => farms?.interval) ? [ESTIMATE_NOTE] : []),
    ...unshuffledLines(spectral),
    ...basesOf(spectral).map((base) => `‖ΔW‖/‖W‖: W is the weight of the same module in ${visible(base)}.`),
    ...strayUpdates(spectral),
    ...modelLines(report.model),
    '95 %: rank that keeps 95 % of ‖W‖².',
  ];
  const estimates = quickReport(summary, report.estimated ?? []);
  return [...heading(summary), '', ...table, '', ...closing, ...estimates, ...problemLines(report.problems), ''].join(
    '\n',
  );
}

/** What the randomisation test, where it was asked for, is missing. */
function unshuffledLines(layers: readonly LayerResult[]): string[] {
  const failed = layers.filter(({ randomised }) => randomised?.status === 'failed');
  const [first] = failed;
  return first ? [`${plural(failed.length, 'layer')} not shuffled: ${first.randomised?.reason ?? ''}.`] : [];
}

/** Files of the base models that products are compared with: where one lies beside an adapter, it may be another's. */
function basesOf(layers: readonly LayerResult[]): string[] {
  return [...new Set(layers.flatMap(({ factored }) => factored?.base?.path ?? []))];
}

/** Where a base model is there, an adapter for modules that it lacks was made for another one. */
function strayUpdates(layers: readonly LayerResult[]): string[] {
  const stray = layers.flatMap(({ name, factored }) => (factored && !factored.base ? [name] : []));
  if (stray.length === 0 || basesOf(layers).length === 0) return [];
  const lack = agreeing(
    stray.length,
    '1 update has no weight of its module and shape there',
    `${stray.length} updates have no weight of their module and shape there`,
  );
  return [`${lack}: ${visible(firstNames(stray, NAMES_SHOWN))}.`];
}

/** How many layers have what; each is in one of the counts. */
function layerCounts(layers: readonly LayerResult[]): string[] {
  const counts = { spectrum: 0, failed: 0, statistics: 0, neither: 0 };
  for (const { matrices, problems, statistics } of layers) {
    if (matrices > 0) counts.spectrum++;
    else if (problems.length > 0) counts.failed++;
    else if (statistics) counts.statistics++;
    else counts.neither++;
  }
  return [
    `${plural(counts.spectrum, 'layer')} with a spectrum`,
    ...(counts.failed > 0 ? [`${counts.failed} that could not be analysed`] : []),
    `${plural(counts.statistics, 'tensor')} with statistics only`,
    ...(counts.neither > 0 ? [`${counts.neither} whose elements are not read`] : []),
  ];
}

/** @param partsOf what the tensor's first layer consists of */
export function tensorReport(summary: Summary, partsOf: (tensor: TensorSummary) => LayerParts): string {
  const rows = summary.tensors.map((tensor) =>
    [
      tensor.name,
      tensor.shape.join('×') || 'scalar',
      tensor.encoding ?? tensor.dtype,
      tensor.group,
      partsCell(partsOf(tensor)),
      tensor.notModel ?? '',
    ].map((cell) => shortCell(cell)),
  );
  const widths = [0, 1, 2, 3, 4].map((index) =>
    largestOf(
      rows.map((row) => width(row[index]!)),
      0,
    ),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, index) => cell + ' '.repeat(Math.max(0, (widths[index] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd(),
  );
  return [...heading(summary), '', ...lines, ...problemLines(summary.problems), ''].join('\n');
}

/** `q (12 heads), k (12 heads), v (12 heads)` */
function partsCell({ parts }: LayerParts): string {
  const within = (label: string | undefined): string | undefined => {
    const heads = parts.filter((part) => part.within === label).length;
    return heads > 0 ? `${heads} heads` : undefined;
  };
  const outer = parts.filter((part) => part.within === undefined && !isHead(part));
  if (outer.length === 0) return parts.length > 0 ? `${parts.length} heads` : '';
  return outer.map(({ label }) => [label, within(label) && `(${within(label)!})`].filter(Boolean).join(' ')).join(', ');
}

const ESTIMATE_NOTE =
  'FARMS (a–b): an estimate from some of the windows, with its 95 % interval; --json tells how many windows.';

function heading(summary: Summary): string[] {
  const shard = summary.shard ? [shardLine(summary.shard)] : [];
  return [summary.path, summaryFacts(summary).join(' · '), ...shard].map(visible);
}

function shardLine({ number, total, whole }: ShardOfModel): string {
  const rest = whole === undefined ? 'not all of the others lie beside it' : `the whole model: ${whole}`;
  return `This file is shard ${number} of ${total}; ${rest}.`;
}

function problemLines(problems: readonly Problem[]): string[] {
  if (problems.length === 0) return [];
  return ['', `${plural(problems.length, 'problem')}:`, ...problems.map(({ message }) => `  ${visible(message)}`)];
}

/** Characters of a name that a remark leaves at least. */
const LEAST_NAME = 24;

function layerCell(layer: ReportedLayer, notModel: NotModel | undefined): string {
  const text = layerRemark(layer, notModel);
  // The remark stays whole where the name is long.
  return text
    ? `${shortCell(layer.name, Math.max(LEAST_NAME, MAX_CELL - width(text) - 4))}  (${text})`
    : shortCell(layer.name);
}

/** Groups of unusual layers that are listed; --json has all of them. */
const MOST_GROUPS = 20;

/** What is said of the model as a whole, and what a verdict means. */
function modelLines({ layers, means, verdict_reason: reason, next_step: next, findings }: ModelSummary): string[] {
  const rest = findings.length - MOST_GROUPS;
  const words = meansWords(means);
  return [
    ...(findings.length > 0 ? ['', 'Unusual:'] : []),
    ...findings.slice(0, MOST_GROUPS).map(({ where, what }) => `  ${visible(where)}: ${visible(what)}`),
    ...(rest > 0 ? [`  and ${plural(rest, 'group')} more, in --json.`] : []),
    ...(findings.length > 0 ? [''] : []),
    ...(words === '' ? [] : [`Means over ${plural(layers, 'layer')}, as in WeightWatcher's summary: ${words}.`]),
    ...(reason === undefined ? [] : [visible(reason), ...(next === undefined ? [] : [`Next step: ${next}`]), MEANING]),
  ];
}

const MEANING =
  'With the evidence for a verdict, which --json gives for each layer, alpha in 2–6 is typical of well-trained layers,\n' +
  'below 2 of over-trained or over-fitted ones, above 6 of under-trained ones.';

/** Characters, not UTF-16 units: names may hold any. */
function width(text: string): number {
  return Array.from(text).length;
}

function plural(count: number, noun: string): string {
  return `${count} ${agreeing(count, noun)}`;
}
