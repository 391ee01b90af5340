/**
 * Walks an ONNX ModelProto for its weights: initializers and Constant nodes of the graph, of subgraphs (If, Loop,
 * Scan), of functions and of training graphs. Field numbers are those of onnx.proto.
 *
 * Names: an initializer has its own, a Constant node that of its output, a tensor that is an argument of a function that
 * of the attribute (`node.attribute` where the function is called), made unique by `scopedNames.ts`. Tensors without a
 * name are `initializer[i]` or `Constant[i]` by their place in the graph.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import { CheckpointError, type CheckpointErrorCode } from '../checkpointError';
import type { FileReader } from '../files/fileReader';
import { OnnxMetadata } from './onnxMetadata';
import { readAttribute, readNode, type OperatorCall, type TensorArgument } from './onnxNode';
import { Scope, type ScopedCall } from './onnxOperators';
import { MAX_NAME_BYTES, type OnnxTensor, readTensor } from './onnxTensor';
import { ProblemList } from '../problemList';
import { ProtobufReader, type Field, WIRE } from '../containers/protobufReader';
import { type ScopedName, scopedNames } from '../elements/scopedNames';

/** A subgraph is three messages deep (graph, node, attribute); protobuf's own limit is 100 messages. */
const MAX_GRAPH_DEPTH = 33;

/** Each costs about half a kilobyte and 5 µs here; real graphs have tens of thousands of constants at most. */
const MAX_TENSORS = 131_072;

/** Operators that are looked at; each costs half a kilobyte and 10 µs here. The largest graphs have some 50 000. */
const MAX_CALLS = 131_072;

/** A name of each is kept; models have some hundred. */
const MAX_FUNCTIONS = 65_536;

/** What telling of a damaged part costs, in fields (`ProtobufReader.spend`): an error takes 7 µs. */
const FAULT_FIELDS = 40;

/** The same of a node, beside its own fields. */
const NODE_FIELDS = 3;

/** All names and places together, in characters: 640 for each of 100 000 tensors. */
const MAX_NAMES_LENGTH = 64 * 1024 * 1024;

/** The last of ModelProto's fields that occur once. */
const GRAPH_FIELD = 7;

/** What can be wrong with one part of a file without the rest being lost. */
const PART_ERRORS: ReadonlySet<CheckpointErrorCode> = new Set(['truncated', 'malformed', 'limit', 'unsupported']);

export interface OnnxModel {
  readonly metadata: ReadonlyMap<string, string>;
  /** In file order, names unique. */
  readonly tensors: readonly OnnxTensor[];
  /** Calls of the operators that were asked for, in file order; their tensors are places in `tensors`. */
  readonly calls: readonly ScopedCall[];
  /** What was wrong with the rest; the caller adds what it finds. */
  readonly problems: ProblemList;
}

/**
 * Reads everything but the elements.
 *
 * @param wanted the operators whose calls are told, by `OperatorCall.operator`
 * @throws CheckpointError the first thing that is wrong, if it leaves no tensor to show
 */
export async function readModel(
  file: FileReader,
  wanted: (operator: string) => boolean,
  signal?: AbortSignal,
): Promise<OnnxModel> {
  const walker = new ModelWalker(file, wanted, signal);
  return walker.read();
}

class ModelWalker {
  private readonly reader: ProtobufReader;
  private readonly metadata: OnnxMetadata;
  private readonly found: (ScopedName & { readonly tensor: OnnxTensor })[] = [];
  private readonly calls: ScopedCall[] = [];
  /** Functions of the model, as `OperatorCall.operator` has them. */
  private readonly functions = new Set<string>();
  /** The arguments of functions are known only when the whole model was walked: functions stand behind the graph. */
  private readonly functionArguments: { readonly name: string; readonly scope: Scope; readonly of: TensorArgument }[] =
    [];
  /** True once there were more functions than are kept: told once, and the rest is passed over. */
  private allFunctions = false;
  /** True once there were more calls than are looked at: told once, and the rest is passed over. */
  private allCalls = false;
  private argumentTensors = 0;
  private namesLength = 0;
  /** True once there were more tensors than are shown: told once, and the rest is passed over. */
  private full = false;
  private readonly problems: ProblemList;
  private firstError: CheckpointError | undefined;
  private cut = false;
  /** True once it was told that the rest of the file is not read. */
  private spent = false;
  private readonly seen = new Set<number>();
  private trainings = 0;

  constructor(
    private readonly file: FileReader,
    private readonly wanted: (operator: string) => boolean,
    signal?: AbortSignal,
  ) {
    this.reader = new ProtobufReader(file, signal);
    this.metadata = new OnnxMetadata(this.reader);
    this.problems = new ProblemList(file.path);
  }

  async read(): Promise<OnnxModel> {
    await this.attempt(() =>
      this.reader.walk({ start: 0, end: this.file.size }, (field) => this.attempt(() => this.modelField(field))),
    );
    for (const { name, scope, of } of this.functionArguments) {
      if (this.reader.isSpent) break;
      if (this.functions.has(of.operator)) await this.tensorArguments(name, of.tensors, scope);
    }
    if (!this.seen.has(GRAPH_FIELD)) {
      throw (
        this.firstError ??
        new CheckpointError('unknown-format', 'is not an ONNX model: it has no graph', { file: this.file.path })
      );
    }
    const damaged = this.firstError && this.firstError.code !== 'unsupported';
    if (this.firstError && damaged && this.found.length === 0) throw this.firstError;
    const names = scopedNames(this.found);
    const tensors = this.found.map(({ tensor }, index) => ({ ...tensor, name: names[index]! }));
    return { metadata: this.metadata.entries(), tensors, calls: this.calls, problems: this.problems };
  }

  /** Runs one part; what is wrong in it becomes a problem, and the parts after it are still read. */
  private async attempt(part: () => Promise<void>): Promise<void> {
    try {
      await part();
    } catch (error) {
      if (!(error instanceof CheckpointError) || !PART_ERRORS.has(error.code)) throw error;
      this.firstError ??= error;
      // The cut through a tensor also cuts its graph and the model: one problem, not three.
      if (error.code === 'truncated' && this.cut) return;
      if (error.code === 'truncated') this.cut = true;
      // So it is where too much was read: what that ends also ends all around it.
      if (this.reader.isSpent && this.spent) return;
      this.spent = this.reader.isSpent;
      this.reader.spend(FAULT_FIELDS);
      this.problems.push(error.toProblem());
    }
  }

  private async modelField(field: Field): Promise<void> {
    if (field.number <= GRAPH_FIELD) this.once(field);
    switch (field.number) {
      case GRAPH_FIELD:
        return this.graph(field, new Scope('', 0), true);
      case 20:
        return this.training(field);
      case 25:
        return this.function(field);
      default:
        return this.metadata.add(field);
    }
  }

  /** A field that may occur once: a second one would leave open which of them counts. */
  private once(field: Field): void {
    if (this.seen.has(field.number)) {
      throw this.reader.malformed(`repeats field number ${field.number} of the model`, field.offset);
    }
    this.seen.add(field.number);
  }

  private async training(span: Field): Promise<void> {
    this.reader.expectWire(span, WIRE.bytes);
    const place = `training[${this.trainings++}]`;
    await this.reader.walk(span, (field) => {
      if (field.number === 1) return this.attempt(() => this.graph(field, new Scope(`${place}.initialization`, 1)));
      if (field.number === 2) return this.attempt(() => this.graph(field, new Scope(`${place}.algorithm`, 1)));
    });
  }

  private async function(span: Field): Promise<void> {
    this.reader.expectWire(span, WIRE.bytes);
    if (this.allFunctions) return;
    if (this.functions.size >= MAX_FUNCTIONS) {
      this.allFunctions = true;
      throw this.reader.error('limit', `has more than ${MAX_FUNCTIONS} functions`, span.offset);
    }
    let [name, domain, overload] = ['', '', ''];
    await this.reader.walk(span, async (field) => {
      if (field.number === 1) name = await this.reader.text(field, MAX_NAME_BYTES);
      else if (field.number === 10) domain = await this.reader.text(field, MAX_NAME_BYTES);
      else if (field.number === 13) overload = await this.reader.text(field, MAX_NAME_BYTES);
    });
    const operator = `${domain ? `${domain}.` : ''}${name}`;
    this.countNames([operator, overload], span.offset);
    this.functions.add(operator);
    const scope = new Scope(`function ${operator}${overload ? `:${overload}` : ''}`, 1);
    let nodes = 0;
    await this.reader.walk(span, (field) => {
      if (field.number === 7) return this.attempt(() => this.node(field, scope, nodes++));
      if (field.number === 11) return this.attempt(() => this.defaultArgument(field, scope));
    });
  }

  /** What an attribute of a function is where its call does not give it. */
  private async defaultArgument(span: Field, scope: Scope): Promise<void> {
    const { name, tensors, graphs } = await readAttribute(this.reader, span);
    await this.tensorArguments(name, tensors, scope);
    for (const graph of graphs) await this.attempt(() => this.graph(graph, scope.below('attribute', name)));
  }

  private async tensorArguments(name: string, tensors: readonly Field[], scope: Scope): Promise<void> {
    for (const [index, tensor] of tensors.entries()) {
      const own = tensors.length === 1 ? name : `${name}[${index}]`;
      await this.attempt(async () => this.add(await readTensor(this.reader, tensor, own), scope, own));
    }
  }

  private async graph(span: Field, scope: Scope, main = false): Promise<void> {
    this.reader.expectWire(span, WIRE.bytes);
    if (scope.depth > MAX_GRAPH_DEPTH) {
      throw this.reader.error('limit', `nests graphs more than ${MAX_GRAPH_DEPTH} deep`, span.offset);
    }
    let [nodes, initializers] = [0, 0];
    await this.reader.walk(span, (field) => {
      switch (field.number) {
        case 1:
          return this.attempt(() => this.node(field, scope, nodes++));
        case 2:
          if (!main) return;
          return this.attempt(() => this.metadata.addGraphName(field));
        case 5:
          return this.attempt(async () => {
            const index = initializers++;
            if (this.full) return;
            this.reader.expectWire(field, WIRE.bytes);
            this.add(await readTensor(this.reader, field), scope, `initializer[${index}]`);
          });
        case 15:
          return this.attempt(() => this.sparse(field));
      }
    });
  }

  private async node(span: Field, scope: Scope, index: number): Promise<void> {
    this.reader.expectWire(span, WIRE.bytes);
    this.reader.spend(NODE_FIELDS);
    const wanted = (operator: string): boolean => !this.allCalls && this.wanted(operator);
    const node = await readNode(this.reader, span, wanted, (part) => this.attempt(part));
    const { name, constants, subgraphs, call } = node;
    if (call) this.keep(call, scope, span.offset);
    for (const of of node.arguments) {
      this.argumentTensors += of.tensors.length;
      if (this.argumentTensors > MAX_TENSORS) {
        throw this.reader.error('limit', `has more than ${MAX_TENSORS} tensors in attributes`, span.offset);
      }
      this.countNames([of.operator, name, of.attribute], span.offset);
      this.functionArguments.push({ name: `${name}.${of.attribute}`, scope, of });
    }
    for (const tensor of constants) this.add(tensor, scope, `Constant[${index}]`);
    for (const { attribute, graph } of subgraphs) {
      await this.attempt(() => this.graph(graph, scope.below(name, attribute)));
    }
  }

  private async sparse(span: Field): Promise<void> {
    this.reader.expectWire(span, WIRE.bytes);
    let name = '';
    await this.reader.walk(span, async (field) => {
      if (field.number !== 1) return;
      await this.reader.walk(field, async (inner) => {
        if (inner.number === 8) name = await this.reader.text(inner, MAX_NAME_BYTES);
      });
    });
    throw new CheckpointError('unsupported', 'is a sparse tensor', {
      file: this.file.path,
      offset: span.offset,
      ...(name && { tensor: name }),
    });
  }

  private keep(call: OperatorCall, scope: Scope, offset: number): void {
    if (this.calls.length >= MAX_CALLS) {
      this.allCalls = true;
      throw this.reader.error('limit', `has more than ${MAX_CALLS} operators that use weights`, offset);
    }
    this.countNames([call.output, ...call.inputs], offset);
    const scoped = { ...call, scope };
    this.calls.push(scoped);
    if (call.output && !scope.calls.has(call.output)) scope.calls.set(call.output, scoped);
  }

  private countNames(names: readonly string[], offset: number): void {
    for (const name of names) this.namesLength += name.length;
    if (this.namesLength > MAX_NAMES_LENGTH) {
      throw this.reader.error('limit', `has names of more than ${MAX_NAMES_LENGTH} characters`, offset);
    }
  }

  private add(tensor: OnnxTensor, { place, depth, tensors }: Scope, fallback: string): void {
    if (this.full) return;
    if (this.found.length >= MAX_TENSORS) {
      this.full = true;
      throw this.reader.error('limit', `has more than ${MAX_TENSORS} tensors`, tensor.offset);
    }
    const name = tensor.name || fallback;
    this.countNames([name, place], tensor.offset);
    if (tensors.has(name)) {
      const message = 'another tensor of the same graph has this name; the later one is shown under another';
      this.problems.add('malformed', message, { tensor: name, offset: tensor.offset });
    } else tensors.set(name, this.found.length);
    this.found.push({ name, scope: place, depth, tensor });
  }
}
