/** The rows of the plan's table: what each layer becomes and what that costs; their columns, and their order. */
import { layerMethod } from '../../extension/shared/compression/methodTable';
import type { ErrorKind, PlanRow } from '../../extension/compression/plan/planRequest';
import type { GroupPlan, PlanLayer } from '../../extension/shared/compression/plans';
import { l10n } from '../../extension/shared/language/l10n';
import { GROUP_LABELS } from './groupLabels';
import { formatBytes, formatCompact, formatCount, formatPercent, formatShape } from '../numbers/format';

/** A row with the layer that it is about. */
export interface LayerRow extends PlanRow {
  readonly layer: PlanLayer;
  /** The group that it becomes smaller with. */
  readonly group?: GroupOfRow;
}

export interface GroupOfRow {
  /** Its name. */
  readonly group: string;
  readonly plan: GroupPlan;
  /** Share of the weight that stays. */
  readonly kept: number;
}

export interface PlanColumn {
  readonly key: string;
  readonly label: string;
  readonly description: string;
  readonly align: 'start' | 'end';
  readonly width: number;
  readonly text: (row: LayerRow) => string;
  readonly title?: (row: LayerRow) => string | undefined;
  /** Rows without a value go last. */
  readonly sort: (row: LayerRow) => number | string | null;
}

function rankOf({ plan, group }: LayerRow): number | null {
  return group?.plan.rank ?? ('keep' in plan ? null : (plan.rank ?? null));
}

/** Why a layer stays dense, or what should be known of what it becomes. */
export function remark({ plan, note }: PlanRow): string {
  return l10n.known('keep' in plan ? plan.why : (note ?? ''));
}

const BOUNDS: Record<ErrorKind, { sign: string; words: string }> = {
  exact: { sign: '', words: l10n.t('Exact: from the singular values') },
  'at least': { sign: '≥ ', words: l10n.t('At least this: a bound from the singular values') },
  'at most': { sign: '≤ ', words: l10n.t('At most this: a bound from the singular values') },
  estimate: { sign: '≈ ', words: l10n.t('An estimate: measured once the layer is compressed') },
};

type KnownError = Pick<PlanRow, 'error' | 'errorIs' | 'errorBetween'>;

/** An error with what is known of it: exact, a bound, or an estimate with its interval. */
export function errorText({ error, errorIs, errorBetween }: KnownError): string {
  if (error === null) return '–';
  const text = `${BOUNDS[errorIs].sign}${formatPercent(error)}`;
  if (!errorBetween) return text;
  const [least, most] = errorBetween.map((end) => formatPercent(end));
  return least === most ? text : `${text} (${least} – ${most})`;
}

export function errorTitle(row: KnownError): string {
  const { error, errorIs, errorBetween } = row;
  if (error === null) return l10n.t('Not known before the layer is compressed, or before it is inspected');
  const { words } = BOUNDS[errorIs];
  return errorBetween
    ? l10n.t('{0}. {1}. The interval is for light and for heavy tails of the weights', errorText(row), words)
    : words;
}

/** An error with its interval, in pixels. */
const INTERVAL_WIDTH = 204;

/** An error alone. */
const ERROR_WIDTH = 84;

/** Widths of all columns but the first, in pixels: errors take the room of intervals only if a row has one. */
export function columnWidths(rows: readonly LayerRow[]): number[] {
  const hasInterval = rows.some(({ errorBetween }) => errorBetween !== undefined);
  return planColumns.slice(1).map(({ key, width }) => (key === 'error' && !hasInterval ? ERROR_WIDTH : width));
}

export const planColumns: readonly PlanColumn[] = [
  {
    ...{
      key: 'layer',
      label: l10n.t('Layer'),
      description: l10n.t('Name in the checkpoint'),
      align: 'start',
      width: 0,
    },
    // Names that are too long lose their beginning.
    text: ({ name, pinned }) => `${name}${pinned ? ' ✎' : ''}`,
    title: ({ name, pinned }) => (pinned ? l10n.t('{0}: set by hand', name) : name),
    sort: ({ name }) => name,
  },
  {
    ...{
      key: 'method',
      label: l10n.t('Method'),
      description: l10n.t('What the layer becomes'),
      align: 'start',
      width: 120,
    },
    text: ({ plan, group }) =>
      group ? GROUP_LABELS[group.plan.method].short : 'keep' in plan ? l10n.t('dense') : layerMethod(plan.method).label,
    title: ({ plan, group }) =>
      group
        ? `${GROUP_LABELS[group.plan.method].title}: ${group.group}`
        : 'keep' in plan
          ? l10n.known(plan.why) || undefined
          : layerMethod(plan.method).description,
    sort: ({ plan, group }) => group?.plan.method ?? ('keep' in plan ? null : plan.method),
  },
  {
    ...{
      key: 'rank',
      label: l10n.t('Rank'),
      description: l10n.t('Directions, columns or atoms that are kept'),
      align: 'end',
      width: 64,
    },
    text: (row) => (rankOf(row) === null ? '' : formatCount(rankOf(row)!)),
    sort: rankOf,
  },
  {
    ...{
      key: 'kept',
      label: l10n.t('Kept'),
      description: l10n.t('Share of the parameters that stays'),
      align: 'end',
      width: 68,
    },
    text: ({ kept }) => formatPercent(kept),
    sort: ({ kept }) => kept,
  },
  {
    ...{
      key: 'error',
      label: l10n.t('Error'),
      description: l10n.t('Relative error of the weight'),
      align: 'end',
      width: INTERVAL_WIDTH,
    },
    text: (row) => ('keep' in row.plan ? '' : errorText(row)),
    title: (row) => ('keep' in row.plan ? undefined : errorTitle(row)),
    sort: ({ error }) => error,
  },
  {
    ...{ key: 'bytes', label: l10n.t('Size'), description: l10n.t('Bytes that are stored'), align: 'end', width: 76 },
    // What a copy takes is in the row of the layer that it is a copy of.
    text: ({ bytes, layer }) => (layer.uncounted ? '–' : formatBytes(bytes.after)),
    title: (row) => (row.layer.uncounted ? remark(row) : l10n.t('{0} before', formatBytes(row.bytes.before))),
    sort: ({ bytes }) => bytes.after,
  },
  {
    ...{
      key: 'multiply-adds',
      label: l10n.t('MACs'),
      description: l10n.t('Multiply-adds a token'),
      align: 'end',
      width: 72,
    },
    text: ({ multiplyAdds, layer }) => (layer.uncounted ? '–' : formatCompact(multiplyAdds.after)),
    title: (row) => (row.layer.uncounted ? remark(row) : l10n.t('{0} before', formatCompact(row.multiplyAdds.before))),
    sort: ({ multiplyAdds }) => multiplyAdds.after,
  },
  {
    ...{
      key: 'why',
      label: l10n.t('Why left out'),
      description: l10n.t('Why the layer stays dense'),
      align: 'start',
      width: 240,
    },
    text: remark,
    title: (row) => remark(row) || undefined,
    sort: (row) => remark(row) || null,
  },
  {
    ...{ key: 'shape', label: l10n.t('Shape'), description: l10n.t('Outputs × inputs'), align: 'start', width: 112 },
    text: ({ layer }) => formatShape([layer.outputs, layer.inputs]),
    sort: ({ layer }) => layer.outputs * layer.inputs,
  },
];

export interface RowOrder {
  readonly column: string;
  readonly descending: boolean;
}

/** In the checkpoint's order without one; rows that are equal keep it. */
export function sortedRows(rows: readonly LayerRow[], order: RowOrder | null): readonly LayerRow[] {
  const column = planColumns.find(({ key }) => key === order?.column);
  if (!column || !order) return rows;
  const sign = order.descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [first, second] = [column.sort(a), column.sort(b)];
    if (first === null || second === null) return Number(first === null) - Number(second === null);
    if (typeof first === 'string' || typeof second === 'string') {
      return sign * String(first).localeCompare(String(second), undefined, { numeric: true });
    }
    return sign * (first - second);
  });
}
