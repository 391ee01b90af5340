/** The cells of a model's map, and what each says in words. Pure. */
import type { QuickLook } from '../../extension/shared/estimates';
import { l10n } from '../../extension/shared/language/l10n';
import { isOfModel } from '../../extension/shared/layerFindings';
import type { LayerResult } from '../../extension/shared/layers';
import { modelMap, type ModelMap } from '../../extension/shared/names/modelMap';
import type { TensorSummary } from '../../extension/shared/tensors';
import { ESTIMATED, isExact } from '../numbers/estimates';
import { counted, formatCount } from '../numbers/format';
import type { TwinTable } from '../plots/twin';
import type { MapQuantity } from './mapQuantities';

export interface MapCell {
  /** Several where experts share a place, none where a block has no such role. */
  readonly layers: readonly string[];
  /** `q_proj, block 3`; the name of a layer in no block. */
  readonly place: string;
}

export interface MapRow {
  /** `q`; empty for layers in no block. */
  readonly label: string;
  readonly cells: readonly MapCell[];
}

export interface MapGrid {
  readonly map: ModelMap;
  /** Roles first, then layers in no block. */
  readonly rows: readonly MapRow[];
  /** Rows of roles. */
  readonly roles: number;
  /** Cells that fit in a row. */
  readonly columns: number;
}

/** Cells in a row of layers that lie in no block. */
const STRIP = 48;

/** A map of few blocks leaves its other layers cells no wider than this many to a row. */
const LEAST_COLUMNS = 12;

export function mapGrid(tensors: readonly TensorSummary[]): MapGrid {
  const layers = tensors
    .filter((tensor) => isOfModel(tensor) && tensor.sharedWith === undefined)
    .flatMap(({ name, alias, layers: names }) =>
      names.map((layer) => ({ name: layer, alias: layer === name ? alias : undefined })),
    );
  const map = modelMap(layers);
  const { blocks, roles, roleNames, cells, rest } = map;
  const hasBlocks = blocks.length > 0;
  const roleRows = roles.map((label, r) => ({
    label,
    cells: blocks.map((block, column) => ({
      layers: cells[r]![column]!,
      place:
        block.word === ''
          ? l10n.t('{0}, block {1}', roleNames[r]!, block.number)
          : l10n.t('{0}, {2} block {1}', roleNames[r]!, block.number, block.word),
    })),
  }));
  const columns = hasBlocks ? Math.max(LEAST_COLUMNS, blocks.length) : Math.min(STRIP, Math.max(1, rest.length));
  const strips: MapRow[] = [];
  for (let i = 0; i < rest.length; i += columns) {
    strips.push({ label: '', cells: rest.slice(i, i + columns).map((name) => ({ layers: [name], place: name })) });
  }
  return { map, rows: [...roleRows, ...strips], roles: roles.length, columns };
}

/** Numbers of layers, and estimates of those that have none yet. */
export interface KnownNumbers {
  readonly results: ReadonlyMap<string, LayerResult>;
  readonly looks: ReadonlyMap<string, QuickLook>;
}

/** What is known of a cell. */
export type CellValue =
  | { readonly state: 'none' | 'waiting' }
  | { readonly state: 'missing'; readonly why: string | undefined }
  | {
      readonly state: 'number';
      /** The mean where there are several. */
      readonly value: number;
      /** The ends of several; the interval of an estimate. */
      readonly low: number;
      readonly high: number;
      /** It, or one of several, is an estimate. */
      readonly estimated: boolean;
      /** Layers that have the number. */
      readonly count: number;
      /** The layer whose number is furthest from the mean. */
      readonly layer: string;
    };

interface LayerNumber {
  layer: string;
  value: number;
  low: number;
  high: number;
  estimated: boolean;
}

function numberOf(layer: string, { results, looks }: KnownNumbers, quantity: MapQuantity): LayerNumber | undefined {
  const result = results.get(layer);
  if (result) {
    const value = quantity.value(result);
    if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
    return { layer, value, low: value, high: value, estimated: false };
  }
  const look = looks.get(layer);
  const estimate = look && quantity.estimate?.(look);
  return estimate && { layer, ...estimate, estimated: !isExact(estimate) };
}

export function cellValue({ layers }: MapCell, known: KnownNumbers, quantity: MapQuantity): CellValue {
  if (layers.length === 0) return { state: 'none' };
  const numbers = layers.flatMap((layer) => numberOf(layer, known, quantity) ?? []);
  const [first] = numbers;
  if (!first) {
    const result = layers.map((layer) => known.results.get(layer)).find((each) => each !== undefined);
    if (!result) return { state: 'waiting' };
    return { state: 'missing', why: result.problems[0]?.message ?? quantity.missing(result) };
  }
  const mean = numbers.reduce((sum, { value }) => sum + value, 0) / numbers.length;
  let [low, high, furthest] = [first.low, first.high, first];
  for (const each of numbers) {
    low = Math.min(low, each.low);
    high = Math.max(high, each.high);
    if (Math.abs(each.value - mean) > Math.abs(furthest.value - mean)) furthest = each;
  }
  const estimated = numbers.some((each) => each.estimated);
  return { state: 'number', value: mean, low, high, estimated, count: numbers.length, layer: furthest.layer };
}

/** The number or why there is none; of several layers the mean, with the ends. */
export function valueWords(found: CellValue, { format, label }: MapQuantity): string {
  switch (found.state) {
    case 'none':
      return l10n.t('no such layer');
    case 'waiting':
      return l10n.t('not inspected yet');
    case 'missing':
      return found.why === undefined ? l10n.t('no {0}', label) : l10n.t('no {0}: {1}', label, l10n.known(found.why));
    case 'number': {
      const { low, high, count } = found;
      const text = `${label} ${numberText(found, format)}`;
      if (count > 1)
        return l10n.t('{0} on average ({1} to {2}, {3})', text, format(low), format(high), counted('matrices', count));
      return found.estimated
        ? l10n.t('{0}, estimated: 95% interval {1} to {2}', text, format(low), format(high))
        : text;
    }
  }
}

/** The number; marked where it is estimated. */
export function numberText(
  { value, estimated }: { value: number; estimated: boolean },
  format: MapQuantity['format'],
): string {
  return estimated ? `${ESTIMATED} ${format(value)}` : format(value);
}

/** The layer that a cell leads to; undefined for one without any. */
export function layerOf({ layers }: MapCell, found: CellValue): string | undefined {
  return found.state === 'number' ? found.layer : layers[0];
}

/** What is in sight of blocks, or of layers in order, in words. @param end excluded */
export function shownBlocks({ map: { blocks } }: MapGrid, first: number, end: number): string {
  return blocks.length === 0
    ? l10n.t('Shown: from layer {0} to layer {1}.', formatCount(first + 1), formatCount(end))
    : l10n.t('Shown: from block {0} to block {1}.', blocks[first]!.label, blocks[end - 1]!.label);
}

interface KnownCell {
  cell: MapCell;
  value: number;
  estimated: boolean;
}

/** What the map shows, in one or two sentences. */
export function mapFinding({ rows }: MapGrid, known: KnownNumbers, quantity: MapQuantity): string {
  const cells: KnownCell[] = [];
  let waiting = 0;
  for (const row of rows) {
    for (const cell of row.cells) {
      const found = cellValue(cell, known, quantity);
      if (found.state === 'number') cells.push({ cell, value: found.value, estimated: found.estimated });
      if (found.state === 'waiting') waiting++;
    }
  }
  if (cells.length === 0) {
    return waiting > 0
      ? l10n.t('Fills as layers are inspected.')
      : l10n.t('No layer here has {0}.', quantity.description);
  }
  cells.sort((a, b) => a.value - b.value);
  const [least, most] = [cells[0]!, cells.at(-1)!];
  const middle = cells[Math.floor((cells.length - 1) / 2)]!;
  const end = ({ cell, ...found }: KnownCell): string => `${numberText(found, quantity.format)} (${cell.place})`;
  const open =
    waiting > 0
      ? [l10n.many(waiting, '1 cell not inspected yet.', '{0} cells not inspected yet.', formatCount(waiting))]
      : [];
  if (cells.length === 1) return [`${quantity.label}: ${end(least)}.`, ...open].join(' ');
  const median = numberText(
    { value: middle.value, estimated: cells.some(({ estimated }) => estimated) },
    quantity.format,
  );
  const spread = l10n.t('{0}: median {1}, from {2} to {3}.', quantity.label, median, end(least), end(most));
  return [spread, ...open].join(' ');
}

/** A row a role, a column a block; layers in no block below, one a row. */
export function mapTwin({ map, rows, roles }: MapGrid, known: KnownNumbers, quantity: MapQuantity): TwinTable {
  const text = (cell: MapCell): string => {
    const found = cellValue(cell, known, quantity);
    if (found.state === 'none') return '';
    return found.state === 'number' ? numberText(found, quantity.format) : '–';
  };
  const hasBlocks = map.blocks.length > 0;
  const columns = hasBlocks
    ? [l10n.t('role'), ...map.blocks.map(({ label }) => label)]
    : [l10n.t('layer'), quantity.label];
  const filled = (cells: readonly string[]): string[] => columns.map((_, i) => cells[i] ?? '');
  return {
    caption: hasBlocks
      ? l10n.t('{0}, by role (down) and block (across)', quantity.description)
      : l10n.t('{0}, by layer', quantity.description),
    columns,
    rows: [
      ...rows.slice(0, roles).map(({ label, cells }) => [label, ...cells.map(text)]),
      ...rows.slice(roles).flatMap(({ cells }) => cells.map((cell) => filled([cell.place, text(cell)]))),
    ],
  };
}
