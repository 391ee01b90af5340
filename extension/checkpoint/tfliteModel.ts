/**
 * Walks a TensorFlow Lite model (schema version 3, identifier TFL3) for its constant tensors, in all of its subgraphs,
 * and for what describes it. Field numbers are those of the schema.
 *
 * @see https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs
 */
import { CheckpointError, type CheckpointErrorCode, type KernelLayout } from './checkpoint';
import type { FileReader } from './fileReader';
import { FlatbufferReader, type FlatTable, type FlatVector } from './flatbufferReader';
import { ProblemList } from './problemList';
import { TfliteBuffers } from './tfliteBuffers';
import { TfliteGraph } from './tfliteGraph';
import { operatorName } from './tfliteOperators';
import { TensorReader, type TfliteTensor } from './tfliteTensor';

/** Tensors and operators of all subgraphs that are looked at: ten times those of the largest models. */
const MAX_TABLES = 200_000;

/** All names together, in characters. */
const MAX_NAMES_LENGTH = 32 * 1024 * 1024;

/** A description, an operator's or a signature's name. */
const MAX_TEXT_BYTES = 65_536;

/** Of signatures and of entries of metadata that are shown. */
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
  private namesLength = 0;
  private firstError: CheckpointError | undefined;

  constructor(file: FileReader, signal?: AbortSignal) {
    this.reader = new FlatbufferReader(file, signal);
    this.problems = new ProblemList(file.path);
  }

  async read(): Promise<TfliteModel> {
    const model = await this.reader.root();
    this.metadata.set('version', String(model.uint32(0)));
    const buffers = new TfliteBuffers(this.reader, await this.tablesOf(model, 4));
    await this.attempt(() => this.describe(model, buffers));
    const operators: string[] = [];
    await this.each(await this.tablesOf(model, 1), async (table) => {
      const custom = table.reference(1);
      const name = custom === undefined ? '' : await this.reader.text(custom, MAX_TEXT_BYTES);
      operators.push(operatorName(table.int32(3), table.int8(0), name));
    });
    const subgraphs = await this.tablesOf(model, 2);
    await this.each(subgraphs, (table, index) => this.subgraph(table, index, operators, buffers));
    if (this.firstError && this.found.length === 0) throw this.firstError;
    if (subgraphs.length > 1) this.metadata.set('subgraphs', String(subgraphs.length));
    const counts = [...this.operatorCounts].sort(([, a], [, b]) => b - a);
    if (counts.length > 0) this.metadata.set('operators', counts.map(([name, n]) => `${n} ${name}`).join(', '));
    return { metadata: Object.fromEntries(this.metadata), tensors: this.found, problems: this.problems };
  }

  /** Runs one part; what is wrong in it becomes a problem, and the parts after it are still read. */
  private async attempt(part: () => Promise<void>): Promise<void> {
    try {
      await part();
    } catch (error) {
      if (!(error instanceof CheckpointError) || !PART_ERRORS.has(error.code)) throw error;
      this.firstError ??= error;
      this.problems.push(error.toProblem());
    }
  }

  /** A vector of tables, empty where there is none. */
  private async tablesOf(table: FlatTable, field: number): Promise<FlatVector> {
    const at = table.reference(field);
    return at === undefined ? { start: 0, length: 0 } : this.reader.vector(at, 4);
  }

  /** Visits each table of a vector, whatever is wrong with others, as long as they are not too many. */
  private async each(
    vector: FlatVector,
    visit: (table: FlatTable, index: number) => Promise<void> | void,
  ): Promise<void> {
    for (let index = 0; index < vector.length && this.mayVisit(vector); index++) {
      await this.attempt(async () => visit(await this.reader.table(await this.reader.tableAt(vector, index)), index));
    }
  }

  private mayVisit({ start }: FlatVector): boolean {
    if (++this.tables <= MAX_TABLES) return true;
    if (this.tables === MAX_TABLES + 1) {
      const message = `has more than ${MAX_TABLES} tensors and operators; only the first of them are read`;
      this.problems.push(this.reader.error('limit', message, start).toProblem());
    }
    return false;
  }

  private async describe(model: FlatTable, buffers: TfliteBuffers): Promise<void> {
    const description = model.reference(3);
    if (description !== undefined) {
      this.metadata.set('description', await this.reader.text(description, MAX_TEXT_BYTES));
    }
    const signatures = await this.names(model, 7, 2);
    if (signatures.length > 0) this.metadata.set('signatures', signatures.join(', '));
    const entries = await this.names(model, 6, 0);
    if (entries.length > 0) this.metadata.set('metadata', entries.join(', '));
    const index = entries.indexOf(VERSION_ENTRY);
    if (index < 0) return;
    const entry = await this.reader.table(await this.reader.tableAt(await this.tablesOf(model, 6), index));
    const data = await buffers.locate(entry.uint32(1));
    if (!data) return;
    const bytes = await this.reader.file.read(data.offset, Math.min(data.length, MAX_VERSION_BYTES));
    this.metadata.set(VERSION_ENTRY, Buffer.from(bytes).toString('utf8').replace(/\0.*$/s, ''));
  }

  /** Texts in field `field` of the tables that the model has in a vector. */
  private async names(model: FlatTable, tables: number, field: number): Promise<string[]> {
    const vector = await this.tablesOf(model, tables);
    const names: string[] = [];
    for (let index = 0; index < Math.min(vector.length, MAX_LISTED); index++) {
      const at = (await this.reader.table(await this.reader.tableAt(vector, index))).reference(field);
      names.push(at === undefined ? '' : await this.reader.text(at, MAX_TEXT_BYTES));
    }
    return names;
  }

  private async subgraph(
    table: FlatTable,
    index: number,
    operators: readonly string[],
    buffers: TfliteBuffers,
  ): Promise<void> {
    const nameAt = table.reference(4);
    const scope =
      index === 0
        ? ''
        : (nameAt !== undefined && (await this.reader.text(nameAt, MAX_TEXT_BYTES))) || `subgraph[${index}]`;
    const graph = new TfliteGraph(this.reader, operators);
    await this.each(await this.tablesOf(table, 3), async (operator) => {
      const name = await graph.add(operator);
      this.operatorCounts.set(name, (this.operatorCounts.get(name) ?? 0) + 1);
    });
    const uses = graph.tensorUses();
    const vector = await this.tablesOf(table, 0);
    const tensors = new TensorReader(this.reader, buffers, vector);
    for (let i = 0; i < tensors.count && this.mayVisit(vector); i++) {
      await this.attempt(async () => {
        const tensor = await tensors.read(i);
        if (!tensor) return;
        const { layout = '…IO', shuffled } = uses.get(i) ?? {};
        const unreadable = shuffled && 'its rows and columns are shuffled for one kind of processor';
        this.add({
          tensor: unreadable ? { ...tensor, unreadable } : tensor,
          name: tensor.name || `tensor[${i}]`,
          subgraph: index,
          scope,
          kernelLayout: layout,
        });
      });
    }
  }

  private add(found: FoundTfliteTensor): void {
    this.namesLength += found.name.length + found.scope.length;
    if (this.namesLength > MAX_NAMES_LENGTH) {
      const message = `has tensor names of more than ${MAX_NAMES_LENGTH} characters`;
      throw this.reader.error('limit', message, found.tensor.data.offset);
    }
    this.found.push(found);
  }
}
