/**
 * The graph that makes products of float32 hardware exact, by Ozaki's splitting: every number becomes a sum of slices
 * of eight bits, d₁ + 2⁻⁸·d₂ + …, and products of slices are summed in blocks so short that every partial sum is a
 * whole number below 2²⁴. Such sums are exact in float32 in any order and with any mix of fused operations; they are
 * then added up in int32. All pairs of slices whose weights are the same make one output, a level; what the levels
 * leave out is below 2⁻⁴⁰ of the largest numbers.
 *
 * @see Ozaki, Ogita, Oishi, Rump 2012, Numerical Algorithms 59; Mukunoki et al. 2020 (on tensor cores)
 */
import { ELEMENT_TYPE, graphModel, type GraphNode } from '../products/onnxGraph';

/** Four slices leave an error of some 1e-8 of λ in the middle of a spectrum, too close to the policy's 1e-6 to prove. */
export const SLICES = 5;

/** Slices are whole numbers from −128 to 128: the sums' exactness rests on it. Inputs must lie in that range. */
export const SLICE_LIMIT = 128;
export const SLICE_BASE = 256;

/** Columns of a block: 5 pairs of slices × 192 columns × 128² is below 2²⁴, up to which float32 holds every whole number. */
export const BLOCK_DEPTH = 192;

/** Blocks of one run: their sum stays below 2³¹ (that would allow 128), and a graphics card's memory is not all ours. */
export const MAX_BLOCKS = 10;

/**
 * Inputs `X` (m × blocks × depth) and `Y` (n × blocks × depth), float32; outputs `level0` … `level4`, int32 m×n, with
 * X·Yᵀ ≈ Σ level[l]·256⁻ˡ summed over blocks and depth.
 */
export function splitModel(): Uint8Array<ArrayBuffer> {
  const levels = Array.from({ length: SLICES }, (_, level) => level);
  return graphModel({
    name: 'split product',
    inputs: [
      { name: 'X', type: 'float32', sizes: ['m', 'blocks', 'depth'] },
      { name: 'Y', type: 'float32', sizes: ['n', 'blocks', 'depth'] },
    ],
    outputs: levels.map((level) => ({ name: `level${level}`, type: 'int32', sizes: ['m', 'n'] })),
    constants: { half: { float32: 0.5 }, base: { float32: SLICE_BASE }, blocks: { int64: [0] } },
    nodes: [
      { operator: 'Transpose', inputs: ['X'], output: 'left', attributes: { perm: [1, 0, 2] } },
      { operator: 'Transpose', inputs: ['Y'], output: 'right', attributes: { perm: [1, 2, 0] } },
      ...slices('left'),
      ...slices('right'),
      ...levels.flatMap(levelOf),
    ],
  });
}

/** `left0` = ⌊left + ½⌋, and so on with (left − left0)·256: halves rounded either way leave a slice within ±128. */
function slices(side: string): GraphNode[] {
  const nodes: GraphNode[] = [];
  let rest = side;
  for (let slice = 0; slice < SLICES; slice++) {
    nodes.push({ operator: 'Add', inputs: [rest, 'half'], output: `${side}Half${slice}` });
    nodes.push({ operator: 'Floor', inputs: [`${side}Half${slice}`], output: `${side}${slice}` });
    if (slice === SLICES - 1) break;
    nodes.push({ operator: 'Sub', inputs: [rest, `${side}${slice}`], output: `${side}Below${slice}` });
    rest = `${side}Rest${slice}`;
    nodes.push({ operator: 'Mul', inputs: [`${side}Below${slice}`, 'base'], output: rest });
  }
  return nodes;
}

/** Slices p of X and q of Y with p + q = level, laid one after the other: one product sums over all of them. */
function levelOf(level: number): GraphNode[] {
  const slices = Array.from({ length: level + 1 }, (_, slice) => slice);
  const joined = (output: string, inputs: string[], axis: number): GraphNode => {
    return { operator: 'Concat', inputs, output, attributes: { axis } };
  };
  return [
    joined(
      `lefts${level}`,
      slices.map((slice) => `left${slice}`),
      2,
    ),
    joined(
      `rights${level}`,
      slices.map((slice) => `right${level - slice}`),
      1,
    ),
    { operator: 'MatMul', inputs: [`lefts${level}`, `rights${level}`], output: `sums${level}` },
    { operator: 'Cast', inputs: [`sums${level}`], output: `whole${level}`, attributes: { to: ELEMENT_TYPE.int32 } },
    {
      operator: 'ReduceSum',
      inputs: [`whole${level}`, 'blocks'],
      output: `level${level}`,
      attributes: { keepdims: 0 },
    },
  ];
}
