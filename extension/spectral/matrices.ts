/**
 * From tensor to matrices: which tensors have a spectrum, how many matrices they hold and where their elements lie.
 *
 * 2-D tensors are one matrix. Convolution kernels are one matrix per kernel position, their eigenvalues pooled. 3-D
 * tensors are ambiguous between a conv1d kernel and a stack of experts; `layersOf` says how it decides.
 */
import type { KernelLayout, RecurrentOperator } from '../checkpoint/checkpoint';
import type { DType } from '../protocol';

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
}

export interface TensorLayers {
  layers: LayerGeometry[];
  /** In words, where `layers` is empty. */
  noSpectrum?: string;
}

/** Convolution kernels have one to three spatial axes beside the two of channels. */
const MAX_DIMENSIONS = 5;

/** From this size on, an axis of an unnamed 3-D tensor is taken for features and not for kernel positions. */
const LARGE_AXIS = 64;

/** Kernel axis in front (`…IO`) up to this length: a conv1d kernel, whatever the other two axes are. */
const MAX_LEADING_KERNEL = 16;

/**
 * The layers of a tensor, or why it has none.
 *
 * 3-D tensors: a name with `expert`, `moe` or llama.cpp's `_exps` in it is a stack (E, N, M), one layer per expert; so are
 * the weights of a recurrent operator, one layer per direction; a name with `conv` is a conv1d kernel. Otherwise it is a
 * stack when its last two axes are both at least 64 long (and, where kernels are stored k, I, O, the first is longer than
 * any usual kernel); else a conv1d kernel. Where an operator is known to use it, that decides.
 */
export function layersOf(tensor: {
  name: string;
  shape: readonly number[];
  dtype: DType;
  kernelLayout: KernelLayout;
  recurrent?: RecurrentOperator;
  usedAs?: 'kernel' | 'matrices' | 'vectors';
  unreadable?: string;
}): TensorLayers {
  const { name, shape, dtype, kernelLayout, recurrent, usedAs } = tensor;
  const vectors = usedAs === 'vectors' ? 'vectors: biases or states' : undefined;
  const reason = tensor.unreadable ?? whyNoSpectrum(shape, dtype) ?? vectors;
  if (reason !== undefined) return { layers: [], noSpectrum: reason };
  if (shape.length === 2) {
    return { layers: [{ name, tensor: name, kind: 'matrix', rows: shape[0]!, cols: shape[1]!, count: 1 }] };
  }
  const isStack = usedAs ? usedAs === 'matrices' : recurrent || isExpertStack(name, shape, kernelLayout);
  if (shape.length === 3 && isStack) {
    const layers = Array.from({ length: shape[0]! }, (_, expert): LayerGeometry => ({
      name: `${name}[${expert}]`,
      tensor: name,
      kind: 'expert',
      rows: shape[1]!,
      cols: shape[2]!,
      count: 1,
      expert,
    }));
    return { layers };
  }
  const [rows, cols] = channels(shape, kernelLayout);
  if (rows === 1 && cols === 1) return { layers: [], noSpectrum: 'one input and one output channel' };
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
  if (dtype === 'BOOL') return 'boolean tensor';
  if (dtype.startsWith('C')) return 'complex tensor';
  if (!dtype.startsWith('F') && dtype !== 'BF16') return 'integer tensor';
  if (dtype === 'F8_E8M0') return 'powers of two, the scales of another tensor';
  if (shape.length === 0) return 'scalar';
  if (shape.includes(0)) return 'has a zero dimension';
  if (shape.length === 1) return '1-D tensor';
  if (shape.length > MAX_DIMENSIONS) return `${shape.length}-D tensor`;
  if (shape.length > 2 && shape.filter((size) => size > 1).length < 2) return 'only one axis is longer than 1';
  return undefined;
}

function isExpertStack(name: string, shape: readonly number[], kernelLayout: KernelLayout): boolean {
  // Known of what an operator convolves with, and of nothing else.
  if (kernelLayout === 'O…I' || kernelLayout === '…O') return false;
  if (/expert|moe|_exps\b/i.test(name)) return true;
  if (/conv/i.test(name)) return false;
  const large = shape[1]! >= LARGE_AXIS && shape[2]! >= LARGE_AXIS;
  return large && (kernelLayout !== '…IO' || shape[0]! > MAX_LEADING_KERNEL);
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
  const { rows, cols, count, expert } = layer;
  const size = rows * cols;
  const total = shape.reduce((product, length) => product * length, 1);
  const single = expert !== undefined && elements.length === size;
  if (!single && elements.length !== total) {
    throw new RangeError(`${elements.length} elements given for shape [${shape.join(', ')}]`);
  }
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw new RangeError(`layer ${layer.name} has no matrix ${index} (it has ${count})`);
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
