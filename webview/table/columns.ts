/** The table's columns: what headers tell of every tensor, then every measured number. */
import { l10n } from '../../extension/shared/language/l10n';
import { layerVerdict } from '../../extension/shared/layerFindings';
import type { LayerResult } from '../../extension/shared/layers';
import { ownKey } from '../../extension/shared/ownNumbers';
import { visible } from '../../extension/shared/visibleText';
import type { TensorSummary } from '../../extension/shared/tensors';
import { verdictMark, type VerdictMark } from '../numbers/verdictMark';
import { formatBytes, formatCompact, formatCount, formatMetric, formatShape, counted } from '../numbers/format';
import type { Inspection } from '../model/inspection';
import { estimateOf, estimateText, estimateWords, isExact } from '../numbers/estimates';
import { Means } from '../numbers/means';
import { measures, type Measure } from '../numbers/measures';
import type { TreeNode } from '../model/moduleTree';
import type { ColumnGroup } from '../numbers/columnGroups';
import { NAME_COLUMN } from './columnLayout';
import type { SortValue } from './tableOrder';

export interface CellContent {
  text: string;
  title?: string | undefined;
  /** Heat colour and mark. */
  mark?: VerdictMark | undefined;
  /** Not measured, but estimated with the interval that the title says. */
  estimated?: boolean;
  /** A module's row: the mean of the rows below, not a measurement. */
  mean?: boolean;
}

export interface Column {
  key: string;
  label: string;
  description: string;
  /** Under which the chooser lists it. */
  group: ColumnGroup;
  align: 'start' | 'end';
  /** Pixels; the name's column takes what is left. */
  width: number;
  /** A first click sorts the largest first. */
  descendingFirst: boolean;
  sort: SortValue;
  /** What the filter's `:` looks into, where that is a text. */
  text?: (node: TreeNode) => string | null;
  cell(node: TreeNode): CellContent;
}

const NUMBER_WIDTH = 78;
const LEAST_SHAPE_WIDTH = 96;
const MOST_SHAPE_WIDTH = 168;
const LEAST_TYPE_WIDTH = 54;
const MOST_TYPE_WIDTH = 168;
const CELL_PADDING = 16;
const MOST_OWN_WIDTH = 150;
const OWN_DIGITS = 4;

/** Width of a digit in the widest of the usual fonts, and of a character, about, at 13 pixels. */
const DIGIT_WIDTH = 8;
export const CHARACTER_WIDTH = 7;

const empty: CellContent = { text: '' };

/** A verdict is about WeightWatcher's own fit: the exponents of other rules and of FARMS lie elsewhere. */
const JUDGED = 'alpha';

/** Come after the fit: alpha is to be in sight beside an open layer, and the shape says much of what they say. */
const AFTER_FIT: readonly string[] = ['parameters', 'bytes'];
const FIT: readonly string[] = ['alpha', 'farms_alpha', 'D'];

/** In the order in which they stand in the table. */
export function allColumns(inspection: Inspection): Column[] {
  const header = headerColumns(inspection);
  const measured = measuredColumns(inspection);
  const sizes = header.filter(({ key }) => AFTER_FIT.includes(key));
  const fit = measured.filter(({ key }) => FIT.includes(key));
  const others = (columns: readonly Column[], taken: readonly Column[]): Column[] =>
    columns.filter((column) => !taken.includes(column));
  return [...others(header, sizes), ...fit, ...ownNumberColumns(inspection), ...sizes, ...others(measured, fit)];
}

/** A person's own numbers; a module's row has the mean of those below. */
function ownNumberColumns(inspection: Inspection): Column[] {
  return [...inspection.ownColumns].map(([name, values]): Column => {
    const value = ({ layer }: TreeNode): number | null => (layer === undefined ? null : (values.get(layer) ?? null));
    const means = new Means({ arrivals: [...values.keys()], leafOf: (layer) => inspection.leafOf(layer) }, value);
    const shown = (number: number): string => formatMetric(number, { kind: 'number', digits: OWN_DIGITS });
    return {
      ...{
        key: ownKey(name),
        label: visible(name),
        description: l10n.t('Your numbers: {0}', visible(name)),
        align: 'end',
      },
      group: 'Your numbers',
      width: Math.max(NUMBER_WIDTH, Math.min(MOST_OWN_WIDTH, name.length * CHARACTER_WIDTH + CELL_PADDING)),
      descendingFirst: true,
      sort: (node) => (node.layer === undefined ? (means.of(node)?.mean ?? null) : value(node)),
      cell: (node) => {
        if (node.layer === undefined) {
          const found = means.of(node);
          if (!found) return empty;
          return { text: shown(found.mean), title: l10n.t('Mean of {0}', counted('layers', found.count)), mean: true };
        }
        const number = value(node);
        return number === null ? empty : { text: shown(number), title: String(number) };
      },
    };
  });
}

/** Room for the longest shape, from four digits by four to a convolution of three axes. */
function shapeWidth({ summary }: Inspection): number {
  const longest = summary.tensors.reduce((most, { shape }) => Math.max(most, formatShape(shape).length), 0);
  return Math.min(MOST_SHAPE_WIDTH, Math.max(LEAST_SHAPE_WIDTH, longest * DIGIT_WIDTH + CELL_PADDING));
}

/** A layer of its own row is one matrix of a stack. */
function shapeText({ tensor, kind }: TreeNode): string | null {
  return tensor ? formatShape(kind === 'layer' ? tensor.shape.slice(1) : tensor.shape) : null;
}

function typeName({ encoding, dtype }: TensorSummary): string {
  return encoding ?? dtype;
}

/** Room for the longest name: LoRA pairs and quantised weights have long ones. */
function typeWidth({ summary }: Inspection): number {
  const longest = summary.tensors.reduce((most, tensor) => Math.max(most, typeName(tensor).length), 0);
  return Math.min(MOST_TYPE_WIDTH, Math.max(LEAST_TYPE_WIDTH, longest * DIGIT_WIDTH + CELL_PADDING));
}

function headerColumns(inspection: Inspection): Column[] {
  return [
    {
      ...{
        key: NAME_COLUMN,
        label: l10n.t('Name'),
        description: l10n.t('Name in the checkpoint'),
        group: 'Tensor',
        align: 'start',
      },
      ...{ width: 0, descendingFirst: false },
      sort: (node) => node.name,
      text: (node) => node.filterText,
      cell: () => empty,
    },
    {
      ...{
        key: 'shape',
        label: l10n.t('Shape'),
        description: l10n.t('Shape as stored'),
        group: 'Tensor',
        align: 'start',
      },
      ...{ width: shapeWidth(inspection), descendingFirst: true },
      sort: (node) => (node.tensor ? node.parameters : null),
      text: shapeText,
      cell: (node) => {
        const text = shapeText(node);
        return text === null ? { text: counted('tensors', node.tensors), mean: true } : { text, title: text };
      },
    },
    {
      ...{
        key: 'dtype',
        label: l10n.t('Type'),
        description: l10n.t('Element type as stored'),
        group: 'Tensor',
        align: 'start',
      },
      ...{ width: typeWidth(inspection), descendingFirst: false },
      sort: ({ tensor }) => (tensor ? typeName(tensor) : null),
      text: ({ tensor }) => (tensor ? typeName(tensor) : null),
      cell: ({ tensor }) => (tensor ? { text: typeName(tensor), title: typeName(tensor) } : empty),
    },
    {
      ...{
        key: 'parameters',
        label: l10n.t('Params'),
        description: l10n.t('Number of elements'),
        group: 'Tensor',
        align: 'end',
      },
      ...{ width: 70, descendingFirst: true },
      sort: (node) => node.parameters,
      cell: (node) => ({ text: formatCompact(node.parameters), title: formatCount(node.parameters) }),
    },
    {
      ...{
        key: 'bytes',
        label: l10n.t('Size'),
        description: l10n.t('Bytes of the elements as stored'),
        group: 'Tensor',
        align: 'end',
        width: 72,
      },
      descendingFirst: true,
      sort: (node) => node.bytes,
      cell: (node) => ({ text: formatBytes(node.bytes), title: counted('bytes', node.bytes) }),
    },
  ];
}

function markOf(result: LayerResult, tensor: TensorSummary, alpha: number): VerdictMark | undefined {
  const judged = layerVerdict(result, tensor);
  return judged && verdictMark(judged, alpha);
}

/** True where there is the evidence to say something of its alpha: only then does it count in a mean. */
function isJudged(inspection: Inspection, { layer, tensor }: TreeNode): boolean {
  const result = layer === undefined ? undefined : inspection.results.get(layer);
  const judged = result && layerVerdict(result, tensor);
  return judged !== undefined && judged.verdict !== 'no verdict';
}

/** The estimate of a layer without a result. */
function estimated({ looks }: Inspection, { layer }: TreeNode, measure: Measure): number | null {
  const look = layer === undefined ? undefined : looks.get(layer);
  return (look && estimateOf(look, measure)?.value) ?? null;
}

function estimatedCell({ looks }: Inspection, { layer }: TreeNode, measure: Measure): CellContent {
  const look = layer === undefined ? undefined : looks.get(layer);
  const estimate = look && estimateOf(look, measure);
  if (!estimate) return empty;
  return {
    text: estimateText(estimate, measure),
    title: estimateWords(look, measure, estimate),
    estimated: !isExact(estimate),
  };
}

/** A mean of whole numbers is none. */
function meanFormat(format: Measure['format']): Measure['format'] {
  return format.kind === 'integer' ? { ...format, kind: 'number' } : format;
}

function measuredColumns(inspection: Inspection): Column[] {
  return measures().map((measure) => {
    const value = (node: TreeNode): number | null => {
      const result = node.layer === undefined ? undefined : inspection.results.get(node.layer);
      return result ? (measure.value(result) ?? null) : null;
    };
    const needsVerdict = measure.key === JUDGED;
    const means = measure.averaged
      ? new Means(inspection, (node) => {
          if (node.tensor?.sharedWith !== undefined || (needsVerdict && !isJudged(inspection, node))) return null;
          return value(node);
        })
      : null;
    return {
      key: measure.key,
      label: measure.label,
      description: measure.description,
      group: measure.group,
      align: 'end',
      width: measure.width ?? NUMBER_WIDTH,
      descendingFirst: true,
      sort: (node) =>
        node.layer === undefined
          ? (means?.of(node)?.mean ?? null)
          : (value(node) ?? estimated(inspection, node, measure)),
      cell: (node) => {
        if (node.layer === undefined) {
          const found = means?.of(node);
          if (!found) return empty;
          return {
            text: formatMetric(found.mean, meanFormat(measure.format)),
            title: needsVerdict
              ? l10n.t('Mean of {0} with a verdict', counted('layers', found.count))
              : l10n.t('Mean of {0}', counted('layers', found.count)),
            mean: true,
          };
        }
        const result = inspection.results.get(node.layer);
        if (!result) return estimatedCell(inspection, node, measure);
        const number = value(node);
        if (number === null) {
          // Said once in a row: a screen reader would repeat it in every cell.
          if (result.matrices === 0)
            return measure.key === JUDGED
              ? { text: '', title: result.noSpectrum && l10n.known(result.noSpectrum) }
              : empty;
          return { text: '–', title: l10n.known(measure.missing?.(result) ?? '') || undefined };
        }
        return {
          text: formatMetric(number, measure.format),
          title: measure.title?.(result),
          ...(measure.key === JUDGED && node.tensor && { mark: markOf(result, node.tensor, number) }),
        };
      },
    };
  });
}
