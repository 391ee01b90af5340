/**
 * Walks a TensorFlow Lite model (schema version 3, identifier TFL3) for its constant tensors, in all of its subgraphs,
 * and for what describes it. Field numbers are those of the schema.
 *
 * @see https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs
 */
import type { KernelLayout } from '../../shared/tensors';
import { CheckpointError, type CheckpointErrorCode } from '../checkpointError';
import type { FileReader } from '../files/fileReader';
import { FlatbufferReader, type FlatTable, type FlatVector } from './flatbufferReader';
import { ProblemList } from '../problemList';
import { TfliteBuffers } from './tfliteBuffers';
import { TfliteGraph, type TensorUse } from './tfliteGraph';
import { operatorName } from './tfliteOperators';
import { TensorReader, type TfliteTensor } from './tfliteTensor';

/** Tensors and operators of all subgraphs that are looked at: ten times those of the largest models. */
const MAX_TABLES = 400_000;

/** Constants that are kept, each about a kilobyte here: the largest models have some ten thousand. */
const MAX_TENSORS = 65_536;

/** So many tensors may be damaged before the rest is given up: it takes time to say what is wrong with each. */
const MAX_DAMAGED = 1000;

/** All names together, in characters. */
const MAX_NAMES_LENGTH = 32 * 1024 * 1024;

/** A description or a signature's name. */
const MAX_TEXT_BYTES = 65_536;

/** Longest name of an operator, or of a subgraph, which may come before those of its tensors. */
const MAX_NAME_BYTES = 4096;

/** Signatures, kinds of operators and entries of metadata that are shown. */
const MAX_LISTED = 100;

/** A version, in a buffer of the metadata. */
const VERSION_ENTRY = 'min_runtime_version';
const MAX_VERSION_BYTES = 64;

/** What can be wrong with one part of a file without the rest being lost. */
const PART_ERRORS: ReadonlySet<CheckpointErrorCode> = new Set(['truncated', 'malformed', 'limit']);

export interface FoundTfliteTensor {
  readonly tensor: TfliteTensor;
  /** Its name, or its place where it has none. */
  readonly name: string;
  /** Number of its subgraph. */
  readonly subgraph: number;
  /** '' for the first one. */
  readonly scope: string;
  readonly kernelLayout: KernelLayout;
}

export interface TfliteModel {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly FoundTfliteTensor[];
  readonly problems: ProblemList;
}

/**
 * Reads everything but the elements.
 *
 * @throws CheckpointError the first thing that is wrong, where it leaves no tensor to show
 */
export async function readModel(file: FileReader, signal?: AbortSignal): Promise<TfliteModel> {
  return new ModelWalker(file, signal).read();
}

class ModelWalker {
  private readonly reader: FlatbufferReader;
  private readonly problems: ProblemList;
  private readonly metadata = new Map<string, string>();
  private readonly found: FoundTfliteTensor[] = [];
  private readonly operatorCounts = new Map<string, number>();
  private tables = 0;
  private damaged = 0;
  private stopped = false;
  private namesLength = 0;
  private firstError: CheckpointError | undefined;

  constructor(file: FileReader, signal?: AbortSignal) {
    this.reader = new FlatbufferReader(file, signal);
    this.problems = new ProblemList(file.path);
  }

  async read(): Promise<TfliteModel> {
    const { reader } = this;
    const model = await reader.run(() => reader.root());
    const { version, buffers, kinds, subgraphs } = await reader.run(() => ({
      version: model.uint32(0),
      buffers: new TfliteBuffers(reader, this.tablesOf(model, 4)),
      kinds: this.tablesOf(model, 1),
      subgraphs: this.tablesOf(model, 2),
    }));
    this.metadata.set('version', String(version));
    await this.attempt(() => this.describe(model, buffers));
    const operators: string[] = [];
    await this.each(kinds, (index) => {
      const kind = reader.element(kinds, index);
      const custom = kind.reference(1);
      const name = custom === undefined ? '' : reader.text(custom, MAX_NAME_BYTES);
      operators[index] = operatorName(kind.int32(3), kind.int8(0), name);
      this.countName(name.length, kind.at);
    });
    for (let index = 0; index < subgraphs.length && this.mayVisit(subgraphs); index++) {
      await this.attempt(async () => {
        const table = await reader.run(() => reader.element(subgraphs, index));
        await this.subgraph(table, index, operators, buffers);
      });
    }
    if (this.firstError && this.found.length === 0) throw this.firstError;
    if (subgraphs.length > 1) this.metadata.set('subgraphs', String(subgraphs.length));
    const counts = [...this.operatorCounts].sort(([, a], [, b]) => b - a);
    const shown = counts.slice(0, MAX_LISTED).map(([name, n]) => `${n} ${name}`);
    if (counts.length > shown.length) shown.push('…');
    if (shown.length > 0) this.metadata.set('operators', shown.join(', '));
    return { metadata: Object.fromEntries(this.metadata), tensors: this.found, problems: this.problems };
  }

  /** Runs one part; what is wrong in it becomes a problem, and the parts after it are still read. */
  private async attempt(part: () => Promise<void>): Promise<void> {
    try {
      await part();
    } catch (error) {
      if (!(error instanceof CheckpointError) || !PART_ERRORS.has(error.code)) throw error;
      this.firstError ??= error;
      this.damaged++;
      this.problems.push(error.toProblem());
    }
  }

  /** A vector of tables, empty where there is none. */
  private tablesOf(table: FlatTable, field: number): FlatVector {
    const at = table.reference(field);
    return at === undefined ? { start: 0, length: 0 } : this.reader.vector(at, 4);
  }

  /** Visits each element of a vector, whatever is wrong with others, as long as they are not too many. */
  private async each(vector: FlatVector, visit: (index: number) => void): Promise<void> {
    for (let index = 0; index < vector.length && this.mayVisit(vector); index++) {
      await this.attempt(() => this.reader.run(() => visit(index)));
    }
  }

  private mayVisit({ start }: FlatVector): boolean {
    if (this.stopped) return false;
    if (++this.tables > MAX_TABLES) this.stop(`has more than ${MAX_TABLES} tensors and operators`, start);
    else if (this.damaged > MAX_DAMAGED) this.stop(`has more than ${MAX_DAMAGED} damaged parts`, start);
    return !this.stopped;
  }

  private countName(length: number, offset: number): void {
    this.namesLength += length;
    if (this.namesLength > MAX_NAMES_LENGTH) this.stop(`has names of more than ${MAX_NAMES_LENGTH} characters`, offset);
  }

  private stop(reason: string, offset: number): void {
    this.stopped = true;
    const error = this.reader.error('limit', `${reason}: only those before are read`, offset);
    this.firstError ??= error;
    this.problems.push(error.toProblem());
  }

  private async describe(model: FlatTable, buffers: TfliteBuffers): Promise<void> {
    const { reader } = this;
    const found = await reader.run(() => {
      const at = model.reference(3);
      return {
        description: at === undefined ? '' : reader.text(at, MAX_TEXT_BYTES),
        signatures: this.names(this.tablesOf(model, 7), 2),
        entries: this.names(this.tablesOf(model, 6), 0),
      };
    });
    if (found.description !== '') this.metadata.set('description', found.description);
    if (found.signatures.length > 0) this.metadata.set('signatures', found.signatures.join(', '));
    if (found.entries.length > 0) this.metadata.set('metadata', found.entries.join(', '));
    const index = found.entries.indexOf(VERSION_ENTRY);
    if (index < 0) return;
    const data = await reader.run(() => buffers.locate(reader.element(this.tablesOf(model, 6), index).uint32(1)));
    if (!data) return;
    const bytes = await reader.file.read(data.offset, Math.min(data.length, MAX_VERSION_BYTES));
    const length = bytes.indexOf(0);
    this.metadata.set(VERSION_ENTRY, Buffer.from(bytes).toString('utf8', 0, length < 0 ? bytes.length : length));
  }

  /** Texts in field `field` of the tables of a vector. */
  private names(vector: FlatVector, field: number): string[] {
    return Array.from({ length: Math.min(vector.length, MAX_LISTED) }, (_, index) => {
      const at = this.reader.element(vector, index).reference(field);
      return at === undefined ? '' : this.reader.text(at, MAX_TEXT_BYTES);
    });
  }

  private async subgraph(
    table: FlatTable,
    index: number,
    operators: readonly string[],
    buffers: TfliteBuffers,
  ): Promise<void> {
    const { reader } = this;
    const { name, vector, nodes } = await reader.run(() => {
      const at = table.reference(4);
      return {
        name: at === undefined ? '' : reader.text(at, MAX_NAME_BYTES),
        vector: this.tablesOf(table, 0),
        nodes: this.tablesOf(table, 3),
      };
    });
    const scope = index === 0 ? '' : name || `subgraph[${index}]`;
    const graph = new TfliteGraph(reader, operators);
    await this.each(nodes, (node) => {
      const operator = graph.add(reader.element(nodes, node));
      this.operatorCounts.set(operator, (this.operatorCounts.get(operator) ?? 0) + 1);
    });
    const uses = graph.tensorUses();
    const tensors = new TensorReader(reader, buffers, vector);
    await this.each(vector, (number) => {
      const tensor = tensors.read(number);
      if (tensor) this.add(tensor, number, uses.get(number), index, scope);
    });
  }

  private add(
    tensor: TfliteTensor,
    number: number,
    { layout = '…IO', shuffled }: TensorUse = {},
    subgraph: number,
    scope: string,
  ): void {
    const name = tensor.name || `tensor[${number}]`;
    const { offset } = tensor.data;
    this.countName(name.length + scope.length, offset);
    if (this.stopped) return;
    if (this.found.length >= MAX_TENSORS) this.stop(`has more than ${MAX_TENSORS} constants`, offset);
    else {
      if (shuffled) tensor.unreadable = 'its rows and columns are shuffled for one kind of processor';
      this.found.push({ tensor, name, subgraph, scope, kernelLayout: layout });
    }
  }
}
