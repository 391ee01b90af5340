/**
 * Attention kernels that keep their heads as an axis: Flax, Keras and big_vision store q, k and v as in × heads × dim and
 * the output as heads × dim × out; TransformerLens and Gemma put the heads first (heads × in × dim). Each is one matrix,
 * in × (heads·dim) or (heads·dim) × out. Scanned layers have one axis more in front.
 *
 * @see https://flax.readthedocs.io/en/latest/api_reference/flax.linen/layers.html (`MultiHeadDotProductAttention`)
 * @see https://github.com/keras-team/keras/blob/master/keras/src/layers/attention/multi_head_attention.py
 * @see https://github.com/TransformerLensOrg/TransformerLens (`components/abstract_attention.py`)
 * @see https://github.com/google-deepmind/gemma (`gm/nn/_modules.py`)
 */
import type { MatrixAxes } from '../shared/matrixAxes';
import { biasName, partsOfName, type ShapeOf } from './kernelEvidence';

/** Along which side of the matrix the heads lie one after another, and how many there are. */
export interface HeadsOfAxes {
  readonly side: 'rows' | 'cols';
  readonly count: number;
  /** Projections that lie one after another along the side, with `count` heads each. */
  readonly projections?: readonly string[];
}

export interface AttentionKernel {
  readonly axes: MatrixAxes;
  readonly heads?: HeadsOfAxes;
}

const INPUT = /^_?(?:\w{1,20}_)?(?:query|key|value)(?:_(?:dense|proj|projection))?$/i;
const SHORT_INPUT = /^(?:[qkv](?:_proj)?|w[qkv])$/i;
const OUTPUT = /^_?(?:attention_output|output_dense)$/i;
const SHORT_OUTPUT = /^(?:out|output|out_proj|output_projection|o|o_proj|wo|proj|projection)$/i;
const FUSED = /^(?:c_)?(?:qkv|kv)(?:_proj|_dense|_fused)?$/i;

const HEADS_FIRST_INPUT = /^_?W_[QKV]$/;
const HEADS_FIRST_OUTPUT = /^W_O$/;
const EINSUM_INPUT = /^(?:q|k|v|kv|qkv)_einsum$/;
const EINSUM_OUTPUT = /^attn_vec_einsum$/;

/** By their number. */
const PROJECTIONS: Readonly<Record<number, readonly string[]>> = { 2: ['k', 'v'], 3: ['q', 'k', 'v'] };

const ATTENTION = /att(?:n|ention)|mha|multi_?head/i;

/** The last part of a kernel's name where its module is called by what it does. */
const KERNEL = /^(?:kernel|w|vars\/0)$/;

/** How the axes of an attention kernel make up its matrix; undefined for other tensors. */
export function attentionKernel(name: string, shape: readonly number[], shapeOf: ShapeOf): AttentionKernel | undefined {
  if (shape.length !== 3 && shape.length !== 4) return undefined;
  const { module, parameter, around } = ending(name);
  if (HEADS_FIRST_INPUT.test(parameter) || (parameter === 'w' && EINSUM_INPUT.test(module))) {
    return headsFirst(shape, [1], [0, 2]);
  }
  if (HEADS_FIRST_OUTPUT.test(parameter) || (parameter === 'w' && EINSUM_OUTPUT.test(module))) {
    return kernel(shape, [0, 1], [2], 'rows', 0);
  }
  // A convolution over single positions.
  if (shape.length === 4 && shape[0] === 1 && shape[1] === 1) return undefined;
  if (!KERNEL.test(parameter) || hasVectorBias(name, shapeOf)) return undefined;
  const within = around.some((part) => ATTENTION.test(part)) || ATTENTION.test(module);
  if (INPUT.test(module) || (within && SHORT_INPUT.test(module))) return kernel(shape, [0], [1, 2], 'cols', 1);
  if (OUTPUT.test(module) || (within && SHORT_OUTPUT.test(module))) return kernel(shape, [0, 1], [2], 'rows', 0);
  return FUSED.test(module) ? fused(shape) : undefined;
}

/** in × 3 × heads × dim, in × 3 × all or in × heads × all; q, k and v may also be the first axis. */
function fused(shape: readonly number[]): AttentionKernel {
  if (PROJECTIONS[shape[0]!]) {
    return shape.length === 4 ? kernel(shape, [0], [1, 2], 'cols', 1) : { axes: { stack: [0], rows: [1], cols: [2] } };
  }
  const axes = { stack: [], rows: [0], cols: shape.slice(1).map((_, i) => i + 1) };
  const projections = PROJECTIONS[shape[1]!];
  if (shape.length === 3 || !projections) return { axes };
  return { axes, heads: { side: 'cols', count: shape[2]!, projections } };
}

/** A bias beside it with one number an output: a convolution or dense layer that happens to be called so. */
function hasVectorBias(name: string, shapeOf: ShapeOf): boolean {
  const { module } = ending(name);
  // The output of attention has such a bias, too.
  if (OUTPUT.test(module) || SHORT_OUTPUT.test(module)) return false;
  return shapeOf(biasName(name))?.length === 1;
}

/** Rows and columns as of a kernel of three axes; one more in front counts layers. */
function kernel(
  shape: readonly number[],
  rows: readonly number[],
  cols: readonly number[],
  side: 'rows' | 'cols',
  headAxis: number,
): AttentionKernel {
  const shift = shape.length - 3;
  const shifted = (axes: readonly number[]): number[] => axes.map((axis) => axis + shift);
  return {
    axes: { stack: shift === 0 ? [] : [0], rows: shifted(rows), cols: shifted(cols) },
    heads: { side, count: shape[headAxis + shift]! },
  };
}

function headsFirst(shape: readonly number[], rows: readonly number[], cols: readonly number[]): AttentionKernel {
  return kernel(shape, rows, cols, 'cols', 0);
}

/** Biases of heads, layers or experts beside one another, and a graph attention's vectors: they are no matrix. */
export function isStackedBias(name: string, shape: readonly number[], shapeOf: ShapeOf): boolean {
  // Hardly any of 100 000 names goes on.
  if (!/bias|b_|vars\/1|att/.test(name.slice(-12))) return false;
  const { module, parameter, before } = ending(name);
  if (/^(?:bias(?:es)?|b_(?:[QKVO]|in|out|gate)|(?:\w{1,20}_)?proj_bias)$/.test(parameter)) return true;
  if (shape.length === 3 && shape[0] === 1 && /^attn?(?:_(?:src|dst|edge|l|r|i|j))?$/.test(parameter)) return true;
  // Keras 3 numbers a layer's variables.
  const kernelShape = parameter === 'vars/1' ? shapeOf(`${before}0`) : undefined;
  return kernelShape !== undefined && kernelShape.length > 2 && (INPUT.test(module) || OUTPUT.test(module));
}

interface Ending {
  /** Last part of the name; `vars/0` of Keras 3. */
  readonly parameter: string;
  readonly module: string;
  readonly around: readonly string[];
  /** Everything before the last part. */
  readonly before: string;
}

function ending(name: string): Ending {
  const parts = partsOfName(name);
  const before = name.slice(0, Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1);
  const last = parts.pop()!;
  const parameter = parts.at(-1) === 'vars' ? `${parts.pop()!}/${last}` : last;
  return { parameter, module: parts.at(-1) ?? '', around: parts.slice(0, -1), before };
}
