/**
 * One layer's compression, from the bytes of a tensor to the tensors that replace it: factor, round to the stored
 * type, and measure by how much the stored result differs.
 */
import type { TensorInfo } from '../checkpoint/checkpoint';
import { elementSize, widen } from '../checkpoint/elements/dtype';
import type { Kernels, Poll } from '../linalg/kernels/kernels';
import { pollFor, symmetricEigenvalues, type EigenOptions } from '../linalg/eigen/symmetricEigenvalues';
import type { RankRequest } from '../shared/compressions';
import { EnergyShares } from '../shared/ranks/energyShares';
import { bandedGram } from './bands';
import { CompressionError } from './compressionError';
import { compressionMatrix, type CompressionMatrix } from './compressionMatrix';
import { factorLayout, type FactorLayout, factorTensors } from './factorLayout';
import { isFloatDType } from './narrow';
import { resolveRank } from './rankRequest';
import type { NewTensor } from './safetensorsWriter';
import type { TensorPatch } from './copiedTensor';
import { storeFactors, storeProduct, type Approximation, type Measured } from './storedResult';
import { truncatedSvd } from './truncatedSvd';

/** Rough shares of the time where the spectrum is known: finding directions, then products and rounding. */
const FACTORING_SHARE = 0.8;

/** Elements that are widened and looked at between two polls: some 10 ms. */
const WIDENED_AT_ONCE = 2 ** 18;

/** Shares of the squared norm above this are differences right to seven digits. */
const LEAST_SHARE = 1e-8;

/** Rounding is worth telling once it makes the error larger by a percent, and more than float32 by itself does. */
const NOTABLE_GROWTH = 1.01;
const NOTABLE_ERROR = 1e-5;

export interface CompressionInput {
  tensor: Pick<TensorInfo, 'name' | 'shape' | 'dtype' | 'kernelLayout'>;
  /** Names and order of the factors; by the tensor's name and shape alone without it. */
  layout?: FactorLayout;
  /** Index along the first axis of a stack of experts. */
  expert?: number;
  /** The elements as stored: of the whole tensor, or of that expert alone. */
  bytes: Uint8Array;
  /** λ of the matrix (as for `previewSvd`) where they are known; they are computed otherwise. */
  eigenvalues?: Float64Array;
  /**
   * Singular vectors of the smaller side for the rank that is asked for, from `leadingDirections`; found here without
   * them. A request for a share of the energy needs the eigenvalues beside them.
   */
  directions?: Float64Array;
}

export interface CompressedTensor {
  rank: number;
  /** From the discarded eigenvalues, or from the kept ones where those are not known; before rounding. */
  relative_error: number;
  /** ‖W − Ŵ‖_F/‖W‖_F of what is stored. */
  measured_error: number;
  notes: string[];
  replacement: readonly NewTensor[] | TensorPatch;
  /** Names of the factors where W = left · right as matrices; absent for a reconstructed matrix. */
  factors?: FactorNames;
}

export interface FactorNames {
  left: string;
  right: string;
  /** The one whose transpose is stored. */
  transposed?: string;
}

/**
 * @param output two factor tensors, or the rank-k matrix in the tensor's own shape (for an expert: a patch of its stack)
 * @throws CompressionError `invalid-rank`, `not-finite`, `unsupported`
 * @throws DOMException `AbortError` when cancelled
 */
export function compressBySvd(
  input: CompressionInput,
  request: RankRequest,
  output: 'factors' | 'reconstructed',
  options: EigenOptions & { kernels: Kernels },
): CompressedTensor {
  const { tensor, expert } = input;
  const { dtype } = tensor;
  const layer = expert === undefined ? tensor.name : `${tensor.name}[${expert}]`;
  if (!isFloatDType(dtype))
    throw new CompressionError('unsupported', `elements of type ${dtype} are not compressed`, { layer });
  const matrix = compressionMatrix(tensor.shape, tensor.kernelLayout, expert);
  // What cannot be two tensors is refused here, before the work.
  const layout = output === 'factors' ? (input.layout ?? factorLayout(tensor, matrix, [])) : undefined;
  const { rows, cols } = matrix;
  const w = elementsOf(input, matrix, layer, pollFor(options, 0, 0));
  const { directions } = input;
  const known = input.eigenvalues ?? (directions ? undefined : spectrumOf(w, matrix, options));
  const rank = resolveRank(request, known ?? new Float64Array(0), { layer, rows, cols });
  const factoring = { ...options, onProgress: (done: number) => options.onProgress?.(FACTORING_SHARE * done) };
  const factors = truncatedSvd(w, rows, cols, rank, factoring, directions);
  const relative_error = known
    ? new EnergyShares(known).error(rank)
    : (errorBeside(w, factors.singularValues) ?? new EnergyShares(spectrumOf(w, matrix, options)).error(rank));
  const poll = pollFor(options, FACTORING_SHARE, 1);
  const approximation = { w, rows, cols, rank, factors, dtype, kernels: options.kernels, poll };
  const stored = layout
    ? storedFactors(approximation, tensor, matrix, layout)
    : storedProduct(approximation, tensor, matrix, expert);
  const { measured_error, replacement } = stored;
  const notes: string[] = [];
  if (factors.numericalRank < rank) {
    notes.push(
      `The matrix has numerical rank ${factors.numericalRank}: the other ${rank - factors.numericalRank} of the ${rank} ` +
        `directions are rounding noise and stored as zeros. Rank ${Math.max(1, factors.numericalRank)} is enough.`,
    );
  }
  if (stored.saturated > 0) {
    notes.push(`${stored.saturated} values were beyond the range of ${dtype} and are stored as its largest value.`);
  }
  if (measured_error > Math.max(NOTABLE_ERROR, NOTABLE_GROWTH * relative_error)) {
    const [exact, measured] = [relative_error, measured_error].map((error) => error.toPrecision(3));
    notes.push(`Rounding to ${dtype} raises the relative error from ${exact} to ${measured}.`);
  }
  return { rank, relative_error, measured_error, notes, replacement, ...(stored.names && { factors: stored.names }) };
}

interface Stored extends Measured {
  replacement: readonly NewTensor[] | TensorPatch;
  names?: FactorNames;
}

function storedFactors(
  approximation: Approximation,
  tensor: CompressionInput['tensor'],
  matrix: CompressionMatrix,
  layout: FactorLayout,
): Stored {
  const { rank, dtype } = approximation;
  const tensors = factorTensors(tensor, matrix, layout, rank);
  const transposed = tensors.find((candidate) => candidate.transposed);
  const bytes = storeFactors(approximation, transposed?.factor);
  const [first, second] = tensors.map(({ name, shape, factor }) => ({ name, dtype, shape, bytes: bytes[factor] }));
  const { zeroBias } = layout;
  const zeros = { name: zeroBias!, dtype, shape: [rank], bytes: new Uint8Array(rank * elementSize(dtype)) };
  const nameOf = (factor: 'left' | 'right'): string => tensors.find((candidate) => candidate.factor === factor)!.name;
  return {
    ...bytes,
    replacement: zeroBias === undefined ? [first!, second!] : [first!, zeros, second!],
    names: { left: nameOf('left'), right: nameOf('right'), ...(transposed && { transposed: transposed.name }) },
  };
}

function storedProduct(
  approximation: Approximation,
  { name, shape }: CompressionInput['tensor'],
  matrix: CompressionMatrix,
  expert: number | undefined,
): Stored {
  const { dtype } = approximation;
  const { product: bytes, ...measured } = storeProduct(approximation);
  const replacement =
    expert === undefined ? [{ name, dtype, shape, bytes }] : { offset: matrix.offset * elementSize(dtype), bytes };
  return { ...measured, replacement };
}

/**
 * √(1 − Σσ²/‖W‖_F²): the error of keeping the directions whose σ these are, from what is kept; undefined where it is so
 * small that the difference is mostly rounding.
 */
function errorBeside(w: Float64Array, singularValues: Float64Array): number | undefined {
  const total = w.reduce((sum, value) => sum + value * value, 0);
  const share = 1 - singularValues.reduceRight((sum, sigma) => sum + sigma * sigma, 0) / total;
  return share > LEAST_SHARE ? Math.sqrt(share) : undefined;
}

/** The matrix in float64, every element finite. @throws what `poll` does */
function elementsOf(
  { tensor, bytes, expert }: CompressionInput,
  matrix: CompressionMatrix,
  layer: string,
  poll: Poll,
): Float64Array {
  const { rows, cols, offset } = matrix;
  const size = elementSize(tensor.dtype);
  const length = rows * cols * size;
  const start = expert !== undefined && bytes.length === length ? 0 : offset * size;
  if (bytes.length < start + length) {
    throw new RangeError(`${tensor.name}: ${bytes.length} bytes given for a ${rows} × ${cols} matrix`);
  }
  const w = new Float64Array(rows * cols);
  for (let from = 0; from < w.length; from += WIDENED_AT_ONCE) {
    poll(from / w.length);
    const piece = w.subarray(from, from + WIDENED_AT_ONCE);
    widen(bytes.subarray(start + from * size, start + (from + piece.length) * size), tensor.dtype, piece);
    const bad = piece.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    const first = from + bad;
    throw new CompressionError(
      'not-finite',
      `holds ${w[first]!} at row ${Math.floor(first / cols)}, column ${first % cols}, so it has no SVD; repair it first`,
      { layer },
    );
  }
  return w;
}

function spectrumOf(
  w: Float64Array,
  { rows, cols }: CompressionMatrix,
  { kernels, cancelled }: EigenOptions & { kernels: Kernels },
): Float64Array {
  const options = { kernels, ...(cancelled && { cancelled }) };
  const gram = bandedGram({ w, rows, cols, kernels }, pollFor(options, 0, 1));
  return symmetricEigenvalues(gram, Math.min(rows, cols), options);
}
