/** Lines of a number against depth, one a role; one of all layers for a model without blocks. Pure. */
import { l10n } from '../../extension/shared/language/l10n';
import type { TwinTable } from '../plots/twin';
import { cellValue, layerOf, numberText, type KnownNumbers, type MapCell, type MapGrid } from './mapGrid';
import type { MapQuantity } from './mapQuantities';

export interface DepthLine {
  /** `q`; empty for all layers of a model without blocks. */
  readonly role: string;
  readonly cells: readonly MapCell[];
  /** By panel, then by depth; null where there is no number. */
  readonly values: readonly (readonly (number | null)[])[];
  /** The same in words, estimates marked. */
  readonly texts: readonly (readonly string[])[];
  /** The layer that each point leads to. */
  readonly layers: readonly (string | undefined)[];
}

export function depthLines(
  { rows, roles, map }: MapGrid,
  known: KnownNumbers,
  panels: readonly MapQuantity[],
): DepthLine[] {
  const sources =
    map.blocks.length > 0 ? rows.slice(0, roles) : [{ label: '', cells: rows.flatMap(({ cells }) => cells) }];
  return sources.map(({ label, cells }) => {
    const found = panels.map((panel) => cells.map((cell) => cellValue(cell, known, panel)));
    return {
      role: label,
      cells,
      values: found.map((line) => line.map((each) => (each.state === 'number' ? each.value : null))),
      texts: found.map((line, i) =>
        line.map((each) => (each.state === 'number' ? numberText(each, panels[i]!.format) : '–')),
      ),
      layers: cells.map((cell, i) => layerOf(cell, found[0]![i]!)),
    };
  });
}

/** Half of the numbers lie between these two; null for fewer than four. */
export function middleHalf(values: readonly number[]): readonly [number, number] | null {
  if (values.length < 4) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return [at(0.25), at(0.75)];
}

export function numbersOf(lines: readonly DepthLine[], panel: number): number[] {
  return lines.flatMap(({ values }) => values[panel]!.filter((value) => value !== null));
}

/** Depths compared for a trend: fewer have none. */
const LEAST_DEPTHS = 6;

/** What the lines show, in one sentence: means of the first and of the last third. */
export function depthFinding(lines: readonly DepthLine[], panels: readonly MapQuantity[]): string {
  const depth = lines[0]?.cells.length ?? 0;
  const third = depth < LEAST_DEPTHS ? depth : Math.floor(depth / 3);
  const mean = (panel: number, from: number, to: number): number | null => {
    const values = lines.flatMap(({ values: all }) => all[panel]!.slice(from, to).filter((value) => value !== null));
    return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
  };
  const trends = panels.flatMap(({ label, format }, i) => {
    const [first, last] = [mean(i, 0, third), mean(i, depth - third, depth)];
    if (first === null || last === null) return [];
    return third === depth
      ? [`${label} ${format(first)}`]
      : [l10n.t('{0} {1} to {2}', label, format(first), format(last))];
  });
  if (trends.length === 0) return l10n.t('Fills as layers are inspected.');
  const text = trends.join(', ');
  return third === depth ? l10n.t('Mean: {0}.', text) : l10n.t('Means of the first and last third: {0}.', text);
}

/** A row for each depth. */
export function depthTwin({ map }: MapGrid, lines: readonly DepthLine[], panels: readonly MapQuantity[]): TwinTable {
  const several = panels.length > 1;
  const columns = panels.flatMap(({ label }) =>
    lines.map(({ role }) => [several || role === '' ? label : '', role].filter((word) => word !== '').join(' ')),
  );
  const depth = lines[0]?.cells.length ?? 0;
  const rows = Array.from({ length: depth }, (_, at) => [
    map.blocks[at]?.label ?? lines[0]!.cells[at]!.place,
    ...panels.flatMap((_, i) => lines.map(({ texts }) => texts[i]![at] ?? '–')),
  ]);
  const hasBlocks = map.blocks.length > 0;
  const description = panels.map((each) => each.description).join('; ');
  const caption = hasBlocks ? l10n.t('{0}, by block', description) : l10n.t('{0}, by layer', description);
  return { caption, columns: [hasBlocks ? l10n.t('block') : l10n.t('layer'), ...columns], rows };
}
