/**
 * The structure of an ONNX model with the place of every message in the file, so that it can be rewritten field by field:
 * graphs, their nodes, subgraphs, initializers, inputs and outputs. Elements are skipped. Field numbers are those of
 * onnx.proto.
 *
 * Unlike `onnxModel.ts`, which shows what can be read of a damaged model, this refuses it: a model that is not understood
 * whole is not rewritten.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import { type Field, ProtobufReader, WIRE } from '../containers/protobufReader';
import type { ByteSource } from '../files/fileBytes';
import { MAX_NAME_BYTES } from './onnxTensor';

/** A subgraph is three messages deep (graph, node, attribute); protobuf's own limit is 100 messages. */
const MAX_GRAPH_DEPTH = 33;

/** Integers of one attribute that are kept: strides, pads and axes are few. */
const MAX_INTEGERS = 64;

export interface OnnxTree {
  readonly irVersion: number;
  /** Version of each operator set; '' is ONNX's own. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: TreeGraph;
  /** Every graph: the main one, then those below it in file order. */
  readonly graphs: readonly TreeGraph[];
  /** `domain.Name` of the functions that the model brings along. */
  readonly functions: ReadonlySet<string>;
  /** Entries of its metadata, by their keys. */
  readonly metadata: readonly TreeNamed[];
  /** It has graphs for training, which name initializers of the main graph. */
  readonly trains: boolean;
  /** Where the model's message ends. */
  readonly size: number;
}

export interface TreeGraph {
  /** The fields that hold it, outermost first: its own is the last. */
  readonly path: readonly Field[];
  readonly around: TreeGraph | undefined;
  /** The node and the attribute whose graph it is. */
  readonly of: { readonly node: TreeNode; readonly attribute: string } | undefined;
  readonly nodes: TreeNode[];
  /** By field: initializers (TensorProto), inputs, outputs, value infos, annotations of quantisation. */
  readonly initializers: TreeNamed[];
  readonly inputs: TreeNamed[];
  readonly outputs: TreeNamed[];
  readonly described: TreeNamed[];
}

/** A message with a name. */
export interface TreeNamed {
  readonly name: string;
  readonly field: Field;
}

export interface TreeNode {
  readonly graph: TreeGraph;
  readonly field: Field;
  /** `Conv`; with its domain where that is not ONNX's own: `com.microsoft.FusedConv`. */
  readonly operator: string;
  readonly name: string;
  /** '' for one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, TreeAttribute>;
  readonly subgraphs: readonly TreeGraph[];
  /** What else it holds, attributes too: everything but inputs, outputs and name. */
  readonly rest: readonly Field[];
}

export interface TreeAttribute {
  readonly field: Field;
  readonly float: number | undefined;
  readonly integer: number | undefined;
  readonly integers: readonly number[];
  readonly text: string | undefined;
  readonly tensor: Field | undefined;
  readonly graphs: readonly Field[];
}

/** @throws CheckpointError `malformed`, `truncated`, `limit`; `unknown-format` for a file without a graph */
export async function readTree(file: ByteSource, signal?: AbortSignal): Promise<OnnxTree> {
  return new TreeReader(file, signal).read();
}

class TreeReader {
  private readonly reader: ProtobufReader;
  private readonly graphs: TreeGraph[] = [];

  constructor(
    private readonly file: ByteSource,
    signal: AbortSignal | undefined,
  ) {
    this.reader = new ProtobufReader(file, signal);
  }

  async read(): Promise<OnnxTree> {
    let [irVersion, trains] = [0, false];
    const opsets = new Map<string, number>();
    const functions = new Set<string>();
    const graphs: Field[] = [];
    const metadata: TreeNamed[] = [];
    await this.reader.walk({ start: 0, end: this.file.size }, async (field) => {
      if (field.number === 1) irVersion = this.reader.unsigned(field);
      else if (field.number === 7) graphs.push(field);
      else if (field.number === 8) await this.opset(field, opsets);
      else if (field.number === 14) await this.named(field, 1, metadata);
      else if (field.number === 20) trains = true;
      else if (field.number === 25) functions.add(await this.functionName(field));
    });
    const [main, second] = graphs;
    if (!main) throw this.reader.error('unknown-format', 'is not an ONNX model: it has no graph', 0);
    if (second) throw this.reader.malformed('has two graphs', second.offset);
    const graph = await this.graph([main], undefined, undefined);
    return { irVersion, opsets, graph, graphs: this.graphs, functions, metadata, trains, size: this.file.size };
  }

  private async opset(span: Field, opsets: Map<string, number>): Promise<void> {
    this.reader.expectWire(span, WIRE.bytes);
    let [domain, version] = ['', 0];
    await this.reader.walk(span, async (field) => {
      if (field.number === 1) domain = await this.name(field);
      else if (field.number === 2) version = this.reader.unsigned(field);
    });
    opsets.set(domain === 'ai.onnx' ? '' : domain, version);
  }

  private async functionName(span: Field): Promise<string> {
    this.reader.expectWire(span, WIRE.bytes);
    let [name, domain] = ['', ''];
    await this.reader.walk(span, async (field) => {
      if (field.number === 1) name = await this.name(field);
      else if (field.number === 10) domain = await this.name(field);
    });
    return qualified(domain, name);
  }

  private async graph(path: readonly Field[], around: TreeGraph | undefined, of: TreeGraph['of']): Promise<TreeGraph> {
    const span = path.at(-1)!;
    this.reader.expectWire(span, WIRE.bytes);
    if (path.length > 3 * MAX_GRAPH_DEPTH) {
      throw this.reader.error('limit', `nests graphs more than ${MAX_GRAPH_DEPTH} deep`, span.offset);
    }
    const lists = { nodes: [], initializers: [], inputs: [], outputs: [], described: [] };
    const graph: TreeGraph = { path, around, of, ...lists };
    this.graphs.push(graph);
    await this.reader.walk(span, async (field) => {
      switch (field.number) {
        case 1:
          graph.nodes.push(await this.node(field, graph));
          return;
        case 5:
          return this.named(field, 8, graph.initializers);
        case 11:
          return this.named(field, 1, graph.inputs);
        case 12:
          return this.named(field, 1, graph.outputs);
        case 13: // what is known of values between nodes
        case 14: // parameters of quantisation
          return this.named(field, 1, graph.described);
      }
    });
    return graph;
  }

  private async named(span: Field, number: number, list: TreeNamed[]): Promise<void> {
    this.reader.expectWire(span, WIRE.bytes);
    let name = '';
    await this.reader.walk(span, async (field) => {
      if (field.number === number) name = await this.name(field);
    });
    list.push({ name, field: span });
  }

  private async node(span: Field, graph: TreeGraph): Promise<TreeNode> {
    this.reader.expectWire(span, WIRE.bytes);
    let [name, type, domain] = ['', '', ''];
    const [inputs, outputs]: [string[], string[]] = [[], []];
    const rest: Field[] = [];
    await this.reader.walk(span, async (field) => {
      if (field.number === 1) inputs.push(await this.name(field));
      else if (field.number === 2) outputs.push(await this.name(field));
      else if (field.number === 3) name = await this.name(field);
      else rest.push(field);
      if (field.number === 4) type = await this.name(field);
      else if (field.number === 7) domain = await this.name(field);
    });
    const attributes = new Map<string, TreeAttribute>();
    const subgraphs: TreeGraph[] = [];
    const operator = qualified(domain, type);
    const node: TreeNode = { graph, field: span, operator, name, inputs, outputs, attributes, subgraphs, rest };
    for (const field of rest) {
      if (field.number !== 5) continue;
      const { name: key, ...attribute } = await this.attribute(field);
      attributes.set(key, attribute);
      for (const subgraph of attribute.graphs) {
        const path = [...graph.path, span, field, subgraph];
        subgraphs.push(await this.graph(path, graph, { node, attribute: key }));
      }
    }
    return node;
  }

  private async attribute(span: Field): Promise<TreeAttribute & { name: string }> {
    this.reader.expectWire(span, WIRE.bytes);
    let [name, text]: [string, string | undefined] = ['', undefined];
    let [float, integer]: [number?, number?] = [];
    let tensor: Field | undefined;
    const integers: number[] = [];
    const graphs: Field[] = [];
    await this.reader.walk(span, async (field) => {
      if (field.number === 1) name = await this.name(field);
      else if (field.number === 2) float = await this.float(field);
      else if (field.number === 3) integer = this.signed(field);
      else if (field.number === 4 && field.end - field.start <= MAX_NAME_BYTES) text = await this.name(field);
      else if (field.number === 5) tensor = field;
      else if (field.number === 8) await this.integers(field, integers);
      else if (field.number === 6 || field.number === 11) graphs.push(field);
    });
    return { name, field: span, float, integer, integers, text, tensor, graphs };
  }

  private async float(field: Field): Promise<number> {
    this.reader.expectWire(field, WIRE.fixed32);
    const bytes = await this.file.read(field.start, 4);
    return new DataView(bytes.buffer).getFloat32(0, true);
  }

  private async integers(field: Field, integers: number[]): Promise<void> {
    if (field.wire === WIRE.varint) {
      if (integers.length < MAX_INTEGERS) integers.push(this.signed(field));
      return;
    }
    this.reader.expectWire(field, WIRE.bytes);
    this.reader.position = field.start;
    while (this.reader.position < field.end && integers.length < MAX_INTEGERS) {
      if (!this.reader.holdsVarint()) await this.reader.load();
      this.reader.varint(field.end);
      integers.push((this.reader.high | 0) * 2 ** 32 + this.reader.low);
    }
  }

  private signed(field: Field): number {
    this.reader.expectWire(field, WIRE.varint);
    return (field.high | 0) * 2 ** 32 + field.low;
  }

  private name(field: Field): Promise<string> {
    return this.reader.text(field, MAX_NAME_BYTES);
  }
}

function qualified(domain: string, name: string): string {
  return domain === '' || domain === 'ai.onnx' ? name : `${domain}.${name}`;
}

/** A name of a graph's value: what defines it. */
export type Definition =
  | { readonly kind: 'initializer'; readonly graph: TreeGraph; readonly tensor: TreeNamed }
  | { readonly kind: 'output'; readonly graph: TreeGraph; readonly node: TreeNode; readonly index: number }
  | { readonly kind: 'input'; readonly graph: TreeGraph; readonly input: TreeNamed };

/** What the names of a model mean, seen from each of its graphs. */
export class TreeScopes {
  private readonly own = new Map<TreeGraph, Map<string, Definition>>();

  constructor(tree: OnnxTree) {
    for (const graph of tree.graphs) {
      const names = new Map<string, Definition>();
      for (const input of graph.inputs) names.set(input.name, { kind: 'input', graph, input });
      // An input of an initializer's name only says that it may be overridden.
      for (const tensor of graph.initializers) names.set(tensor.name, { kind: 'initializer', graph, tensor });
      for (const node of graph.nodes) {
        for (const [index, name] of node.outputs.entries()) {
          if (name !== '') names.set(name, { kind: 'output', graph, node, index });
        }
      }
      this.own.set(graph, names);
    }
  }

  /** Undefined for a name that nothing defines, and for '', an input that is left out. */
  find(name: string, graph: TreeGraph): Definition | undefined {
    for (let at: TreeGraph | undefined = graph; at; at = at.around) {
      const found = this.own.get(at)?.get(name);
      if (found) return name === '' ? undefined : found;
    }
    return undefined;
  }
}
