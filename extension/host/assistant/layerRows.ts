/** Which layers an assistant asked for, in which order. */
import { metricTable } from '../../shared/metricTable';
import type { LayerInfo, LayerNumbers } from '../api/eigenscope';
import { EigenscopeError } from '../api/eigenscopeError';
import { dataNumber, dataText } from './boundedAnswer';

/** Rows without a `limit`. */
const DEFAULT_LIMIT = 20;
const MOST_ROWS = 200;

/** Sort keys beside those of the metric table. */
const OWN_KEYS = ['file', 'name', 'parameters', 'farms_alpha'] as const;

export interface ListedLayer {
  info: LayerInfo;
  numbers: LayerNumbers | undefined;
}

/** @returns a test for names: a part of them, or a pattern in which `*` stands for anything */
export function nameFilter(filter: string | undefined): (name: string) => boolean {
  const wanted = (filter ?? '').toLowerCase();
  const parts = wanted.split('*');
  return (name) => {
    const text = name.toLowerCase();
    let at = 0;
    for (const part of parts) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return true;
  };
}

/** @throws EigenscopeError for a key that is none */
export function sortKey(sort: string | undefined): string {
  const key = sort ?? 'file';
  const known: readonly string[] = [...OWN_KEYS, ...metricTable.map((row) => row.key)];
  if (known.includes(key)) return key;
  throw new EigenscopeError('invalid', `There is no sort key "${dataText(key)}". The keys are ${known.join(', ')}.`);
}

/** Sorted copies; layers without that number come last. */
export function sortedLayers(layers: readonly ListedLayer[], key: string, descending: boolean): ListedLayer[] {
  if (key === 'file') return descending ? layers.toReversed() : [...layers];
  const sign = descending ? -1 : 1;
  if (key === 'name') return layers.toSorted((a, b) => sign * compareText(a.info.layer, b.info.layer));
  return layers.toSorted((a, b) => {
    const [left, right] = [numberOf(a, key), numberOf(b, key)];
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    return sign * (left - right);
  });
}

export function rowLimit(limit: number | undefined): number {
  if (limit === undefined) return DEFAULT_LIMIT;
  if (!Number.isInteger(limit) || limit < 1) {
    throw new EigenscopeError('invalid', `"limit" is a whole number from 1 to ${MOST_ROWS}.`);
  }
  return Math.min(MOST_ROWS, limit);
}

/** One layer in a list. */
export function layerRow({ info, numbers }: ListedLayer, key: string): Record<string, unknown> {
  const { layer, shape, dtype, parameters, noSpectrum, hasSpectrum } = info;
  const row = { layer: dataText(layer), shape, dtype: dataText(dtype), parameters };
  if (!hasSpectrum) return { ...row, no_spectrum: dataText(noSpectrum ?? 'it is no matrix') };
  if (!numbers) return { ...row, computed: false };
  const { metrics, farms, verdict, suggestion } = numbers;
  return {
    ...row,
    ...{ alpha: dataNumber(metrics['alpha']), farms_alpha: dataNumber(farms?.alpha) },
    ...(key in metrics && key !== 'alpha' && { [key]: dataNumber(metrics[key]) }),
    ...(verdict && { verdict: verdict.verdict }),
    ...(suggestion && 'rank' in suggestion && { suggested_rank: suggestion.rank, error: dataNumber(suggestion.error) }),
  };
}

function numberOf({ info, numbers }: ListedLayer, key: string): number | null {
  if (key === 'parameters') return info.parameters;
  const value = key === 'farms_alpha' ? numbers?.farms?.alpha : numbers?.metrics[key];
  return typeof value === 'number' && !Number.isNaN(value) ? value : null;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
