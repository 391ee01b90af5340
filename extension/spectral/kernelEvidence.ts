/**
 * What says that a tensor of three to five axes is a convolution's kernel, where no operator of a graph does: the bias
 * beside it, its name, and sizes that only kernels have. Each can mislead alone: PyTorch Geometric calls layers of a
 * graph `conv1`, whose weights are a matrix for each relation; layers that were scanned lie behind one another in JAX.
 */
import type { KernelLayout } from '../shared/tensors';

/** Shape of another tensor; undefined where there is none of that name. */
export type ShapeOf = (name: string) => readonly number[] | undefined;

export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
  readonly kernelLayout: KernelLayout;
}

/** Parts at the end of a name that are looked at; more say nothing of a layer. */
const PARTS_SEEN = 8;

const CONVOLUTION = /conv|stft|filter|basis|depthwise|pointwise/i;

/** Separable convolutions: two kernels share the bias of the second. */
const SEPARABLE = /depthwise|pointwise/i;

/** What a kernel is called in its module: `weight`, `weight_v`, `original1`, `kernel:0`, `w`, `vars/0`. */
const KERNEL = /^(?:\w{0,20}weights?(?:_\w{1,8})?|original[01]|\w{0,20}kernel(?::0)?|w|0)$/i;

/** Parameters, or modules right around them, of three axes and no kernels. */
const NO_CONVOLUTION = /bilinear|spline|relation|pos(?:ition)?_?emb|embed_pos/i;

/** Layers that one loop runs over: without a number of their own, as JAX's scan leaves them. */
const SCANNED = /^(?:\w{0,30}(?:layers|blocks|stack)|scan\w{0,30}|h)$/i;

/** What a graph's convolution has beside its weights. */
const GRAPH_SIBLINGS = ['root', 'comp', 'root_weight', 'att', 'coeff'];

/** Positions along one axis: more only where other evidence speaks for it. */
const MOST_POSITIONS = 16;
const MOST_ODD_POSITIONS = 63;
const LARGEST_PATCH = 64;

/** The last parts of a name, `:0` and the like cut off. */
export function partsOfName(name: string): string[] {
  return name.slice(-512).replace(/:\d$/, '').split(/[./]/).slice(-PARTS_SEEN);
}

/** True where evidence says that the tensor is a kernel. */
export function isKernel(tensor: NamedShape, shapeOf: ShapeOf): boolean {
  const { name, shape, kernelLayout } = tensor;
  if (shape.length < 3 || shape.length > 5) return false;
  // Known only from an operator that convolves.
  if (kernelLayout === 'O…I' || kernelLayout === '…O') return true;
  const parts = partsOfName(name);
  const last = parts.at(-1)!;
  const isNamed = parts.some((part) => CONVOLUTION.test(part)) && (KERNEL.test(last) || CONVOLUTION.test(last));
  if (isNamed && SEPARABLE.test(last)) return true;
  if (isGraphLayer(name, shape, shapeOf)) return false;
  const bias = shapeOf(biasName(name));
  const byBias = bias && fitsBias(shape, kernelLayout, bias);
  if (byBias === false) return false;
  // Named so and with a bias that fits: wav2vec 2.0's positional convolution is longer than a small model is wide.
  if (isNamed) return byBias === true || hasPositions(shape, kernelLayout);
  if (parts.slice(-2).some((part) => NO_CONVOLUTION.test(part))) return false;
  if (byBias) return hasFewPositions(spatial(shape, kernelLayout));
  if (kernelLayout === '…IO' && parts.some((part) => SCANNED.test(part))) return false;
  return KERNEL.test(last) && isTypical(spatial(shape, kernelLayout), channels(shape, kernelLayout));
}

function spatial(shape: readonly number[], layout: KernelLayout): readonly number[] {
  return layout === 'OI…' ? shape.slice(2) : shape.slice(0, -2);
}

function channels(shape: readonly number[], layout: KernelLayout): readonly [number, number] {
  return layout === 'OI…' ? [shape[0]!, shape[1]!] : [shape.at(-2)!, shape.at(-1)!];
}

/**
 * True if a bias fits a kernel (one number an output, of a transposed convolution too), false if it fits matrices,
 * undefined if it may be either.
 */
function fitsBias(shape: readonly number[], layout: KernelLayout, bias: readonly number[]): boolean | undefined {
  // A bias for each matrix of a stack.
  if (bias.length !== 1) return false;
  const [length] = bias as [number];
  const [a, b] = channels(shape, layout);
  const isChannels = length === a || length === b;
  // A depthwise kernel has its outputs on two axes.
  if (layout === '…IO') return isChannels || length === a * b;
  // PyTorch's last axis is a kernel's, and the outputs of matrices in × out.
  if (length === shape.at(-1)) return isChannels ? undefined : false;
  return isChannels || (length % b === 0 && shape.length > 3);
}

function isGraphLayer(name: string, shape: readonly number[], shapeOf: ShapeOf): boolean {
  const end = Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1;
  const around = name.slice(0, end);
  return GRAPH_SIBLINGS.some((sibling) => {
    const found = shapeOf(around + sibling) ?? shapeOf(`${around}${sibling}.weight`);
    return found !== undefined && (found.length === 2 || found.length === shape.length);
  });
}

/** `X.bias` of `X.weight`, as each program spells the two. */
export function biasName(name: string): string {
  const end = Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1;
  const [around, last] = [name.slice(0, end), name.slice(end)];
  if (/^original[01]$/.test(last)) return `${around.replace(/parametrizations\.weight\.$/, '')}bias`;
  if (last === '0' && around.endsWith('vars/')) return `${around}1`;
  if (last === 'w') return `${around}b`;
  if (last === 'weights') return `${around}biases`;
  return `${around}bias${last.endsWith(':0') ? ':0' : ''}`;
}

/**
 * True if the axis of positions of something called a convolution is not the longest; filter banks of one channel may
 * be longer.
 */
function hasPositions(shape: readonly number[], layout: KernelLayout): boolean {
  const [a, b] = channels(shape, layout);
  const [only] = spatial(shape, layout);
  return shape.length > 3 || only! <= MOST_POSITIONS || only! < Math.max(a, b) || Math.min(a, b) === 1;
}

/** Beside a bias that fits. */
function hasFewPositions(sizes: readonly number[]): boolean {
  return (
    sizes.every((size) => size <= MOST_POSITIONS || (size % 2 === 1 && size <= MOST_ODD_POSITIONS)) || isSquare(sizes)
  );
}

/** Sizes that kernels have and hardly anything else: odd, or square. */
function isTypical(sizes: readonly number[], [a, b]: readonly [number, number]): boolean {
  if (sizes.length === 1) {
    const [size] = sizes as [number];
    return size <= 4 || (size % 2 === 1 && size <= 31 && size < Math.max(a, b));
  }
  if (isSquare(sizes)) return true;
  return sizes.every((size) => size <= 4 || (size % 2 === 1 && size <= 31));
}

/** The last two alike: a patch, or a kernel over an image or a few frames of it. */
function isSquare(sizes: readonly number[]): boolean {
  const [height, width] = [sizes.at(-2), sizes.at(-1)!];
  return height === width && width <= LARGEST_PATCH && sizes.every((size) => size <= LARGEST_PATCH);
}
