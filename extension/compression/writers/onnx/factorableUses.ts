/**
 * Which uses of a weight two operators can stand in for: MatMul, Gemm, and convolutions of one group. A weight that has any
 * other use is refused: it would have to stay beside its factors.
 */
import { nodeLabel, type OnnxPlaces, type WeightPlace, type WeightUse } from '../../../checkpoint/onnx/onnxPlaces';
import type { TreeNode } from '../../../checkpoint/onnx/onnxTree';
import { CompressionError } from '../../compressionError';

/** Before it, Gemm broadcasts by an attribute. */
const GEMM_SINCE = 7;

/** Ends each reason of a run. */
export const KEEP = 'keep it dense in the plan';

/** Why an operator without a case of its own refuses. */
export const NEEDS_WHOLE = ', which needs it whole';

export interface FactorableUse {
  readonly node: TreeNode;
  readonly kind: 'matmul' | 'gemm' | 'conv';
  /** The weight is the left operand: y = W·x. */
  readonly left: boolean;
  /** What the operator multiplies by is the transpose of what reaches it. */
  readonly transposes: boolean;
}

export interface FactorableWeight {
  readonly place: WeightPlace;
  readonly uses: readonly FactorableUse[];
  /** What reaches the operators is the transpose of the stored tensor. */
  readonly transposed: boolean;
  /** The rows of the stored tensor are inputs of the layer. */
  readonly inputsFirst: boolean;
  /** Nodes between the weight and the operators; they go. */
  readonly dropped: readonly TreeNode[];
}

/**
 * @param layer names the weight in messages
 * @throws CompressionError `unsupported`
 */
export function factorableWeight(places: OnnxPlaces, place: WeightPlace, layer: string): FactorableWeight {
  const refuse = (reason: string): CompressionError => new CompressionError('unsupported', reason, { layer });
  const rank = place.tensor.shape.length;
  const uses = places.uses(place, (node) => isPassing(node, rank));
  if (uses.length === 0) throw refuse(`no operator of the graph uses it; ${KEEP}`);
  const found = uses.map((use) => {
    const kind = factorableUse(use, places, rank);
    if (typeof kind === 'string') throw refuse(kind);
    return { ...kind, transposed: use.through.filter(({ operator }) => operator === 'Transpose').length % 2 === 1 };
  });
  const [first] = found;
  if (found.some(({ transposed }) => transposed !== first!.transposed)) {
    throw refuse(`one operator uses it as it is and another its transpose; ${KEEP}`);
  }
  // The columns of what an operator multiplies x·W by are outputs, the rows of W·x.
  const rowsAreInputs = found.map(({ left, transposes, transposed }) => left === (transposes !== transposed));
  if (rowsAreInputs.some((each) => each !== rowsAreInputs[0])) {
    throw refuse(`one operator multiplies by its rows and another by its columns; ${KEEP}`);
  }
  return {
    place,
    uses: found,
    transposed: first!.transposed,
    inputsFirst: first!.kind !== 'conv' && rowsAreInputs[0]!,
    dropped: [...new Set(uses.flatMap(({ through }) => through))],
  };
}

/** Identity, and the transpose of a matrix. */
function isPassing({ operator, attributes }: TreeNode, rank: number): boolean {
  if (operator === 'Identity') return true;
  if (operator !== 'Transpose' || rank !== 2) return false;
  const order = attributes.get('perm')?.integers;
  return !order || order.length === 0 || (order[0] === 1 && order[1] === 0);
}

/** A sentence if nothing can stand in for the use. */
function factorableUse({ node, index }: WeightUse, { tree }: OnnxPlaces, rank: number): FactorableUse | string {
  if (!node) return `it is also an output of a graph${NEEDS_WHOLE}; ${KEEP}`;
  const label = nodeLabel(node);
  const integer = (name: string): number => node.attributes.get(name)?.integer ?? 0;
  const opset = tree.opsets.get('') ?? 1;
  switch (node.operator) {
    case 'MatMul':
      if (rank !== 2) return `${label} multiplies by ${rank} axes of it, and only a matrix becomes two; ${KEEP}`;
      return { node, kind: 'matmul', left: index === 0, transposes: false };
    case 'Gemm':
      if (index > 1) return `${label} adds it${NEEDS_WHOLE}; ${KEEP}`;
      if (opset < GEMM_SINCE) {
        return `${label} is of opset ${opset}, and Gemm is rewritten from opset ${GEMM_SINCE} on; convert the model`;
      }
      return { node, kind: 'gemm', left: index === 0, transposes: integer(index === 0 ? 'transA' : 'transB') !== 0 };
    case 'Conv': {
      if (index !== 1) return `${label} does not use it as a kernel; ${KEEP}`;
      const groups = node.attributes.get('group')?.integer ?? 1;
      if (groups === 1) return { node, kind: 'conv', left: true, transposes: false };
      return `${label} has ${groups} groups, and two convolutions cannot stand in for a grouped one; ${KEEP}`;
    }
    case 'ConvTranspose':
      return `${label} is a transposed convolution, and two convolutions cannot stand in for it; ${KEEP}`;
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return `${label} takes the weights of its gates whole, so two factors cannot stand in for one; ${KEEP}`;
    case 'QuantizeLinear':
      return `${label} quantises it, and its codes would not be those of two factors; compress the model before it is quantised`;
    default:
      return `it is used by ${label}${NEEDS_WHOLE}; ${KEEP}`;
  }
}
