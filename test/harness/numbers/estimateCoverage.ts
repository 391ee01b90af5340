/** Estimates of a matrix's spectrum beside the spectrum: which intervals hold the exact number. */
import type { MatrixProducts } from '../../../extension/linalg/products/productTypes';
import { kernelSingleProducts } from '../../../extension/linalg/products/singleProducts';
import { krylovRun, type KrylovLimits } from '../../../extension/linalg/singular/krylovRun';
import { SingleOperator } from '../../../extension/engine/quick/singleOperator';
import type { Estimate } from '../../../extension/shared/estimates';
import { effectiveRank, stableRank } from '../../../extension/spectral/metrics/metrics';
import { Spectrum } from '../../../extension/spectral/metrics/spectrum';
import { spectralEstimates } from '../../../extension/spectral/estimates/spectralEstimates';
import { mulberry32 } from '../../../extension/spectral/seededRandom';
import { eigenvaluesOf } from '../../golden/spectra';

export interface NamedMatrix {
  name: string;
  elements: Float64Array;
  rows: number;
  cols: number;
}

export interface Held {
  number: string;
  holds: boolean;
  /** Half the interval's width over the exact number. */
  halfWidth: number;
  words: string;
}

/** Bands are shorter than the matrix, so that sums over them are tested. */
const BAND_ROWS = 96;

/** Rounding of the exact number itself. */
const EXACT_ROUNDING = 1e-7;

/** @param elements with a spectrum that is not zero */
export async function estimateCoverage(
  { name, elements, rows, cols }: NamedMatrix,
  limits: KrylovLimits,
  seed: number,
  products: MatrixProducts,
): Promise<Held[]> {
  const single = Float32Array.from(elements);
  const bands = Array.from({ length: Math.ceil(rows / BAND_ROWS) }, (_, band) => {
    const [start, end] = [band * BAND_ROWS, Math.min(rows, (band + 1) * BAND_ROWS)];
    return { start, rows: end - start, elements: single.subarray(start * cols, end * cols) };
  });
  const matrix = { rows, cols, bands: () => bands };
  const operator = new SingleOperator(kernelSingleProducts(), matrix, new AbortController().signal);
  const run = await krylovRun({ n: operator.n, apply: operator.images, products, random: mulberry32(seed) }, limits);
  const squaredNorm = elements.reduce((sum, value) => sum + value * value, 0);
  const { metrics, singularValues } = spectralEstimates(run, squaredNorm);
  const eigenvalues = eigenvaluesOf(elements, rows, cols);
  const spectrum = new Spectrum(eigenvalues, Math.max(rows, cols), Math.min(rows, cols));
  const exact: [string, Estimate | undefined, number][] = [
    ['spectral_norm', metrics.spectral_norm, spectrum.largest],
    ['stable_rank', metrics.stable_rank, stableRank(spectrum)],
    ['nuclear_norm', metrics.nuclear_norm, spectrum.sum(Math.sqrt)],
    ['effective_rank', metrics.effective_rank, effectiveRank(spectrum)],
    ['von_neumann_entropy', metrics.von_neumann_entropy, spectrum.shannon((value) => value)],
    ...singularValues.map((estimate, i): [string, Estimate, number] => [
      'singular values',
      estimate,
      Math.sqrt(eigenvalues.at(-1 - i)!),
    ]),
  ];
  return exact.map(([number, estimate, truth]) => {
    if (!estimate) return { number, holds: false, halfWidth: Infinity, words: `${name}: no estimate of ${number}` };
    const { low, high } = estimate;
    const slack = EXACT_ROUNDING * Math.abs(truth);
    return {
      number,
      holds: low - slack <= truth && truth <= high + slack,
      halfWidth: (high - low) / 2 / Math.abs(truth),
      words: `${name} ${rows}×${cols}, seed ${seed}: ${number} ${truth} is not in ${low} … ${high}`,
    };
  });
}
