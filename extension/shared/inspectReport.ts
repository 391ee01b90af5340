/** All numbers as one JSON object or as CSV, the same from the terminal and from the editor. C locale, full precision. */
import type { DeviceInfo } from './devices';
import type { QuickLook } from './estimates';
import { modelSummary, type ModelSummary } from './findings/modelSummary';
import { layerVerdict, UNREADABLE } from './layerFindings';
import type { AlternativeLaw, InspectSettings, LayerResult } from './layers';
import { metricTable } from './metricTable';
import type { CheckpointSummary, Problem, ShardOfModel } from './tensors';
import type { JudgedAlpha } from './verdict';
import { ownKey } from './ownNumbers';
import { visibleCell, visibleJson } from './visibleText';

/** A layer's numbers, what its alpha says of its training (absent without a spectrum), and a person's own numbers of it. */
export type ReportedLayer = LayerResult & Partial<JudgedAlpha> & { own?: Record<string, number> };

/** The object that `eigenscope inspect --json` prints. */
export interface InspectReport {
  checkpoint: {
    path: string;
    format: string;
    architecture: string;
    tensors: number;
    /** Parameters of the model, without its optimizer's state and other tensors that are no part of it. */
    parameters: number;
    bytes: number;
    optimizer?: { tensors: number; bytes: number };
    /** Set if the file is one of several that make up the model. */
    shard?: ShardOfModel;
    beside?: { tensors: number; bytes: number };
    metadata: Record<string, string>;
  };
  settings: InspectSettings;
  /** What multiplied large layers; each layer's `precision` says what made its own numbers. */
  device: DeviceInfo;
  /** What is said of the model as a whole, from the layers of this report. */
  model: ModelSummary;
  /** Layers that have estimates and are not among `layers`: their spectra were not computed. */
  estimated?: QuickLook[];
  layers: ReportedLayer[];
  problems: Problem[];
}

/** What `inspectCsv` and `inspectJson` begin with, whatever the model. */
export const CSV_BEGINNING = 'name,tensor,shape,dtype,';
export const JSON_BEGINNING = '{\n  "checkpoint": {';

export function inspectReport(
  summary: CheckpointSummary,
  settings: InspectSettings,
  layers: LayerResult[],
  device: DeviceInfo,
  estimated: QuickLook[] = [],
): InspectReport {
  const { path, format, architecture, parameters, bytes, optimizer, beside, metadata, shard } = summary;
  const counts = { tensors: summary.tensors.length, parameters, bytes };
  const totals = { ...counts, ...(optimizer && { optimizer }), ...(beside && { beside }), ...(shard && { shard }) };
  return {
    checkpoint: { path, format, architecture, ...totals, metadata },
    settings,
    device,
    model: modelSummary(summary.tensors, layers),
    ...(estimated.length > 0 && { estimated }),
    layers: reportedLayers(summary, layers),
    problems: [...summary.problems, ...layerProblems(layers, summary.problems)],
  };
}

/** Problems of layers; that a tensor cannot be read is said once, by the file where it knows more. */
function layerProblems(layers: readonly LayerResult[], known: readonly Problem[]): Problem[] {
  const told = new Set(known.map(({ tensor }) => tensor));
  return layers.flatMap(({ problems }) =>
    problems.filter(({ code, tensor }) => code !== UNREADABLE || !told.has(tensor)),
  );
}

/** @param layers of any tensors of `summary` */
export function reportedLayers(
  { tensors }: Pick<CheckpointSummary, 'tensors'>,
  layers: LayerResult[],
): ReportedLayer[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return layers.map((layer) => ({ ...layer, ...layerVerdict(layer, byName.get(layer.tensor)) }));
}

/**
 * The report as `JSON.stringify(report, null, 2)` writes it, layer by layer: in one piece, that of 120 000 layers is
 * longer than a string can be. Characters that are not seen are escaped: a terminal would obey some of them.
 */
export function* inspectJson({ layers, problems, ...head }: InspectReport): Generator<string> {
  const indented = (value: unknown, by: string): string =>
    visibleJson(JSON.stringify(value, null, 2)).replaceAll('\n', `\n${by}`);
  yield `{\n${Object.entries(head)
    .map(([key, value]) => `  "${key}": ${indented(value, '  ')},\n`)
    .join('')}`;
  yield '  "layers": [';
  for (const [index, layer] of layers.entries()) yield `${index === 0 ? '' : ','}\n    ${indented(layer, '    ')}`;
  yield `${layers.length === 0 ? '' : '\n  '}],\n  "problems": ${indented(problems, '  ')}\n}\n`;
}

const STATISTICS = ['count', 'min', 'max', 'mean', 'std', 'l2', 'zeros', 'nan', 'inf'] as const;

/** Laws that the tail is compared with; two columns each. */
const LAWS = [
  'truncated_power_law',
  'exponential',
  'stretched_exponential',
  'lognormal',
] as const satisfies readonly AlternativeLaw[];

/** The law that the tail follows, R and p of each comparison, and the bootstrap's p if it was asked for. */
const TAIL_HEADER = [
  ...['tail_shape_law', 'tail_shape_n'],
  ...LAWS.flatMap((law) => [`${law}_R`, `${law}_p`]),
  ...['goodness_p', 'goodness_standard_error'],
];

function tailCells({ tail_shape: shape, goodness }: LayerResult): (string | number | null | undefined)[] {
  const comparisons = LAWS.map((law) => shape?.comparisons?.find((comparison) => comparison.law === law));
  return [
    ...[shape?.law, shape?.n],
    ...comparisons.flatMap((comparison) => [comparison?.R, comparison?.p]),
    ...[goodness?.p, goodness?.standard_error],
  ];
}

/**
 * One line a layer; texts as `visibleCell` shows them: shape, metrics of the metric table, shape of the tail, FARMS, ranks,
 * statistics, the verdict on alpha, problems, a person's own numbers.
 */
export function* inspectCsv(layers: readonly ReportedLayer[]): Generator<string> {
  const metrics = metricTable.map(({ key }) => key);
  const ranks = [...new Set(layers.flatMap((layer) => Object.keys(layer.ranks)))];
  const own = [...new Set(layers.flatMap((layer) => Object.keys(layer.own ?? {})))];
  const header = [
    ...['name', 'tensor', 'shape', 'dtype', 'matrices', 'N', 'M', 'precision'],
    ...metrics,
    ...TAIL_HEADER,
    ...['farms_alpha', 'farms_D', 'farms_windows', 'farms_low', 'farms_high'],
    ...ranks.map((rule) => `rank_${rule}`),
    ...STATISTICS,
    ...['verdict', 'verdict_reason'],
    'problems',
    ...own.map(ownKey),
  ];
  const cells = (layer: ReportedLayer): (string | number | null | undefined)[] => [
    ...[
      layer.name,
      layer.tensor,
      layer.shape.join('x'),
      layer.encoding ?? layer.dtype,
      layer.matrices,
      layer.N,
      layer.M,
    ],
    layer.precision,
    ...metrics.map((key) => layer.metrics[key]),
    ...tailCells(layer),
    ...[
      layer.farms?.alpha,
      layer.farms?.D,
      layer.farms?.windows,
      layer.farms?.interval?.[0],
      layer.farms?.interval?.[1],
    ],
    ...ranks.map((rule) => layer.ranks[rule]?.rank),
    ...STATISTICS.map((key) => layer.statistics?.[key]),
    ...[layer.verdict, layer.verdict_reason],
    layer.problems.map(({ message }) => message).join('; '),
    ...own.map((name) => layer.own?.[name]),
  ];
  yield csvLine(header);
  for (const layer of layers) yield csvLine(cells(layer));
}

/** Texts that a spreadsheet would run are made plain. */
export function csvLine(cells: readonly (string | number | null | undefined)[]): string {
  return `${cells.map(csvCell).join(',')}\n`;
}

function csvCell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? visibleCell(value) : String(value);
  return /[",;]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
