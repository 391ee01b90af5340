/** The cells of a model's map, and what each says in words. Pure. */
import { isOfModel } from '../../extension/shared/layerFindings';
import type { LayerResult } from '../../extension/shared/layers';
import { modelMap, type ModelMap } from '../../extension/shared/names/modelMap';
import type { TensorSummary } from '../../extension/shared/tensors';
import { plural } from '../numbers/format';
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
      place: `${roleNames[r]!}, ${block.word === '' ? '' : `${block.word} `}block ${block.number}`,
    })),
  }));
  const columns = hasBlocks ? Math.max(LEAST_COLUMNS, blocks.length) : Math.min(STRIP, Math.max(1, rest.length));
  const strips: MapRow[] = [];
  for (let i = 0; i < rest.length; i += columns) {
    strips.push({ label: '', cells: rest.slice(i, i + columns).map((name) => ({ layers: [name], place: name })) });
  }
  return { map, rows: [...roleRows, ...strips], roles: roles.length, columns };
}

/** What is known of a cell. */
export type CellValue =
  | { readonly state: 'none' | 'waiting' }
  | { readonly state: 'missing'; readonly why: string | undefined }
  | {
      readonly state: 'number';
      /** The mean where there are several. */
      readonly value: number;
      readonly low: number;
      readonly high: number;
      /** Layers that have the number. */
      readonly count: number;
      /** The layer whose number is furthest from the mean. */
      readonly layer: string;
    };

export function cellValue(
  { layers }: MapCell,
  results: ReadonlyMap<string, LayerResult>,
  quantity: MapQuantity,
): CellValue {
  if (layers.length === 0) return { state: 'none' };
  const known = layers.flatMap((name) => results.get(name) ?? []);
  if (known.length === 0) return { state: 'waiting' };
  const values = known.flatMap((result) => {
    const value = quantity.value(result);
    return typeof value === 'number' && Number.isFinite(value) ? [{ layer: result.name, value }] : [];
  });
  const [first] = values;
  if (!first) return { state: 'missing', why: known[0]!.problems[0]?.message ?? quantity.missing(known[0]!) };
  const mean = values.reduce((sum, { value }) => sum + value, 0) / values.length;
  let [low, high, furthest] = [first.value, first.value, first];
  for (const each of values) {
    low = Math.min(low, each.value);
    high = Math.max(high, each.value);
    if (Math.abs(each.value - mean) > Math.abs(furthest.value - mean)) furthest = each;
  }
  return { state: 'number', value: mean, low, high, count: values.length, layer: furthest.layer };
}

/** The number or why there is none; of several layers the mean, with the ends. */
export function valueWords(found: CellValue, { format, label }: MapQuantity): string {
  switch (found.state) {
    case 'none':
      return 'no such layer';
    case 'waiting':
      return 'not inspected yet';
    case 'missing':
      return `no ${label}${found.why === undefined ? '' : `: ${found.why}`}`;
    case 'number': {
      const { value, low, high, count } = found;
      if (count === 1) return `${label} ${format(value)}`;
      return `${label} ${format(value)} on average (${format(low)} to ${format(high)}, ${plural(count, 'matrix', 'matrices')})`;
    }
  }
}

/** The layer that a cell leads to; undefined for one without any. */
export function layerOf({ layers }: MapCell, found: CellValue): string | undefined {
  return found.state === 'number' ? found.layer : layers[0];
}

interface Known {
  cell: MapCell;
  value: number;
}

/** What the map shows, in one or two sentences. */
export function mapFinding(
  { rows }: MapGrid,
  results: ReadonlyMap<string, LayerResult>,
  quantity: MapQuantity,
): string {
  const known: Known[] = [];
  let waiting = 0;
  for (const { cells } of rows) {
    for (const cell of cells) {
      const found = cellValue(cell, results, quantity);
      if (found.state === 'number') known.push({ cell, value: found.value });
      if (found.state === 'waiting') waiting++;
    }
  }
  if (known.length === 0) {
    return waiting > 0 ? 'Fills as layers are inspected.' : `No layer here has ${quantity.description}.`;
  }
  known.sort((a, b) => a.value - b.value);
  const [least, most] = [known[0]!, known.at(-1)!];
  const middle = known[Math.floor((known.length - 1) / 2)]!;
  const end = ({ cell, value }: Known): string => `${quantity.format(value)} (${cell.place})`;
  const open = waiting > 0 ? ` ${plural(waiting, 'cell')} not inspected yet.` : '';
  if (known.length === 1) return `${quantity.label}: ${end(least)}.${open}`;
  return `${quantity.label}: median ${quantity.format(middle.value)}, from ${end(least)} to ${end(most)}.${open}`;
}

/** A row a role, a column a block; layers in no block below, one a row. */
export function mapTwin(
  { map, rows, roles }: MapGrid,
  results: ReadonlyMap<string, LayerResult>,
  quantity: MapQuantity,
): TwinTable {
  const text = (cell: MapCell): string => {
    const found = cellValue(cell, results, quantity);
    if (found.state === 'none') return '';
    return found.state === 'number' ? quantity.format(found.value) : '–';
  };
  const hasBlocks = map.blocks.length > 0;
  const columns = hasBlocks ? ['role', ...map.blocks.map(({ label }) => label)] : ['layer', quantity.label];
  const filled = (cells: readonly string[]): string[] => columns.map((_, i) => cells[i] ?? '');
  return {
    caption: `${quantity.description}, by ${hasBlocks ? 'role (down) and block (across)' : 'layer'}`,
    columns,
    rows: [
      ...rows.slice(0, roles).map(({ label, cells }) => [label, ...cells.map(text)]),
      ...rows.slice(roles).flatMap(({ cells }) => cells.map((cell) => filled([cell.place, text(cell)]))),
    ],
  };
}
