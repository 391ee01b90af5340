/** The table's columns: what headers tell of every tensor, then every row of the metric table, FARMS and ranks. */
import type { LayerResult } from '../extension/protocol';
import { metricTable, type MetricRow } from '../extension/spectral/metricTable';
import { alphaBand, type AlphaBand } from './alphaBands';
import {
  formatBytes,
  formatCompact,
  formatCount,
  formatMetric,
  formatNumber,
  formatPercent,
  formatShape,
  plural,
} from './format';
import type { Inspection } from './inspection';
import type { TreeNode } from './moduleTree';
import { rankRules } from './rankRules';
import type { SortValue } from './tableOrder';

export interface CellContent {
  text: string;
  title?: string;
  /** Heat colour and mark. */
  band?: AlphaBand;
  /** A module's row: the mean of the rows below, not a measurement. */
  mean?: boolean;
}

export interface Column {
  key: string;
  label: string;
  description: string;
  align: 'start' | 'end';
  /** Pixels; the name's column takes what is left. */
  width: number;
  /** A first click sorts the largest first. */
  descendingFirst: boolean;
  sort: SortValue;
  cell(node: TreeNode): CellContent;
}

/** Shown until a person chooses otherwise. */
export const DEFAULT_COLUMNS: readonly string[] = [
  'shape',
  'dtype',
  'parameters',
  'bytes',
  'alpha',
  'farms_alpha',
  'D',
  'stable_rank',
  'effective_rank',
  'entropy',
  'spectral_norm',
  'rank_energy_0.95',
];

/** Always the first column: a row without its name says nothing. */
export const NAME_COLUMN = 'name';

const NUMBER_WIDTH = 78;

const empty: CellContent = { text: '' };

/** WeightWatcher's bands are about its own fit: the exponents of other rules and of FARMS lie elsewhere. */
const BANDED = 'alpha';

export function allColumns(inspection: Inspection): Column[] {
  return [...headerColumns(), ...measuredColumns(inspection)];
}

function headerColumns(): Column[] {
  return [
    {
      ...{ key: NAME_COLUMN, label: 'Name', description: 'Name in the checkpoint', align: 'start' },
      ...{ width: 0, descendingFirst: false },
      sort: (node) => node.name,
      cell: () => empty,
    },
    {
      ...{ key: 'shape', label: 'Shape', description: 'Shape as stored', align: 'start', width: 114 },
      descendingFirst: true,
      sort: (node) => (node.tensor ? node.parameters : null),
      cell: ({ tensor, kind, tensors }) =>
        kind === 'layer'
          ? empty
          : tensor
            ? { text: formatShape(tensor.shape), title: formatShape(tensor.shape) }
            : { text: plural(tensors, 'tensor'), mean: true },
    },
    {
      ...{ key: 'dtype', label: 'Type', description: 'Element type as stored', align: 'start', width: 54 },
      descendingFirst: false,
      sort: (node) => node.tensor?.dtype ?? null,
      cell: ({ tensor }) => (tensor ? { text: tensor.dtype } : empty),
    },
    {
      ...{ key: 'parameters', label: 'Params', description: 'Number of elements', align: 'end' },
      ...{ width: 70, descendingFirst: true },
      sort: (node) => node.parameters,
      cell: (node) => ({ text: formatCompact(node.parameters), title: formatCount(node.parameters) }),
    },
    {
      ...{ key: 'bytes', label: 'Size', description: 'Bytes of the elements as stored', align: 'end', width: 72 },
      descendingFirst: true,
      sort: (node) => node.bytes,
      cell: (node) => ({ text: formatBytes(node.bytes), title: plural(node.bytes, 'byte') }),
    },
  ];
}

/** One measured number: how it is read from a layer's result, how it is shown and explained. */
interface Measure {
  key: string;
  label: string;
  description: string;
  /** How the number is shown. */
  format: Pick<MetricRow, 'kind' | 'digits'>;
  width?: number;
  value(result: LayerResult): number | null | undefined;
  title?(result: LayerResult): string | undefined;
}

function measuredColumns(inspection: Inspection): Column[] {
  return measures().map((measure) => {
    const value = (node: TreeNode): number | null => {
      const result = node.layer === undefined ? undefined : inspection.results.get(node.layer);
      return result ? (measure.value(result) ?? null) : null;
    };
    const meanOf = cachedMean(inspection, value);
    return {
      key: measure.key,
      label: measure.label,
      description: measure.description,
      align: 'end',
      width: measure.width ?? NUMBER_WIDTH,
      descendingFirst: true,
      sort: (node) => (node.layer === undefined ? (meanOf(node)?.mean ?? null) : value(node)),
      cell: (node) => {
        if (node.layer === undefined) {
          const found = meanOf(node);
          if (!found) return empty;
          return {
            text: formatMetric(found.mean, { ...measure.format, kind: 'number' }),
            title: `Mean of ${plural(found.count, 'layer')}`,
            mean: true,
          };
        }
        const result = inspection.results.get(node.layer);
        const number = value(node);
        if (!result || number === null)
          return { text: result && result.matrices > 0 ? '–' : '', title: reason(result) };
        const title = measure.title?.(result);
        return {
          text: formatMetric(number, measure.format),
          ...(title !== undefined && { title }),
          ...(measure.key === BANDED && { band: alphaBand(number) }),
        };
      },
    };
  });
}

function measures(): Measure[] {
  const metrics: Measure[] = metricTable.map(({ key, label, description, source, kind, digits }) => ({
    key,
    label,
    description: source ? `${description} (${source})` : description,
    format: { kind, digits },
    ...(label.length > 9 && { width: 104 }),
    value: (result) => result.metrics[key],
  }));
  const alpha = metrics.findIndex((measure) => measure.key === 'alpha');
  metrics.splice(alpha + 1, 0, {
    key: 'farms_alpha',
    label: 'FARMS α',
    description:
      'alpha of the pooled spectra of windows of one aspect ratio: compares layers of different shape (FARMS)',
    format: { kind: 'number', digits: 2 },
    value: ({ farms }) => farms?.alpha,
    title: ({ farms }) =>
      farms?.interval && `95% interval ${farms.interval.map((end) => formatNumber(end, 3)).join(' to ')}`,
  });
  return [...metrics, ...rankMeasures()];
}

function rankMeasures(): Measure[] {
  return rankRules.map(({ key, label, description }) => ({
    key: `rank_${key}`,
    label: `rank ${label}`,
    description: `Rank suggestion: ${description}`,
    format: { kind: 'integer', digits: 0 },
    width: 96,
    value: ({ ranks }) => ranks[key]?.rank,
    title: ({ ranks }) => {
      const found = ranks[key];
      return found && `error ${formatPercent(found.error)}, ${formatPercent(found.ratio)} of the parameters`;
    },
  }));
}

/** How old the means of modules may be while results come in: over 100 000 rows they are not free. */
const MEAN_AGE_MS = 1000;

/** Mean over the layers below a node, kept until newer results are known and it has aged. */
function cachedMean(
  inspection: Inspection,
  value: (node: TreeNode) => number | null,
): (node: TreeNode) => { mean: number; count: number } | null {
  let version = -1;
  let computed = -Infinity;
  let known = new Map<TreeNode, { sum: number; count: number }>();
  const total = (node: TreeNode): { sum: number; count: number } => {
    const cached = known.get(node);
    if (cached) return cached;
    const own = node.layer === undefined ? null : value(node);
    const sums = own === null ? { sum: 0, count: 0 } : { sum: own, count: 1 };
    for (const child of node.children) {
      const { sum, count } = total(child);
      sums.sum += sum;
      sums.count += count;
    }
    known.set(node, sums);
    return sums;
  };
  return (node) => {
    if (version !== inspection.version && performance.now() - computed > MEAN_AGE_MS) {
      version = inspection.version;
      computed = performance.now();
      known = new Map();
    }
    const { sum, count } = total(node);
    return count === 0 ? null : { mean: sum / count, count };
  };
}

function reason(result: LayerResult | undefined): string | undefined {
  const fit = result?.fits.KS;
  if (fit?.status === 'failed') return fit.reason ?? 'the fit failed';
  return result?.problems[0]?.message ?? result?.noSpectrum;
}
