/**
 * From tensor to matrices: which tensors have a spectrum, how many matrices they hold and where their elements lie.
 *
 * 2-D tensors are one matrix. Convolution kernels are one matrix per kernel position, their eigenvalues pooled. What else
 * has three or more axes is told by its name, its neighbours and its sizes (`kernelEvidence.ts`, `attentionAxes.ts`).
 */
import { l10n } from '../shared/language/l10n';
import { elementPlaces, foldedSizes, type MatrixAxes } from '../shared/matrixAxes';
import type { DType, KernelLayout, RecurrentOperator } from '../shared/tensors';
import { attentionKernel, isStackedBias, type HeadsOfAxes } from './attentionAxes';
import { isKernel, type ShapeOf } from './kernelEvidence';

export type LayerKind = 'matrix' | 'conv' | 'expert';

export interface LayerGeometry {
  /** The tensor's name, or `<tensor>[e]` for an expert. */
  name: string;
  tensor: string;
  kind: LayerKind;
  /** Rows of each matrix, in stored order. */
  rows: number;
  cols: number;
  /** Matrices pooled into one ESD: kernel positions of a convolution, else 1. */
  count: number;
  /** Index along the first axis of a stack: of experts, or of the directions of an ONNX LSTM. */
  expert?: number;
  /** How the tensor's axes make up the matrices, where that is not plainly rows × cols or experts × rows × cols. */
  axes?: MatrixAxes;
  /** Attention heads that the shape itself tells. */
  heads?: HeadsOfAxes;
}

export interface TensorLayers {
  layers: LayerGeometry[];
  /** In words, where `layers` is empty. */
  noSpectrum?: string;
}

/** Convolution kernels have one to three spatial axes beside the two of channels. */
const MAX_DIMENSIONS = 5;

const BIASES = l10n.english('vectors: biases or states');

export interface LayeredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly kernelLayout: KernelLayout;
  readonly recurrent?: RecurrentOperator;
  readonly usedAs?: 'kernel' | 'matrices' | 'vectors';
  readonly matrixAxes?: MatrixAxes;
  readonly unreadable?: string;
  readonly partOf?: string;
}

/**
 * The layers of a tensor, or why it has none.
 *
 * Where an operator or the model's configuration says what a tensor of three or more axes is, that decides; else its name
 * (attention kernels, experts), then evidence of a convolution. Three axes without any are a stack: one matrix for each
 * index of the first. More have no spectrum, since nothing says which of them make a matrix.
 *
 * @param shapeOf shapes of the checkpoint's other tensors: a bias tells what its weight is
 */
export function layersOf(tensor: LayeredTensor, shapeOf: ShapeOf = () => undefined): TensorLayers {
  const { name, shape, dtype, usedAs } = tensor;
  const reason = tensor.unreadable ?? whyNoSpectrum(shape, dtype);
  if (reason !== undefined) return { layers: [], noSpectrum: reason };
  if (tensor.partOf !== undefined) return { layers: [], noSpectrum: l10n.english('a part of {0}', tensor.partOf) };
  if (usedAs === 'vectors' || (usedAs === undefined && !tensor.recurrent && isStackedBias(name, shape, shapeOf))) {
    return { layers: [], noSpectrum: BIASES };
  }
  if (shape.length === 2) {
    return { layers: [{ name, tensor: name, kind: 'matrix', rows: shape[0]!, cols: shape[1]!, count: 1 }] };
  }
  const found = axesOf(tensor, shapeOf);
  if (found === 'kernel') return convolution(tensor);
  if (found) return { layers: matrices(tensor, found.axes, found.heads) };
  const axes = l10n.english('{0} axes', shape.length);
  return {
    layers: [],
    noSpectrum: l10n.english('nothing says which of its {0} make a matrix, or that it is a convolution', axes),
  };
}

/** How the axes of a tensor of three or more make up matrices; undefined where nothing says so. */
function axesOf(
  tensor: LayeredTensor,
  shapeOf: ShapeOf,
): { axes: MatrixAxes; heads?: HeadsOfAxes } | 'kernel' | undefined {
  const { name, shape, usedAs, matrixAxes } = tensor;
  if (matrixAxes) return { axes: matrixAxes };
  if (usedAs === 'kernel') return 'kernel';
  if (usedAs === 'matrices' || tensor.recurrent) return { axes: stacked(shape) };
  const attention = attentionKernel(name, shape, shapeOf);
  if (attention) return attention;
  const experts = tensor.kernelLayout !== 'O…I' && tensor.kernelLayout !== '…O' && /expert|moe|_exps\b/i.test(name);
  // Experts that are convolutions have tensors of their own.
  if (experts && (shape.length === 3 || !/conv/i.test(name))) return { axes: stacked(shape) };
  if (isKernel(tensor, shapeOf)) return 'kernel';
  return shape.length === 3 ? { axes: unknown(shape) } : undefined;
}

/** The last two axes are a matrix, those before count matrices. */
function stacked(shape: readonly number[]): MatrixAxes {
  const last = shape.length - 1;
  return { stack: shape.slice(0, -2).map((_, axis) => axis), rows: [last - 1], cols: [last] };
}

/** One matrix for each index of the first axis; one in all where an axis of length 1 is no more than a frame. */
function unknown(shape: readonly number[]): MatrixAxes {
  if (shape[0] === 1) return { stack: [], rows: [0, 1], cols: [2] };
  return shape[1] === 1 || shape[2] === 1 ? { stack: [], rows: [0], cols: [1, 2] } : stacked(shape);
}

function matrices(tensor: LayeredTensor, axes: MatrixAxes, heads: HeadsOfAxes | undefined): LayerGeometry[] {
  const { name, shape } = tensor;
  const [count, rows, cols] = foldedSizes(shape, axes);
  const stack = axes.stack.length > 0;
  // A stack along the first of three axes is what its shape says.
  const plain = stack && shape.length === 3 && axes.stack[0] === 0 && axes.rows[0] === 1;
  return Array.from({ length: stack ? count : 1 }, (_, expert) => ({
    name: stack ? `${name}[${expert}]` : name,
    tensor: name,
    kind: stack ? 'expert' : 'matrix',
    rows,
    cols,
    count: 1,
    ...(stack && { expert }),
    ...(!plain && { axes }),
    ...(heads && { heads }),
  }));
}

function convolution({ name, shape, kernelLayout }: LayeredTensor): TensorLayers {
  const [rows, cols] = channels(shape, kernelLayout);
  if (rows === 1 && cols === 1) return { layers: [], noSpectrum: l10n.english('one input and one output channel') };
  const count = shape.reduce((product, size) => product * size, 1) / (rows * cols);
  return { layers: [{ name, tensor: name, kind: 'conv', rows, cols, count }] };
}

/** Rows and columns of the matrix of one kernel position, in stored order. */
function channels(shape: readonly number[], kernelLayout: KernelLayout): [rows: number, cols: number] {
  switch (kernelLayout) {
    case 'OI…':
      return [shape[0]!, shape[1]!];
    case '…IO':
      return [shape.at(-2)!, shape.at(-1)!];
    case 'O…I':
      return [shape[0]!, shape.at(-1)!];
    case '…O':
      return [1, shape.at(-1)!];
  }
}

function whyNoSpectrum(shape: readonly number[], dtype: DType): string | undefined {
  if (dtype === 'BOOL') return l10n.english('boolean tensor');
  if (dtype.startsWith('C')) return l10n.english('complex tensor');
  if (!dtype.startsWith('F') && dtype !== 'BF16') return l10n.english('integer tensor');
  if (dtype === 'F8_E8M0') return l10n.english('powers of two, the scales of another tensor');
  if (shape.length === 0) return 'scalar';
  if (shape.includes(0)) return l10n.english('has a zero dimension');
  if (shape.length === 1) return l10n.english('1-D tensor');
  if (shape.length > MAX_DIMENSIONS) return l10n.english('{0}-D tensor', shape.length);
  if (shape.length > 2 && shape.filter((size) => size > 1).length < 2)
    return l10n.english('only one axis is longer than 1');
  return undefined;
}

/**
 * Copies one matrix of a layer out of the elements, row-major rows × cols.
 *
 * @param elements of the whole tensor; for an expert, of the whole stack or of that expert alone
 * @param shape of the whole tensor
 * @param index kernel position, 0 ≤ index < `layer.count`
 * @throws RangeError where the elements or the index do not fit the layer
 */
export function extractMatrix(
  elements: Float64Array,
  shape: readonly number[],
  kernelLayout: KernelLayout,
  layer: LayerGeometry,
  index: number,
): Float64Array {
  const { rows, cols, count, expert, axes } = layer;
  const size = rows * cols;
  const total = shape.reduce((product, length) => product * length, 1);
  const single = expert !== undefined && elements.length === size;
  if (!single && elements.length !== total) {
    throw new RangeError(`${elements.length} elements given for shape [${shape.join(', ')}]`);
  }
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw new RangeError(`layer ${layer.name} has no matrix ${index} (it has ${count})`);
  }
  if (axes && elements.length === total) {
    const { places, run } = elementPlaces(shape, axes);
    const [first, last] = expert === undefined ? [0, rows] : [expert, expert + 1];
    return Float64Array.from([...places(first, last)].flatMap((place) => [...elements.subarray(place, place + run)]));
  }
  if (count === 1) {
    const start = single || expert === undefined ? 0 : expert * size;
    return elements.slice(start, start + size);
  }
  const { start, rowStep, colStep } = entryPlaces(kernelLayout, layer, index);
  const matrix = new Float64Array(size);
  for (let row = 0, entry = 0; row < rows; row++) {
    for (let col = 0, at = start + row * rowStep; col < cols; col++, at += colStep) matrix[entry++] = elements[at]!;
  }
  return matrix;
}

/** A matrix among the elements that are read for its layer: entry (i, j) is element start + i·rowStep + j·colStep. */
export interface EntryPlaces {
  start: number;
  rows: number;
  cols: number;
  rowStep: number;
  colStep: number;
}

/** @param index kernel position, 0 ≤ index < `layer.count` */
export function entryPlaces(kernelLayout: KernelLayout, layer: LayerGeometry, index: number): EntryPlaces {
  const { rows, cols, count } = layer;
  switch (kernelLayout) {
    case 'OI…':
      return { start: index, rows, cols, rowStep: cols * count, colStep: count };
    case '…IO':
    case '…O':
      return { start: index * rows * cols, rows, cols, rowStep: cols, colStep: 1 };
    case 'O…I':
      return { start: index * cols, rows, cols, rowStep: cols * count, colStep: 1 };
  }
}
