/**
 * Walks an ONNX ModelProto for its weights: initializers and Constant nodes of the graph, of subgraphs (If, Loop,
 * Scan), of functions and of training graphs. Field numbers are those of onnx.proto.
 *
 * Names: an initializer has its own, a Constant node that of its output, made unique by `uniqueNames.ts`. Tensors without a
 * name are `initializer[i]` or `Constant[i]` by their place in the graph.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import { CheckpointError, type CheckpointErrorCode } from './checkpoint';
import type { FileReader } from './fileReader';
import { readNode, type OperatorCall } from './onnxNode';
import { Scope, type ScopedCall } from './onnxOperators';
import { MAX_NAME_BYTES, type OnnxTensor, readEntry, readTensor } from './onnxTensor';
import { ProblemList } from './problemList';
import { ProtobufReader, type Field, WIRE } from './protobufReader';
import { type FoundTensor, uniqueNames } from './uniqueNames';

/** A subgraph is three messages deep (graph, node, attribute); protobuf's own limit is 100 messages. */
const MAX_GRAPH_DEPTH = 33;

/** Each costs about half a kilobyte here; real graphs have tens of thousands of constants at most. */
const MAX_TENSORS = 262_144;

/** Of operators that are looked at; each costs about a kilobyte here. */
const MAX_CALLS = 262_144;

/** All names and places together, in characters: 640 for each of 100 000 tensors. */
const MAX_NAMES_LENGTH = 64 * 1024 * 1024;

/** Exporters keep label lists and configurations in metadata_props: kilobytes. */
const MAX_METADATA_VALUE_BYTES = 1024 * 1024;
const MAX_METADATA_BYTES = 16 * 1024 * 1024;

const GRAPH_FIELD = 7;

/** Text fields of ModelProto, and what they are called in the metadata. */
const MODEL_TEXTS: ReadonlyMap<number, string> = new Map([
  [2, 'producer_name'],
  [3, 'producer_version'],
  [4, 'domain'],
  [6, 'doc_string'],
]);

/** Keys that metadata_props may not replace. */
const RESERVED: ReadonlySet<string> = new Set([
  ...MODEL_TEXTS.values(),
  'ir_version',
  'model_version',
  'opset_import',
  'graph',
]);

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
 * @throws CheckpointError the first thing that is wrong, where it leaves no tensor to show
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
  private readonly metadata = new Map<string, string>();
  private metadataBytes = 0;
  private readonly opsets: string[] = [];
  private readonly found: (FoundTensor & { readonly tensor: OnnxTensor })[] = [];
  private readonly calls: ScopedCall[] = [];
  private namesLength = 0;
  private readonly problems: ProblemList;
  private firstError: CheckpointError | undefined;
  private cut = false;
  private readonly seen = new Set<number>();
  private trainings = 0;

  constructor(
    private readonly file: FileReader,
    private readonly wanted: (operator: string) => boolean,
    signal?: AbortSignal,
  ) {
    this.reader = new ProtobufReader(file, signal);
    this.problems = new ProblemList(file.path);
  }

  async read(): Promise<OnnxModel> {
    await this.attempt(() =>
      this.reader.walk({ start: 0, end: this.file.size }, (field) => this.attempt(() => this.modelField(field))),
    );
    if (!this.seen.has(GRAPH_FIELD)) {
      throw (
        this.firstError ??
        new CheckpointError('unknown-format', 'is not an ONNX model: it has no graph', { file: this.file.path })
      );
    }
    const damaged = this.firstError && this.firstError.code !== 'unsupported';
    if (this.firstError && damaged && this.found.length === 0) throw this.firstError;
    if (this.opsets.length > 0) this.metadata.set('opset_import', this.opsets.join(', '));
    const names = uniqueNames(this.found);
    const tensors = this.found.map(({ tensor }, index) => ({ ...tensor, name: names[index]! }));
    return { metadata: this.metadata, tensors, calls: this.calls, problems: this.problems };
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
      this.problems.push(error.toProblem());
    }
  }

  private async modelField(field: Field): Promise<void> {
    const key = MODEL_TEXTS.get(field.number);
    if (key !== undefined) {
      this.once(field);
      this.describe(key, await this.reader.text(field, MAX_METADATA_VALUE_BYTES));
      return;
    }
    switch (field.number) {
      case 1:
      case 5:
        this.once(field);
        this.describe(field.number === 1 ? 'ir_version' : 'model_version', String(this.reader.unsigned(field)));
        return;
      case GRAPH_FIELD:
        this.once(field);
        return this.graph(field, new Scope('', 0), true);
      case 8:
        return this.opset(field);
      case 14:
        return this.property(field);
      case 20:
        return this.training(field);
      case 25:
        return this.function(field);
    }
  }

  private async property(field: Field): Promise<void> {
    this.reader.expectWire(field, WIRE.bytes);
    const { key, value } = await readEntry(this.reader, field, MAX_METADATA_VALUE_BYTES);
    this.describe(RESERVED.has(key) ? `metadata_props.${key}` : key, value);
  }

  /** A field that may occur once: a second one would leave open which of them counts. */
  private once(field: Field): void {
    if (this.seen.has(field.number)) {
      throw this.reader.malformed(`repeats field number ${field.number} of the model`, field.offset);
    }
    this.seen.add(field.number);
  }

  private describe(key: string, value: string): void {
    this.metadataBytes += key.length + value.length;
    if (this.metadataBytes > MAX_METADATA_BYTES) {
      throw this.reader.error('limit', `has more than ${MAX_METADATA_BYTES} bytes of metadata`, this.reader.position);
    }
    if (value !== '') this.metadata.set(key, value);
  }

  private async opset(span: Field): Promise<void> {
    this.reader.expectWire(span, WIRE.bytes);
    let [domain, version] = ['', 0];
    await this.reader.walk(span, async (field) => {
      if (field.number === 1) domain = await this.reader.text(field, MAX_NAME_BYTES);
      else if (field.number === 2) version = this.reader.unsigned(field);
    });
    this.metadataBytes += domain.length;
    if (this.metadataBytes <= MAX_METADATA_BYTES) this.opsets.push(`${domain || 'ai.onnx'} ${version}`);
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
    let [name, domain] = ['', ''];
    await this.reader.walk(span, async (field) => {
      if (field.number === 1) name = await this.reader.text(field, MAX_NAME_BYTES);
      else if (field.number === 10) domain = await this.reader.text(field, MAX_NAME_BYTES);
    });
    const scope = new Scope(`function ${domain ? `${domain}.` : ''}${name}`, 1);
    let nodes = 0;
    await this.reader.walk(span, (field) => {
      if (field.number === 7) return this.attempt(() => this.node(field, scope, nodes++));
    });
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
          return this.attempt(async () =>
            this.describe('graph', await this.reader.text(field, MAX_METADATA_VALUE_BYTES)),
          );
        case 5:
          return this.attempt(async () => {
            const index = initializers++;
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
    const node = await readNode(this.reader, span, this.wanted, (part) => this.attempt(part));
    const { name, constants, subgraphs, call } = node;
    if (call) this.keep(call, scope, span.offset);
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
    if (this.found.length >= MAX_TENSORS) {
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
