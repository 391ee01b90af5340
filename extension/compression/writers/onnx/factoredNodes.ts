/**
 * The nodes that stand in for one whose weight became two factors. The input meets `B` first, then `A`, and each takes its
 * node's name with `.B` or `.A` behind it: y = A·B·x.
 */
import type { TreeNode } from '../../../checkpoint/onnx/onnxTree';
import { CompressionError } from '../../compressionError';
import type { FactorableUse } from './factorableUses';
import { nodeMessage, type NewNode } from './onnxMessages';
import { copied, integer, nested, text, type Stretch } from './protobufRewrite';

/** Before it, a Gemm needs something to add. */
const GEMM_ADDS_NOTHING_SINCE = 11;

/** Before it, Add broadcasts by an attribute. */
const ADD_SINCE = 7;

/** Names of the values that take a weight's place. */
export interface FactorNames {
  readonly a: string;
  readonly b: string;
  /** A zero for a Gemm that needs something to add. */
  readonly zero: string;
  readonly bias: string;
}

export function factorNames(value: string): FactorNames {
  return { a: `${value}.A`, b: `${value}.B`, zero: `${value}.B.zero`, bias: `${value}.A.bias` };
}

export function needsZero({ kind }: FactorableUse, opset: number): boolean {
  return kind === 'gemm' && opset < GEMM_ADDS_NOTHING_SINCE;
}

/** Names of the values between the new nodes. */
export function valuesBetween({ node }: FactorableUse, biased: boolean): string[] {
  const [output = ''] = node.outputs;
  return [`${output}.B`, ...(biased ? [`${output}.A`] : [])];
}

/** How a bias is stored that is added to the outputs of a use: its shape, and what it is scaled by. */
export interface BiasForm {
  readonly shape: readonly number[];
  readonly scale: number;
}

/** @param spatial axes of a convolution's kernel */
export function biasForm({ node, kind, left }: FactorableUse, outputs: number, spatial: number): BiasForm {
  if (kind === 'conv') return { shape: [outputs, ...Array<number>(spatial).fill(1)], scale: 1 };
  // Gemm scales the product, and what is added to W·x with it.
  const scale = kind === 'gemm' ? (node.attributes.get('alpha')?.float ?? 1) : 1;
  return { shape: left ? [outputs, 1] : [outputs], scale };
}

/**
 * Field numbers and contents of the nodes in place of the one of `use`.
 *
 * @param biased a bias of its own is added behind the second factor
 * @throws CompressionError `unsupported` for a bias in a model whose Add does not broadcast
 */
export function factoredNodes(
  use: FactorableUse,
  names: FactorNames,
  { biased, opset, spatial }: { biased: boolean; opset: number; spatial: number },
): Stretch[] {
  const { node } = use;
  const [output = ''] = node.outputs;
  if (biased && opset < ADD_SINCE) {
    throw new CompressionError(
      'unsupported',
      `needs opset ${ADD_SINCE} for its bias and has ${opset}; convert the model`,
    );
  }
  const [between, beforeBias] = valuesBetween(use, biased);
  const last = biased ? beforeBias! : output;
  const bias: NewNode = {
    name: named(node, 'bias'),
    operator: 'Add',
    inputs: [last, names.bias],
    outputs: [output],
  };
  return [...pair(use, names, between!, last, opset, spatial), ...(biased ? [bias] : [])].flatMap((each) =>
    nested(1, ...nodeMessage(each)),
  );
}

function pair(
  use: FactorableUse,
  { a, b, zero }: FactorNames,
  between: string,
  last: string,
  opset: number,
  spatial: number,
): [NewNode, NewNode] {
  const { node, kind, left } = use;
  const operator = node.operator;
  const first = { name: named(node, 'B'), operator, outputs: [between] };
  const second = { name: named(node, 'A'), operator, outputs: [last] };
  const [x = '', y = ''] = node.inputs;
  const rest = node.rest.filter(({ number }) => number !== OPERATOR);
  const without = (...attributes: string[]): TreeNode['rest'] => {
    const gone = new Set(attributes.map((name) => node.attributes.get(name)?.field.offset));
    return rest.filter(({ offset }) => !gone.has(offset));
  };
  switch (kind) {
    case 'matmul':
      return [
        { ...first, inputs: left ? [b, y] : [x, b] },
        { ...second, inputs: left ? [a, between] : [between, a], taken: rest },
      ];
    case 'gemm': {
      const added = node.inputs.slice(2);
      const zeros = needsZero(use, opset) ? [zero] : [];
      return [
        {
          ...first,
          inputs: [...(left ? [b, y] : [x, b]), ...zeros],
          attributes: attributesOf(node, 'transA', 'transB'),
        },
        {
          ...second,
          inputs: [...(left ? [a, between] : [between, a]), ...added],
          // That of the input has been done by the first.
          taken: without(left ? 'transB' : 'transA'),
        },
      ];
    }
    case 'conv': {
      const added = node.inputs.slice(2);
      const ones = nested(
        5,
        ...text(1, 'kernel_shape'),
        ...Array<Stretch[]>(spatial).fill(integer(8, 1)).flat(),
        ...integer(20, INTS),
      );
      return [
        { ...first, inputs: [x, b], taken: rest },
        { ...second, inputs: [between, a, ...added], attributes: ones },
      ];
    }
  }
}

/** NodeProto.op_type. */
const OPERATOR = 4;

/** AttributeProto.AttributeType of a list of integers. */
const INTS = 7;

function attributesOf({ attributes }: TreeNode, ...names: string[]): Stretch[] {
  return names.flatMap((name) => {
    const attribute = attributes.get(name);
    return attribute ? copied([attribute.field]) : [];
  });
}

/** Nodes may have no name. */
function named({ name }: TreeNode, ending: string): string {
  return name === '' ? '' : `${name}.${ending}`;
}
