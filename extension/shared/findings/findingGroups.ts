/**
 * Unusual layers of which the same can be said, one line a group: "c_attn and c_fc, blocks 11–23: alpha above 6, FARMS
 * 2.9–3.4: their shape explains it". Pure.
 */
import { l10n } from '../language/l10n';
import type { ModelMap } from '../names/modelMap';
import { UNDER_TRAINED } from '../verdict';
import { listWords, PLAIN_NUMBERS, rangeWords, type NumberWords } from './numberWords';
import type { UnusualKind, UnusualLayer } from './unusualLayers';

export interface FindingGroup {
  kind: UnusualKind;
  /** Worst first. */
  layers: UnusualLayer[];
  /** `c_attn and c_fc, blocks 11–23`; the layer's name for one alone. */
  where: string;
  what: string;
}

/** Stretches of blocks that are named; more are counted. */
const MOST_STRETCHES = 4;

/** Layers in no block that are named. */
const MOST_NAMED = 3;

interface Place {
  row: number;
  column: number;
}

/** @param unusual as `unusualLayers` lists them, worst first */
export function groupFindings(
  unusual: readonly UnusualLayer[],
  map: ModelMap,
  words: NumberWords = PLAIN_NUMBERS,
): FindingGroup[] {
  const places = placesIn(map);
  const alike = new Map<string, UnusualLayer[]>();
  for (const found of unusual) push(alike, `${found.kind} ${found.group}`, found);
  const groups = [...alike.values()].flatMap((layers) => splitByPlace(layers, places, map, words));
  return groups.sort((a, b) => b.layers[0]!.weight - a.layers[0]!.weight);
}

function placesIn({ cells }: ModelMap): Map<string, Place> {
  return new Map(
    cells.flatMap((row, r) => row.flatMap((names, column) => names.map((name) => [name, { row: r, column }] as const))),
  );
}

/** Roles with findings in the same blocks share a line; layers in no block have one of their own. */
function splitByPlace(
  layers: readonly UnusualLayer[],
  places: ReadonlyMap<string, Place>,
  map: ModelMap,
  words: NumberWords,
): FindingGroup[] {
  const rows = new Map<number, UnusualLayer[]>();
  const outside: UnusualLayer[] = [];
  for (const found of layers) {
    const place = places.get(found.layer);
    if (place) push(rows, place.row, found);
    else outside.push(found);
  }
  const columnsOf = (found: readonly UnusualLayer[]): number[] =>
    [...new Set(found.map(({ layer }) => places.get(layer)!.column))].sort((a, b) => a - b);
  const shared = new Map<string, { rows: number[]; layers: UnusualLayer[] }>();
  for (const [row, found] of [...rows].sort(([a], [b]) => a - b)) {
    const key = columnsOf(found).join();
    const group = shared.get(key) ?? { rows: [], layers: [] };
    group.rows.push(row);
    group.layers = group.layers.concat(found);
    shared.set(key, group);
  }
  const made = [...shared.values()].map((group) => {
    const roles = listWords(group.rows.map((row) => map.roleNames[row]!));
    const blocks = blockWords(columnsOf(group.layers), map, group.rows);
    const cells = new Set(group.layers.map(({ layer }) => `${places.get(layer)!.row} ${places.get(layer)!.column}`));
    const where =
      group.layers.length > cells.size
        ? l10n.t('{0}, {1} ({2} matrices)', roles, blocks, words.count(group.layers.length))
        : `${roles}, ${blocks}`;
    return findingGroup(group.layers, where, words);
  });
  if (outside.length > 0) made.push(findingGroup(outside, namesWords(outside, words), words));
  return made;
}

function findingGroup(layers: UnusualLayer[], where: string, words: NumberWords): FindingGroup {
  const sorted = [...layers].sort((a, b) => b.weight - a.weight);
  const [first] = sorted;
  const { kind, reason, layer } = first!;
  return sorted.length === 1
    ? { kind, layers: sorted, where: layer, what: reason }
    : { kind, layers: sorted, where, what: whatWords(sorted, words) };
}

function whatWords(layers: readonly UnusualLayer[], words: NumberWords): string {
  const { kind, group } = layers[0]!;
  const range = (key: 'alpha' | 'farmsAlpha' | 'lost'): string =>
    rangeWords(
      layers.flatMap((layer) => layer[key] ?? []),
      words,
    );
  switch (kind) {
    case 'shape':
      return l10n.t('alpha above {0}, FARMS {1}: their shape explains it', UNDER_TRAINED, range('farmsAlpha'));
    case 'under':
      return l10n.t('alpha {0}, typical of under-trained layers', range('alpha'));
    case 'over':
      return l10n.t('alpha {0}, typical of over-trained or over-fitted layers', range('alpha'));
    case 'rank-loss':
      return group === '' ? l10n.t('they lose {0} ranks each', range('lost')) : l10n.known(group);
    case 'broken':
    case 'failed':
      return l10n.known(group);
  }
}

/** `blocks 0–3 and 7`, `encoder blocks 2–5`, `all blocks` for every block that has such a role. */
function blockWords(columns: readonly number[], { blocks, cells }: ModelMap, rows: readonly number[]): string {
  const possible = blocks
    .map((_, column) => column)
    .filter((column) => rows.some((row) => cells[row]![column]!.length > 0));
  if (columns.length > 1 && columns.length === possible.length) return l10n.t('all blocks');
  // Blocks without such a role do not break a stretch.
  const order = new Map(possible.map((column, i) => [column, i]));
  const stretches: { first: number; last: number }[] = [];
  for (const column of columns) {
    const open = stretches.at(-1);
    const follows = open && order.get(column) === order.get(open.last)! + 1;
    if (follows && blocks[column]!.stack === blocks[open.last]!.stack) open.last = column;
    else stretches.push({ first: column, last: column });
  }
  if (stretches.length > MOST_STRETCHES) {
    return l10n.t('{0} of {1} blocks', columns.length, possible.length);
  }
  const byWord = new Map<string, string[]>();
  for (const { first, last } of stretches) {
    const [from, to] = [blocks[first]!, blocks[last]!];
    push(byWord, from.word, first === last ? from.number : `${from.number}–${to.number}`);
  }
  return listWords(
    [...byWord].map(([word, numbers]) => {
      const list = listWords(numbers);
      if (columns.length === 1) return word === '' ? l10n.t('block {0}', list) : l10n.t('{1} block {0}', list, word);
      return word === '' ? l10n.t('blocks {0}', list) : l10n.t('{1} blocks {0}', list, word);
    }),
  );
}

function namesWords(layers: readonly UnusualLayer[], words: NumberWords): string {
  const names = layers.slice(0, MOST_NAMED).map(({ layer }) => layer.replace(/\.weight$/, ''));
  const more = layers.length - names.length;
  return listWords(more > 0 ? [...names, l10n.t('{0} more', words.count(more))] : names);
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
