/**
 * The weights of an ONNX model: where each is defined, and which operators use it. Names are those that the checkpoint
 * shows (`onnxModel.ts`), which are unique in the whole model.
 */
import { CheckpointError } from '../checkpointError';
import type { Field } from '../containers/protobufReader';
import type { FileReader } from '../files/fileReader';
import { readModel } from './onnxModel';
import { readTree, TreeScopes, type OnnxTree, type TreeGraph, type TreeNamed, type TreeNode } from './onnxTree';
import type { OnnxTensor } from './onnxTensor';

/** Operators between a weight and what uses it: exporters put one or two there, a cycle any number. */
const MAX_STEPS = 8;

/** A stored tensor: an initializer, or the value of a Constant node. */
export interface WeightPlace {
  readonly tensor: OnnxTensor;
  /** What the graph calls it. */
  readonly value: string;
  readonly graph: TreeGraph;
  /** The initializer, or the node. */
  readonly definition: TreeNamed | TreeNode;
  /** The fields that hold its TensorProto, outermost first, that of the tensor itself last. */
  readonly path: readonly Field[];
}

export interface WeightUse {
  /** Undefined where it is an output of `graph`. */
  readonly node: TreeNode | undefined;
  /** Of the node's input, or of the graph's output. */
  readonly index: number;
  readonly graph: TreeGraph;
  /** Nodes between the weight and this use, that of the weight first. */
  readonly through: readonly TreeNode[];
}

type Definition = TreeNamed | TreeNode;

export class OnnxPlaces {
  private readonly byName = new Map<string, WeightPlace>();
  private readonly consumers = new Map<Definition, (WeightUse & { readonly output: number })[]>();
  readonly scopes: TreeScopes;

  private constructor(
    readonly tree: OnnxTree,
    /** Every stored tensor, those of functions and of training too, which have no place in the tree. */
    readonly tensors: readonly OnnxTensor[],
  ) {
    this.scopes = new TreeScopes(tree);
    const byOffset = new Map(tensors.map((tensor) => [tensor.offset, tensor]));
    for (const graph of tree.graphs) {
      for (const initializer of graph.initializers) {
        this.addPlace(byOffset.get(initializer.field.start), initializer.name, graph, initializer, [
          ...graph.path,
          initializer.field,
        ]);
      }
      for (const node of graph.nodes) this.addConstant(node, byOffset);
      this.addConsumers(graph);
    }
  }

  /** @throws CheckpointError for a model that cannot be read whole */
  static async read(file: FileReader, signal?: AbortSignal): Promise<OnnxPlaces> {
    const tree = await readTree(file, signal);
    const { tensors, problems } = await readModel(file, () => false, signal);
    const [problem] = problems.list().filter(({ code }) => code !== 'unsupported');
    if (problem) {
      const remedy = 'repair or fetch the model again';
      throw new CheckpointError('malformed', `cannot be read whole (${problem.message})`, { file: file.path, remedy });
    }
    return new OnnxPlaces(tree, tensors);
  }

  /** Undefined for a tensor of a function or of a training graph. */
  find(name: string): WeightPlace | undefined {
    return this.byName.get(name);
  }

  all(): IterableIterator<WeightPlace> {
    return this.byName.values();
  }

  /** Every use, in all graphs, looking through the operators that `passing` accepts. */
  uses(place: WeightPlace, passing: (node: TreeNode) => boolean): WeightUse[] {
    return this.usesOf(place.definition, 0, passing, []);
  }

  private usesOf(
    definition: Definition,
    output: number,
    passing: (node: TreeNode) => boolean,
    through: readonly TreeNode[],
  ): WeightUse[] {
    const consumers = this.consumers.get(definition)?.filter((each) => each.output === output) ?? [];
    return consumers.flatMap(({ node, index, graph }) =>
      node && index === 0 && through.length < MAX_STEPS && passing(node)
        ? this.usesOf(node, 0, passing, [...through, node])
        : [{ node, index, graph, through }],
    );
  }

  private addConstant(node: TreeNode, byOffset: ReadonlyMap<number, OnnxTensor>): void {
    const value = node.operator === 'Constant' ? node.attributes.get('value') : undefined;
    const field = value?.tensor;
    if (!value || !field) return;
    const path = [...node.graph.path, node.field, value.field, field];
    this.addPlace(byOffset.get(field.start), node.outputs[0] ?? '', node.graph, node, path);
  }

  private addPlace(
    tensor: OnnxTensor | undefined,
    value: string,
    graph: TreeGraph,
    definition: Definition,
    path: readonly Field[],
  ): void {
    // Strings are no weights, and not among the checkpoint's tensors.
    if (tensor) this.byName.set(tensor.name, { tensor, value, graph, definition, path });
  }

  private addConsumers(graph: TreeGraph): void {
    for (const node of graph.nodes) {
      for (const [index, name] of node.inputs.entries()) this.addConsumer(name, { node, index, graph });
    }
    for (const [index, { name }] of graph.outputs.entries()) this.addConsumer(name, { node: undefined, index, graph });
  }

  private addConsumer(name: string, use: Omit<WeightUse, 'through'>): void {
    const found = this.scopes.find(name, use.graph);
    if (!found || found.kind === 'input') return;
    const [definition, output] = found.kind === 'output' ? [found.node, found.index] : [found.tensor, 0];
    const known = this.consumers.get(definition);
    const consumer = { ...use, through: [], output };
    if (known) known.push(consumer);
    else this.consumers.set(definition, [consumer]);
  }
}

/** A node for messages: `Conv "encoder.0"`, or by its output where it has no name. */
export function nodeLabel({ operator, name, outputs }: TreeNode): string {
  return name === '' ? `${operator} that computes "${outputs[0] ?? ''}"` : `${operator} "${name}"`;
}
