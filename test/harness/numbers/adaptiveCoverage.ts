/** What adaptive FARMS runs say of matrices, beside alpha from every window: how far off, and whether the interval knew. */
import type { FitRule } from '../../../extension/shared/layers';
import { runAdaptively } from '../../../extension/spectral/farms/adaptiveFarms';
import { estimateAlpha } from '../../../extension/spectral/tail/bootstrap';
import {
  farmsWindows,
  fitFarmsWindows,
  poolEigenvalues,
  type FarmsWindow,
} from '../../../extension/spectral/farms/farms';
import { cut, eigenvaluesOf } from '../../golden/spectra';
import { heavyTailedMatrix } from './heavyTailedMatrices';

export interface WindowSettings {
  rows: number;
  q: number;
  ops: number;
}

/** A matrix's windows and the spectrum of each. */
export interface WindowedMatrix {
  name: string;
  windows: FarmsWindow[];
  /** Smaller side of each window. */
  side: number;
  spectra: Float64Array[];
}

export interface AdaptiveOutcome {
  name: string;
  taken: number;
  windows: number;
  /** |alpha − alpha of every window| over that: 0 where all were taken. */
  deviation: number;
  /** Half the interval's width over alpha; undefined where all windows were taken. */
  halfWidth?: number;
  /** Whether the interval (or the whole) holds the alpha of every window. */
  holds: boolean;
}

/** Rows, columns and settings of the made matrices: squares and not, aspect ratios, 100 to 225 windows. */
const SHAPES: readonly (readonly [rows: number, cols: number, settings: WindowSettings])[] = [
  [256, 256, { rows: 96, q: 1, ops: 15 }],
  [384, 256, { rows: 128, q: 1, ops: 12 }],
  [256, 512, { rows: 100, q: 1.5, ops: 10 }],
  [320, 320, { rows: 160, q: 1, ops: 10 }],
  [600, 200, { rows: 64, q: 0.5, ops: 15 }],
  [200, 300, { rows: 80, q: 1, ops: 12 }],
  [512, 512, { rows: 256, q: 1, ops: 10 }],
];

export function windowed(
  name: string,
  elements: Float64Array,
  rows: number,
  cols: number,
  settings: WindowSettings,
): WindowedMatrix {
  const { windows, window } = farmsWindows(rows, cols, settings);
  const spectra = windows.map((part) => eigenvaluesOf(cut(elements, cols, part), part.rows, part.cols));
  return { name, windows, side: Math.min(...window), spectra };
}

/** Kinds and shapes take turns: 56 seeds in a row make one of each pair. */
export function madeMatrix(seed: number): WindowedMatrix {
  const [rows, cols, settings] = SHAPES[seed % SHAPES.length]!;
  const { kind, elements } = heavyTailedMatrix(seed, rows, cols);
  return windowed(`${kind} ${seed}`, elements, rows, cols, settings);
}

/** @returns undefined where all windows together have no fit */
export async function adaptiveOutcome(
  { name, windows, side, spectra }: WindowedMatrix,
  rule: FitRule,
  { tolerance, limit }: { tolerance: number; limit: number },
): Promise<AdaptiveOutcome | undefined> {
  const whole = fitFarmsWindows(poolEigenvalues(spectra), rule, side).alpha;
  if (whole === null) return undefined;
  const { taken, last } = await runAdaptively({
    ...{ windows, tolerance, limit: Math.min(limit, windows.length) },
    take: () => Promise.resolve(),
    estimate: (indices) => {
      const chosen = indices.map((index) => spectra[index]!);
      return Promise.resolve(estimateAlpha(chosen, windows.length, rule, 1));
    },
  });
  const counts = { name, taken: taken.length, windows: windows.length };
  if (!last) return { ...counts, deviation: 0, holds: true };
  const { alpha, interval } = last;
  if (alpha === null || !interval) return { ...counts, deviation: Infinity, holds: false };
  const [low, high] = interval;
  return {
    ...counts,
    deviation: Math.abs(alpha - whole) / whole,
    halfWidth: (high - low) / 2 / alpha,
    holds: low <= whole && whole <= high,
  };
}
