/**
 * The inputs of the operators that multiply by weights, made outputs of the graph: MatMul, Gemm and convolutions of one
 * group. A value in a branch of an If becomes an output of the branch and of the If; the other branch then gives an empty
 * tensor.
 */
import { product } from '../../shared/matrixAxes';
import { nodeLabel, type OnnxPlaces, type WeightPlace, type WeightUse } from '../../checkpoint/onnx/onnxPlaces';
import type { TreeGraph, TreeNode } from '../../checkpoint/onnx/onnxTree';
import { nodeMessage, untypedValueMessage } from '../../compression/writers/onnx/onnxMessages';
import { atEndOf, integer, nested, text, type Change } from '../../compression/writers/onnx/protobufRewrite';

/** How an input is made rows of tokens. */
export type RowForm =
  /** Its last axis. */
  | { readonly kind: 'rows' }
  /** The last axis but one. */
  | { readonly kind: 'columns' }
  | {
      readonly kind: 'patches';
      readonly kernel: readonly number[];
      readonly strides: readonly number[];
      readonly dilations: readonly number[];
      /** Before each axis, then behind each. */
      readonly pads: readonly number[];
      readonly autoPad: 'NOTSET' | 'VALID' | 'SAME_UPPER' | 'SAME_LOWER';
    };

export interface Tap {
  /** Output of the tapped model, or one of its inputs. */
  readonly value: string;
  readonly form: RowForm;
}

export interface TappedLayer {
  readonly layer: string;
  /** Numbers of one token. */
  readonly inputs: number;
  readonly taps: readonly Tap[];
}

export interface Taps {
  readonly layers: readonly TappedLayer[];
  readonly left: readonly { readonly layer: string; readonly why: string }[];
  readonly changes: readonly Change[];
}

/** What may lie between a stored weight and the operator: decoding, and the transpose of a matrix. */
const BETWEEN: ReadonlySet<string> = new Set(['Identity', 'Cast', 'DequantizeLinear', 'Transpose']);

/** TensorProto.DataType of float32. */
const FLOAT = 1;

export function findTaps(places: OnnxPlaces): Taps {
  const outlets = new Outlets(places);
  const layers: TappedLayer[] = [];
  const left: { layer: string; why: string }[] = [];
  for (const place of places.all()) {
    const { name: layer, shape } = place.tensor;
    if (shape.length < 2) continue;
    const uses = places.uses(place, ({ operator }) => BETWEEN.has(operator));
    const found = uses.map((use) => tapOf(use, place, outlets));
    const whys = found.filter((each) => typeof each === 'string');
    const taps = found.filter((each) => each !== undefined && typeof each !== 'string');
    const [first] = taps;
    if (!first || taps.some(({ inputs }) => inputs !== first.inputs)) {
      if (whys.length > 0) left.push({ layer, why: whys[0]! });
      continue;
    }
    layers.push({ layer, inputs: first.inputs, taps: taps.map(({ tap }) => tap) });
  }
  return { layers, left, changes: outlets.changes };
}

/** A sentence if the operator's input is not measured; undefined for an operator that does not multiply by weights. */
function tapOf(
  { node, index, through }: WeightUse,
  { tensor: { shape } }: WeightPlace,
  outlets: Outlets,
): { tap: Tap; inputs: number } | string | undefined {
  if (!node) return undefined;
  const integerOf = (name: string): number => node.attributes.get(name)?.integer ?? 0;
  const flips = through.filter(({ operator }) => operator === 'Transpose').length % 2 === 1;
  const at = (value: string, form: RowForm, inputs: number): { tap: Tap; inputs: number } | string => {
    const outlet = outlets.of(value, node);
    return 'why' in outlet ? outlet.why : { tap: { value: outlet.value, form }, inputs };
  };
  switch (node.operator) {
    case 'MatMul': {
      if (index > 1) return undefined;
      if (shape.length !== 2)
        return `${nodeLabel(node)} multiplies by a stack of matrices, whose inputs are not measured`;
      const left = index === 0;
      const inputs = shape[left === flips ? 0 : 1]!;
      return at(node.inputs[1 - index] ?? '', { kind: left ? 'columns' : 'rows' }, inputs);
    }
    case 'Gemm': {
      if (index > 1) return undefined;
      const left = index === 0;
      const turned = (integerOf(left ? 'transA' : 'transB') !== 0) !== flips;
      const inputs = shape[left === turned ? 0 : 1]!;
      const other = integerOf(left ? 'transB' : 'transA') !== 0;
      return at(node.inputs[1 - index] ?? '', { kind: left === other ? 'rows' : 'columns' }, inputs);
    }
    case 'Conv': {
      if (index !== 1) return undefined;
      if ((node.attributes.get('group')?.integer ?? 1) !== 1) {
        return `${nodeLabel(node)} is a grouped convolution, whose inputs are not measured`;
      }
      return at(node.inputs[0] ?? '', patches(node, shape.slice(2)), product(shape.slice(1)));
    }
    case 'ConvTranspose':
      return `${nodeLabel(node)} is a transposed convolution, whose inputs are not measured`;
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return index === 1 || index === 2
        ? `${nodeLabel(node)} is recurrent, and its inputs are not measured`
        : undefined;
    default:
      return undefined;
  }
}

function patches(node: TreeNode, kernel: readonly number[]): RowForm {
  const list = (name: string, length: number, value: number): readonly number[] => {
    const given = node.attributes.get(name)?.integers ?? [];
    return given.length === length ? given : Array<number>(length).fill(value);
  };
  const autoPad = node.attributes.get('auto_pad')?.text ?? 'NOTSET';
  return {
    kind: 'patches',
    kernel,
    strides: list('strides', kernel.length, 1),
    dilations: list('dilations', kernel.length, 1),
    pads: list('pads', 2 * kernel.length, 0),
    autoPad: autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER' || autoPad === 'VALID' ? autoPad : 'NOTSET',
  };
}

type Outlet = { readonly value: string } | { readonly why: string };

/** Values that are led out of the graph, each once. */
class Outlets {
  readonly changes: Change[] = [];
  private readonly known = new Map<TreeGraph, Map<string, Outlet>>();
  private readonly outputs: Set<string>;
  private count = 0;

  constructor(private readonly places: OnnxPlaces) {
    this.outputs = new Set(places.tree.graph.outputs.map(({ name }) => name));
  }

  /** @param value an input of `node` */
  of(value: string, { graph }: TreeNode): Outlet {
    const ofGraph = this.known.get(graph) ?? new Map<string, Outlet>();
    this.known.set(graph, ofGraph);
    let outlet = ofGraph.get(value);
    if (!outlet) ofGraph.set(value, (outlet = this.lead(value, graph)));
    return outlet;
  }

  private lead(value: string, graph: TreeGraph): Outlet {
    const found = this.places.scopes.find(value, graph);
    if (!found) return { why: 'its operator has no input' };
    if (found.kind === 'initializer' || (found.kind === 'output' && found.node.operator === 'Constant')) {
      return { why: 'what it is multiplied with is a constant' };
    }
    if (!graph.around) {
      if (found.kind === 'output' && !this.outputs.has(value)) {
        this.outputs.add(value);
        this.changes.push(atEndOf(graph.path, nested(12, ...untypedValueMessage(value))));
      }
      return { value };
    }
    for (let at: TreeGraph = graph; at.around; at = at.around) {
      const operator = at.of?.node.operator;
      if (operator !== 'If')
        return { why: `it is in the body of ${operator ?? 'a graph'}, whose values cannot be led out` };
    }
    return { value: this.leadThrough(value, graph) };
  }

  /** Out of the branches of one If after another. */
  private leadThrough(value: string, graph: TreeGraph): string {
    let [inner, at] = [value, graph];
    for (; at.around && at.of; at = at.around) {
      const name = this.newName();
      // Its own output, even if the value comes from around the branch.
      const identity = nodeMessage({ name: '', operator: 'Identity', inputs: [inner], outputs: [name] });
      this.branchOutput(at, name, identity);
      for (const other of at.of.node.subgraphs) if (other !== at) this.emptyOutput(other);
      inner = this.newName();
      this.changes.push(atEndOf([...at.around.path, at.of.node.field], text(2, inner)));
    }
    this.outputs.add(inner);
    this.changes.push(atEndOf(at.path, nested(12, ...untypedValueMessage(inner))));
    return inner;
  }

  private emptyOutput(graph: TreeGraph): void {
    const name = this.newName();
    const empty = [...integer(1, 0), ...integer(2, FLOAT)];
    const attribute = nested(5, ...text(1, 'value'), ...nested(5, ...empty), ...integer(20, 4));
    this.branchOutput(
      graph,
      name,
      nodeMessage({ name: '', operator: 'Constant', inputs: [], outputs: [name], attributes: attribute }),
    );
  }

  private branchOutput(graph: TreeGraph, name: string, node: ReturnType<typeof nodeMessage>): void {
    this.changes.push(atEndOf(graph.path, [...nested(1, ...node), ...nested(12, ...untypedValueMessage(name))]));
  }

  private newName(): string {
    return `eigenscope.tap.${this.count++}`;
  }
}
