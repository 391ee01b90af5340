/**
 * Chooses the windows that FARMS takes from a layer, and the way their Gram matrices are made: from sums that the
 * windows share, if all are taken and the sums fit into memory; else one by one.
 */
import { SlidingGram, type WindowRows } from '../../linalg/gram/slidingGram';
import type { InspectSettings } from '../../shared/layers';
import { farmsWindows, type FarmsWindow } from '../../spectral/farms/farms';
import type { LayerGeometry } from '../../spectral/matrices';
import { eigenvalueCost, gramCost, productCost, WORKER_SIDE } from './layerProgress';

/** FARMS takes every window while that takes about so long on one core. */
const FULL_FARMS_SECONDS = 3;

/**
 * In mode `auto` a layer takes no more windows than this, however wide its interval still is (an untrained matrix has
 * no tail to settle on); the interval shown says how sure its alpha is. Mode `adaptive` goes on to the tolerance.
 */
const AUTO_MAX_WINDOWS = 16;

/** Windows that an adaptive run is expected to take, for its progress. */
const EXPECTED_WINDOWS = 8;

/** Sums of squares along the columns of the stored matrix (over its rows), or along its rows. */
export type GramSide = 'columns' | 'rows';

export interface SharedGrams {
  side: GramSide;
  rows: WindowRows;
  /** What is summed over, one span after the other. */
  spans: [start: number, end: number][];
}

export interface WindowsPlan {
  kind: 'windows';
  windows: FarmsWindow[];
  window: [rows: number, cols: number];
  /** Every window, or as many as the tolerance needs, at most `limit`. */
  full: boolean;
  limit: number;
  /** Large windows' Gram matrices are made on the main thread. */
  inWorker: boolean;
  shared: SharedGrams | undefined;
  perWindow: number;
  cost: number;
}

export type FarmsPlan =
  | { kind: 'conv'; cost: number }
  /** One window, which is the matrix itself: its spectrum is known. */
  | { kind: 'whole'; window: [rows: number, cols: number]; cost: number }
  | WindowsPlan;

/**
 * @param held whether the whole tensor is in memory, so that columns of it are at hand
 * @param memory bytes that shared sums may take
 */
export function planFarms(
  layer: LayerGeometry,
  settings: InspectSettings['farms'],
  { held, memory }: { held: boolean; memory: number },
): FarmsPlan {
  const { rows, cols, count } = layer;
  if (layer.kind === 'conv') return { kind: 'conv', cost: count * eigenvalueCost(Math.min(rows, cols)) };
  const { windows, window } = farmsWindows(rows, cols, settings);
  const [height, width] = window;
  if (height === rows && width === cols) return { kind: 'whole', window, cost: 0 };

  const inWorker = Math.min(rows, cols) <= WORKER_SIDE;
  const alone = gramCost({ rows: height, cols: width });
  const solve = eigenvalueCost(Math.min(height, width));
  const shared = inWorker ? undefined : cheapestSharing(windows, window, { held, memory });
  const products = Math.min(windows.length * alone, shared?.cost ?? Infinity);
  const every = products + windows.length * solve;
  const full = settings.mode === 'full' || (settings.mode === 'auto' && every <= FULL_FARMS_SECONDS);
  const limit = !full && settings.mode === 'auto' ? Math.min(windows.length, AUTO_MAX_WINDOWS) : windows.length;
  return {
    ...{ kind: 'windows', windows, window, full, limit, inWorker },
    shared: full && shared && shared.cost < windows.length * alone ? shared.grams : undefined,
    perWindow: full ? every / windows.length : alone + solve,
    cost: full ? every : Math.min(limit, EXPECTED_WINDOWS) * (alone + solve),
  };
}

/** The side along which shared sums cost least; undefined where none fits. */
function cheapestSharing(
  windows: readonly FarmsWindow[],
  [height, width]: [number, number],
  { held, memory }: { held: boolean; memory: number },
): { grams: SharedGrams; cost: number } | undefined {
  const rowStarts = [...new Set(windows.map(({ row }) => row))];
  const colStarts = [...new Set(windows.map(({ col }) => col))];
  const sides: SharedGrams[] = [];
  if (height >= width) {
    sides.push({
      side: 'columns',
      rows: { order: colStarts.at(-1)! + width, side: width, starts: colStarts },
      spans: rowStarts.map((start) => [start, start + height]),
    });
  }
  if (width >= height && held) {
    sides.push({
      side: 'rows',
      rows: { order: rowStarts.at(-1)! + height, side: height, starts: rowStarts },
      spans: colStarts.map((start) => [start, start + width]),
    });
  }
  const choices = sides
    .filter((grams) => SlidingGram.bytes(grams.rows, grams.spans) <= memory)
    .map((grams) => ({ grams, cost: productCost(SlidingGram.multiplyAdds(grams.rows, grams.spans)) }));
  return choices.sort((a, b) => a.cost - b.cost)[0];
}
