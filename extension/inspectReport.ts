/** All numbers as one JSON object or as CSV, the same from the terminal and from the editor. C locale, full precision. */
import type { CheckpointSummary, DeviceInfo, InspectSettings, LayerResult, Problem } from './protocol';
import { metricTable } from './spectral/metricTable';

/** The object that `eigenscope inspect --json` prints. */
export interface InspectReport {
  checkpoint: {
    path: string;
    format: string;
    architecture: string;
    tensors: number;
    parameters: number;
    bytes: number;
    metadata: Record<string, string>;
  };
  settings: InspectSettings;
  /** What multiplied large layers; each layer's `precision` says what made its own numbers. */
  device: DeviceInfo;
  layers: LayerResult[];
  problems: Problem[];
}

export function inspectReport(
  summary: CheckpointSummary,
  settings: InspectSettings,
  layers: LayerResult[],
  device: DeviceInfo,
): InspectReport {
  const { path, format, architecture, parameters, bytes, metadata } = summary;
  return {
    checkpoint: { path, format, architecture, tensors: summary.tensors.length, parameters, bytes, metadata },
    settings,
    device,
    layers,
    problems: [...summary.problems, ...layers.flatMap(({ problems }) => problems)],
  };
}

const STATISTICS = ['count', 'min', 'max', 'mean', 'std', 'l2', 'zeros', 'nan', 'inf'] as const;

/** One line a layer: shape, metrics of the metric table, FARMS, ranks, statistics. */
export function inspectCsv(layers: readonly LayerResult[]): string {
  const metrics = metricTable.map(({ key }) => key);
  const ranks = [...new Set(layers.flatMap((layer) => Object.keys(layer.ranks)))];
  const header = [
    ...['name', 'tensor', 'shape', 'dtype', 'matrices', 'N', 'M', 'precision'],
    ...metrics,
    ...['farms_alpha', 'farms_D', 'farms_windows', 'farms_low', 'farms_high'],
    ...ranks.map((rule) => `rank_${rule}`),
    ...STATISTICS,
    'problems',
  ];
  const lines = layers.map((layer) => [
    ...[layer.name, layer.tensor, layer.shape.join('x'), layer.dtype, layer.matrices, layer.N, layer.M],
    layer.precision,
    ...metrics.map((key) => layer.metrics[key]),
    ...[
      layer.farms?.alpha,
      layer.farms?.D,
      layer.farms?.windows,
      layer.farms?.interval?.[0],
      layer.farms?.interval?.[1],
    ],
    ...ranks.map((rule) => layer.ranks[rule]?.rank),
    ...STATISTICS.map((key) => layer.statistics?.[key]),
    layer.problems.map(({ message }) => message).join('; '),
  ]);
  return [header, ...lines].map((line) => `${line.map(csvCell).join(',')}\n`).join('');
}

function csvCell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
