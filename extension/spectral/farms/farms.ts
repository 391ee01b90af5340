/**
 * FARMS: fixed-aspect-ratio subsampling. Places its windows, orders them for an adaptive run, and fits alpha on the
 * pooled eigenvalues. Measuring every layer at one aspect ratio takes the layer's own shape out of alpha.
 *
 * @see arXiv 2506.06280, and the authors' program (`fixed_sampling`, `net_esd_estimator_farms`), whose windows these
 *   are
 */
import { withExactZeros } from '../../shared/numericalZero';
import type { FitRule, InspectSettings, PowerLawFit, StoredRounding } from '../../shared/layers';
import { LEAST_FITTED } from '../../shared/metricTable';
import { upperBound } from '../tail/bounds';
import { fitPowerLaw, noFit } from '../tail/powerLaw';
import { NOT_ROUNDED } from '../storedRounding';
import { largestOf } from '../../shared/extremes';
import { l10n } from '../../shared/language/l10n';

/** A part of a matrix: its first row and column, and how many of each. */
export interface FarmsWindow {
  row: number;
  col: number;
  rows: number;
  cols: number;
}

export interface FarmsWindows {
  /** Row of windows by row of windows. */
  windows: FarmsWindow[];
  /** Rows and columns of each. */
  window: [number, number];
}

type WindowSettings = Pick<InspectSettings['farms'], 'rows' | 'q' | 'ops'>;

/**
 * The windows of a 2-D layer.
 *
 * Where the reference's window would be wider than the matrix (its slices go wrong there), all columns are taken and the
 * rows follow from the aspect ratio.
 *
 * @param rows of the matrix as stored
 * @param cols of the matrix as stored
 */
export function farmsWindows(rows: number, cols: number, settings: WindowSettings): FarmsWindows {
  let height = Math.min(settings.rows, rows, cols);
  let width = Math.max(1, Math.floor(height * settings.q));
  if (width > cols) {
    width = cols;
    height = Math.max(1, Math.floor(cols / settings.q));
  }
  const rowStarts = starts(rows, height, settings.ops);
  const colStarts = starts(cols, width, settings.ops);
  const windows = rowStarts.flatMap((row) => colStarts.map((col) => ({ row, col, rows: height, cols: width })));
  return { windows, window: [height, width] };
}

function starts(length: number, size: number, ops: number): number[] {
  const room = length - size;
  const step = ops > 1 ? Math.max(1, Math.floor(room / (ops - 1))) : Math.max(1, room);
  const count = Math.min(ops, Math.max(1, Math.floor(room / step) + 1));
  return Array.from({ length: count }, (_, index) => Math.min(index * step, room));
}

/**
 * The blocks of a convolution kernel's matrices. Every block pools the same part of all kernel positions, and alpha is
 * averaged over blocks.
 *
 * @param rows of one kernel position's matrix as stored
 * @param cols of one kernel position's matrix as stored
 * @returns windows in stored coordinates (the reference turns the matrix tall first; singular values do not care)
 */
export function farmsConvBlocks(rows: number, cols: number, q: number): FarmsWindows {
  const tall = Math.max(rows, cols);
  const narrow = Math.min(rows, cols);
  const height = q > 1 ? Math.max(1, Math.floor(narrow / q)) : narrow;
  const width = q > 1 ? narrow : Math.max(1, Math.floor(narrow * q));
  const transposed = rows < cols;
  const windows = Array.from({ length: Math.floor(tall / narrow) }, (_, block): FarmsWindow =>
    transposed
      ? { row: 0, col: block * height, rows: width, cols: height }
      : { row: block * height, col: 0, rows: height, cols: width },
  );
  return { windows, window: [height, width] };
}

/** Steps of the R2 sequence, the two-dimensional analogue of the golden ratio: 1/ρ and 1/ρ², with ρ³ = ρ + 1. */
const PLASTIC = 1.324717957244746;
const R2_STEPS = [1 / PLASTIC, 1 / (PLASTIC * PLASTIC)] as const;

/** Draws per window before the few cells the sequence has not hit are taken in their own order. */
const DRAWS_PER_WINDOW = 8;

/**
 * Indices into `windows` such that every beginning of the list covers the matrix evenly: the cells of the window grid in
 * the order in which the R2 low-discrepancy sequence, begun at the centre, first meets them. Deterministic.
 */
export function adaptiveOrder(windows: readonly FarmsWindow[]): number[] {
  const colCount = new Set(windows.map(({ col }) => col)).size;
  const rowCount = windows.length / Math.max(1, colCount);
  const seen = new Set<number>();
  for (let draw = 0; draw < DRAWS_PER_WINDOW * windows.length && seen.size < windows.length; draw++) {
    const row = Math.floor(((0.5 + draw * R2_STEPS[0]) % 1) * rowCount);
    const col = Math.floor(((0.5 + draw * R2_STEPS[1]) % 1) * colCount);
    seen.add(row * colCount + col);
  }
  for (let index = 0; index < windows.length; index++) seen.add(index);
  return [...seen];
}

/**
 * All values of several matrices in one ascending array. Numerical zeros are 0 in it: each matrix has its own λ₁, so
 * rounding noise of one matrix may be as large as a number of another.
 *
 * @param spectra ascending, all eigenvalues of one matrix each
 */
export function poolEigenvalues(spectra: readonly Float64Array[]): Float64Array {
  const pooled = new Float64Array(spectra.reduce((count, { length }) => count + length, 0));
  let offset = 0;
  for (const spectrum of spectra) {
    pooled.set(withExactZeros(spectrum), offset);
    offset += spectrum.length;
  }
  return pooled.sort();
}

/**
 * Fit on the pooled eigenvalues of a layer's windows.
 *
 * @param pooled by `poolEigenvalues`
 * @param side smaller side of each window: so many of the eigenvalues are each one's
 * @param rounding of a window
 */
export function fitFarmsWindows(
  pooled: Float64Array,
  rule: FitRule,
  side: number,
  rounding: StoredRounding = NOT_ROUNDED,
): PowerLawFit {
  const reason = tooFewValues([pooled], side);
  return reason === undefined ? fitMatrices(pooled, rule, side, rounding) : noFit(rule, reason);
}

/** The same of however few values, thinned too, as the reference program does. */
export function fitPooled(
  pooled: Float64Array,
  rule: FitRule,
  side: number,
  rounding: StoredRounding = NOT_ROUNDED,
): PowerLawFit {
  return fitPowerLaw(pooled, rule, { zeroFilter: false, dimension: side, zero: 0, rounding });
}

/**
 * Refuses a narrow tail of windows, which overlap and share their largest values. (WeightWatcher fits narrow tails of
 * whole matrices.)
 */
function fitMatrices(pooled: Float64Array, rule: FitRule, side: number, rounding: StoredRounding): PowerLawFit {
  const fit = fitPooled(pooled, rule, side, rounding);
  return fit.narrow ? noFit(rule, fit.reason!) : fit;
}

/**
 * Why the windows have too few eigenvalues for any fit: windows of one have norms and no spectrum, and of all windows together
 * there must be as many as WeightWatcher asks of a matrix.
 */
function tooFewValues(spectra: readonly Float64Array[], side: number): string | undefined {
  if (side === 1) return l10n.english('its windows have one eigenvalue each, which is no spectrum');
  const positive = spectra.reduce((sum, values) => sum + values.length - upperBound(values, 0), 0);
  if (positive >= LEAST_FITTED) return undefined;
  return l10n.english(
    'a fit needs {0} eigenvalues above zero and all windows together have {1}',
    LEAST_FITTED,
    positive,
  );
}

/**
 * Alpha of a convolution: each block is fitted by itself, alpha and D are averaged over the blocks. xmin and the size of
 * the tail mean nothing as an average: they are those of the block where there is only one, else null.
 *
 * @param blocks pooled ascending eigenvalues of each block, conv_norm included
 */
export function fitFarmsBlocks(
  blocks: readonly Float64Array[],
  rule: FitRule,
  side: number,
  rounding: StoredRounding = NOT_ROUNDED,
): PowerLawFit {
  const reason = tooFewValues(blocks, side);
  if (reason !== undefined) return noFit(rule, reason);
  const fits = blocks.map((block) => fitMatrices(block, rule, side, rounding));
  const failed = fits.find(({ status }) => status === 'failed');
  if (fits.length === 1 || failed) return (failed ?? fits[0])!;
  const mean = (values: (number | null)[]): number =>
    values.reduce<number>((sum, value) => sum + value!, 0) / values.length;
  return {
    rule,
    status: 'success',
    reason: l10n.english('mean over {0} blocks', fits.length),
    alpha: mean(fits.map(({ alpha }) => alpha)),
    D: mean(fits.map(({ D }) => D)),
    xmin: null,
    xmax: largestOf(fits.map(({ xmax }) => xmax!)),
    num_pl_spikes: null,
    sigma: null,
  };
}
