/** What a person reads in the terminal. */
import { agreeing } from '../../shared/agreeing';
import type { InspectReport, ReportedLayer } from '../../shared/inspectReport';
import type { ModelSummary } from '../../shared/findings/modelSummary';
import { failedFit, isAllZero, lostRank } from '../../shared/layerFindings';
import type { LayerResult } from '../../shared/layers';
import type {
  CheckpointSummary,
  LayerParts,
  NotModel,
  Problem,
  ShardOfModel,
  TensorSummary,
} from '../../shared/tensors';
import type { Verdict, VerdictCheck } from '../../shared/verdict';
import { MAX_CELL, shortCell, visible } from '../../shared/visibleText';
import { quickReport } from './quickReport';
import { isHead } from '../document/layerParts';
import { largestOf } from '../../shared/extremes';

/** The handle is of no use in a terminal. */
type Summary = Omit<CheckpointSummary, 'document'>;

interface Column {
  title: string;
  cell: (layer: ReportedLayer) => string;
}

/** The name comes behind them, as in `ls -l`: names of any length then leave the numbers aligned. */
const NUMBERS: readonly Column[] = [
  { title: 'alpha', cell: ({ metrics }) => fixed(metrics.alpha, 2) },
  { title: 'D', cell: ({ metrics }) => fixed(metrics.D, 3) },
  { title: 'FARMS', cell: farmsCell },
  { title: 'stable', cell: ({ metrics }) => fixed(metrics.stable_rank, 1) },
  { title: 'effective', cell: ({ metrics }) => fixed(metrics.effective_rank, 1) },
  { title: 'entropy', cell: ({ metrics }) => fixed(metrics.entropy, 3) },
  { title: 'σ₁²', cell: ({ metrics }) => significant(metrics.spectral_norm) },
  { title: '95 %', cell: ({ ranks }) => (ranks['energy_0.95'] ? `${ranks['energy_0.95'].rank}` : '–') },
  { title: 'shape', cell: ({ shape }) => shape.join('×') },
  { title: 'dtype', cell: ({ dtype, encoding }) => encoding ?? dtype },
];

/** ‖ΔW‖/‖W‖ of a LoRA pair's product, if the base model lies beside the adapter. */
const RELATIVE_NORM: Column = {
  title: '‖ΔW‖/‖W‖',
  cell: ({ factored }) => significant(factored?.base?.relative_norm),
};

export function layerReport(summary: Summary, report: InspectReport): string {
  const spectral = report.layers.filter(({ matrices, problems }) => matrices > 0 || problems.length > 0);
  const notModel = new Map(summary.tensors.map((tensor) => [tensor.name, tensor.notModel]));
  const named: Column = { title: 'layer', cell: (layer) => layerCell(layer, notModel.get(layer.tensor)) };
  const columns = [...(spectral.some(({ factored }) => factored?.base) ? [RELATIVE_NORM] : []), ...NUMBERS, named];
  // A remark is never cut: `layerCell` shortens the name before it.
  const rows = spectral.map((layer) =>
    columns.map((column) => (column === named ? visible : shortCell)(column.cell(layer))),
  );
  const widths = columns.map(({ title }, index) =>
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
  const table = rows.length > 0 ? [line(columns.map(({ title }) => title)), ...rows.map(line)] : [];
  const closing = [
    `${layerCounts(report.layers).join(', ')}.`,
    ...(report.settings.farms.enabled ? [] : ['FARMS was left out.']),
    ...(spectral.some(({ farms }) => farms?.interval) ? [ESTIMATE_NOTE] : []),
    ...unshuffledLines(spectral),
    ...basesOf(spectral).map((base) => `‖ΔW‖/‖W‖: W is the weight of the same module in ${visible(base)}.`),
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
  const { optimizer, beside } = summary;
  const dtypes = summary.dtypes.map(({ dtype, parameters }) => `${dtype} ${percent(parameters, summary.parameters)}`);
  return [
    summary.path,
    `${summary.format} · ${summary.architecture} · ${summary.tensors.length} tensors · ` +
      `${summary.parameters.toLocaleString('en')} parameters · ${size(summary.bytes)}` +
      (optimizer ? ` · optimizer state ${size(optimizer.bytes)} in ${plural(optimizer.tensors, 'tensor')}` : '') +
      (beside ? ` · ${plural(beside.tensors, 'tensor')} beside the model` : '') +
      (dtypes.length > 0 ? ` · ${dtypes.join(', ')}` : ''),
    ...(summary.shard ? [shardLine(summary.shard)] : []),
  ].map(visible);
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
  const text = remark(layer, notModel);
  // The remark stays whole where the name is long.
  return text
    ? `${shortCell(layer.name, Math.max(LEAST_NAME, MAX_CELL - width(text) - 4))}  (${text})`
    : shortCell(layer.name);
}

function remark(layer: ReportedLayer, notModel: NotModel | undefined): string {
  const [problem] = layer.problems;
  if (problem) return problem.code;
  if (isAllZero(layer)) return 'all zero';
  const failed = failedFit(layer);
  if (failed !== undefined) return `no fit: ${failed}`;
  if (notModel !== undefined) return notModel;
  const remarks = layer.tiedWith === undefined ? [] : [`tied with ${shortCell(layer.tiedWith)}`];
  const verdict = verdictRemark(layer);
  if (verdict !== undefined) remarks.push(verdict);
  const lost = lostRank(layer);
  if (lost > 0) remarks.push(`rank loss ${lost}`);
  return remarks.join(', ');
}

/** Nothing where alpha lies in 2–6 with the evidence for it, and where there is none. */
function verdictRemark({ metrics, verdict, verdict_evidence: evidence = [] }: ReportedLayer): string | undefined {
  if (verdict === undefined || verdict === WELL_TRAINED || typeof metrics.alpha !== 'number') return undefined;
  const lacking = evidence.find(({ holds }) => !holds);
  return lacking ? `${verdict}: ${LACKING[lacking.check]}` : verdict;
}

/** What a verdict lacks, in a few words. */
const LACKING: Record<VerdictCheck['check'], string> = {
  subject: 'no weight',
  fit: 'no fit',
  tail: 'short tail',
  spikes: 'indistinguishable from random',
  shuffled: 'indistinguishable from random',
  entries: 'single large entries',
  zeros: 'mostly zeros',
  distance: 'D too large',
  bootstrap: 'p too small',
  law: 'another law fits better',
  limits: 'α ± 2σ crosses a limit',
  shape: 'its shape explains it',
};

const WELL_TRAINED: Verdict = 'typical of well-trained layers';

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

function meansWords(means: ModelSummary['means']): string {
  return Object.entries(means)
    .filter(([, mean]) => mean !== null)
    .map(([key, mean]) => `${key} ${mean!.toFixed(2)}`)
    .join(', ');
}

function farmsCell({ farms }: LayerResult): string {
  if (!farms || farms.alpha === null) return '–';
  const interval = farms.interval && ` (${farms.interval.map((end) => end.toFixed(2)).join('–')})`;
  return farms.alpha.toFixed(2) + (interval ?? '');
}

function fixed(value: number | null | undefined, digits: number): string {
  return value === null || value === undefined ? '–' : value.toFixed(digits);
}

function significant(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : value.toPrecision(4);
}

function percent(part: number, whole: number): string {
  const share = whole === 0 ? 0 : (100 * part) / whole;
  return share > 0 && share < 0.1 ? '<0.1 %' : `${share.toFixed(share < 10 && share % 1 !== 0 ? 1 : 0)} %`;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

function size(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]!}`;
}

/** Characters, not UTF-16 units: names may hold any. */
function width(text: string): number {
  return Array.from(text).length;
}

function plural(count: number, noun: string): string {
  return `${count} ${agreeing(count, noun)}`;
}
