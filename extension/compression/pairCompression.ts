/**
 * One layer's compression, from the bytes of a tensor to the tensors that replace it: factor, round to the stored
 * type, and measure by how much the stored result differs.
 */
import type { TensorInfo } from '../checkpoint/checkpoint';
import { elementSize } from '../checkpoint/elements/dtype';
import type { Kernels } from '../linalg/kernels/kernels';
import { pollFor, type EigenOptions } from '../linalg/eigen/symmetricEigenvalues';
import { DEFAULT_OPTIONS } from '../shared/compression/methodOptions';
import { layerMethod, type MethodName } from '../shared/compression/methodTable';
import type { ProductPart } from '../shared/compression/parts';
import type { LayerStatistics } from '../shared/compression/statistics';
import type { RankRequest } from '../shared/compressions';
import { EnergyShares } from '../shared/ranks/energyShares';
import { CompressionError } from './compressionError';
import { compressionMatrix, type CompressionMatrix } from './compressionMatrix';
import { factorLayout, type FactorLayout, factorTensors } from './factorLayout';
import { PLAIN } from './decomposition/metric';
import { measuredErrors } from './layerErrors';
import { finiteElements, transposed } from './layerElements';
import { stage, type MethodResult, type MethodTools } from './methods/method';
import { methodNamed } from './methods/registry';
import { isFloatDType } from './narrow';
import { resolveRank } from './rankRequest';
import type { NewTensor } from './safetensorsWriter';
import type { TensorPatch } from './copiedTensor';
import { smallerSideEigenvalues } from '../linalg/singular/smallerSide';
import { storeFactors, storeProduct, type Approximation, type Measured } from './storedResult';

/** Rough shares of the time where the spectrum is known: finding directions, then products and rounding. */
const FACTORING_SHARE = 0.8;

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
  /** The rows of the matrix are inputs: what is known of inputs is of them. */
  inputsFirst?: boolean;
  /** For methods that need them. */
  statistics?: LayerStatistics;
  /**
   * Singular vectors of the smaller side for the rank that is asked for, from `leadingDirections`; found here without
   * them. A request for a share of the energy needs the eigenvalues beside them.
   */
  directions?: Float64Array;
}

export interface CompressedTensor {
  rank: number;
  /**
   * Before rounding. Of `svd` from the discarded eigenvalues, or from the kept ones where those are not known; of other
   * methods measured.
   */
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
export function compressPair(
  input: CompressionInput,
  name: string,
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
  const method = pairMethod(name, layer);
  const w = finiteElements({ layer, bytes: ownBytes(input, matrix), dtype, rows, cols }, pollFor(options, 0, 0));
  const { directions } = input;
  const isSvd = name === 'svd';
  const needsSpectrum = request.kind === 'energy' || (isSvd && !directions);
  const known = input.eigenvalues ?? (needsSpectrum ? spectrumOf(w, matrix, options) : undefined);
  const rank = resolveRank(request, known ?? new Float64Array(0), { layer, rows, cols });
  const tools = { kernels: options.kernels, poll: pollFor(options, 0, 1) };
  const found = factored({ ...input, w, rank, layer }, matrix, method, stage(tools, 0, FACTORING_SHARE));
  const { factors, result } = found;
  const relative_error = isSvd
    ? svdError(w, rank, factors, known, () => spectrumOf(w, matrix, options))
    : errorOf({ layer, w, outputs: rows, inputs: cols }, factors, tools);
  const poll = pollFor(options, FACTORING_SHARE, 1);
  const approximation = { w, rows, cols, rank, factors, dtype, kernels: options.kernels, poll };
  const stored = layout
    ? storedFactors(approximation, tensor, matrix, layout)
    : storedProduct(approximation, tensor, matrix, expert);
  const { measured_error, replacement } = stored;
  const notes = [...result.notes];
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

/** @throws CompressionError `unknown-method`; `unsupported` for a method that stores more than two factors */
function pairMethod(name: string, layer: string): MethodName {
  methodNamed(name);
  const row = layerMethod(name as MethodName);
  // The principal components of outputs come with a bias.
  if (row.stores === 'pair' && !row.needs.includes('mean')) return row.name;
  throw new CompressionError(
    'unsupported',
    `the method ${name} stores more than two factors; make a plan with it and compress the model by that`,
    { layer },
  );
}

/** W ≈ left · right, the matrix as it lies. */
interface Pair {
  readonly left: Float64Array;
  readonly right: Float64Array;
}

/** Methods see the matrix out × in if they know something of inputs. */
function factored(
  input: CompressionInput & { w: Float64Array; rank: number; layer: string },
  { rows, cols }: CompressionMatrix,
  name: MethodName,
  tools: MethodTools,
): { factors: Pair; result: MethodResult } {
  const { w, rank, layer, directions, statistics = {} } = input;
  const turned = input.inputsFirst === true && layerMethod(name).needs.length > 0;
  const [outputs, inputs] = turned ? [cols, rows] : [rows, cols];
  const oriented = turned ? transposed(w, rows, cols) : w;
  const known = { layer, rank, statistics, options: DEFAULT_OPTIONS, ...(directions && { directions }) };
  const result = methodNamed(name)({ ...known, w: oriented, outputs, inputs }, tools);
  const { left, right } = result.parts[0] as ProductPart;
  const factors = turned
    ? { left: transposed(right, rank, inputs), right: transposed(left, outputs, rank) }
    : { left, right };
  return { factors, result };
}

/** Error of `svd` from σ: the discarded ones if all are known, else the kept ones. */
function svdError(
  w: Float64Array,
  rank: number,
  factors: Pair,
  known: Float64Array | undefined,
  spectrum: () => Float64Array,
): number {
  if (known) return new EnergyShares(known).error(rank);
  return errorBeside(w, singularValues(factors, rank)) ?? new EnergyShares(spectrum()).error(rank);
}

function errorOf(matrix: Parameters<typeof measuredErrors>[0], { left, right }: Pair, tools: MethodTools): number {
  const part: ProductPart = { kind: 'product', rank: left.length / matrix.outputs, left, right };
  return measuredErrors(matrix, { parts: [part], metric: PLAIN }, {}, tools).relative_error;
}

/** σ of factors that share them equally. */
function singularValues({ left, right }: Pair, rank: number): Float64Array {
  const [ofLeft, ofRight] = [new Float64Array(rank), new Float64Array(rank)];
  for (let at = 0; at < left.length; at++) ofLeft[at % rank] = ofLeft[at % rank]! + left[at]! ** 2;
  const length = right.length / rank;
  for (let at = 0; at < right.length; at++) {
    const row = Math.floor(at / length);
    ofRight[row] = ofRight[row]! + right[at]! ** 2;
  }
  return ofLeft.map((square, i) => Math.sqrt(square * ofRight[i]!));
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

/** The bytes of the matrix: of an expert alone, or its part of the whole stack. */
function ownBytes({ tensor, bytes, expert }: CompressionInput, { rows, cols, offset }: CompressionMatrix): Uint8Array {
  const size = elementSize(tensor.dtype);
  const length = rows * cols * size;
  const start = expert !== undefined && bytes.length === length ? 0 : offset * size;
  return bytes.subarray(start, start + length);
}

function spectrumOf(
  w: Float64Array,
  { rows, cols }: CompressionMatrix,
  { kernels, cancelled }: EigenOptions & { kernels: Kernels },
): Float64Array {
  const options = cancelled ? { cancelled } : {};
  return smallerSideEigenvalues({ w, rows, cols, kernels }, options);
}
