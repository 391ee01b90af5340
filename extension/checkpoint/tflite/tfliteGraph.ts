/** What the operators of a subgraph tell of the tensors that they take: the axes of kernels, and weights in an order of their own. */
import type { KernelLayout } from '../../shared/tensors';
import type { FlatbufferReader, FlatTable } from './flatbufferReader';
import { forwards, kernelInput } from './tfliteOperators';

/** Index in the union `BuiltinOptions`. */
const FULLY_CONNECTED_OPTIONS = 8;

/** A weight may be converted more than once on its way; this also ends a circle. */
const MAX_FORWARDING = 4;

export interface TensorUse {
  readonly layout?: KernelLayout;
  /** Rows and columns are stored in an order that only one kind of processor wants. */
  readonly shuffled?: boolean;
}

export class TfliteGraph {
  private readonly uses = new Map<number, TensorUse>();
  /** From what an operator converts to what it converts from. */
  private readonly sources = new Map<number, number>();

  constructor(
    private readonly reader: FlatbufferReader,
    /** Names of the model's operators, by opcode index. */
    private readonly operators: readonly string[],
  ) {}

  /**
   * @param table an `Operator`
   * @returns what it is called
   * @throws CheckpointError `malformed`, `truncated`
   */
  add(table: FlatTable): string {
    const { reader } = this;
    const index = table.uint32(0);
    const operator = this.operators[index];
    if (operator === undefined) {
      throw reader.malformed(`has an operator of kind ${index}, of ${this.operators.length} kinds`, table.at);
    }
    const kernel = kernelInput(operator);
    if (kernel) this.use(table, kernel.input, { layout: kernel.layout });
    else if (forwards(operator)) {
      const [source, target] = [this.tensor(table, 1, 0), this.tensor(table, 2, 0)];
      if (source !== undefined && target !== undefined) this.sources.set(target, source);
    } else if (operator === 'FULLY_CONNECTED' && this.isShuffled(table)) {
      this.use(table, 1, { shuffled: true });
    }
    return operator;
  }

  /** By tensor, once all operators are added. */
  tensorUses(): ReadonlyMap<number, TensorUse> {
    const uses = new Map(this.uses);
    for (const [tensor, use] of this.uses) {
      let source = this.sources.get(tensor);
      for (let step = 0; step < MAX_FORWARDING && source !== undefined; step++) {
        if (!uses.has(source)) uses.set(source, use);
        source = this.sources.get(source);
      }
    }
    return uses;
  }

  private use(table: FlatTable, input: number, use: TensorUse): void {
    const tensor = this.tensor(table, 1, input);
    if (tensor !== undefined && !this.uses.has(tensor)) this.uses.set(tensor, use);
  }

  /** One of an operator's inputs (field 1) or outputs (field 2). */
  private tensor(table: FlatTable, field: number, index: number): number | undefined {
    const at = table.reference(field);
    return at === undefined ? undefined : this.reader.int32(this.reader.vector(at, 4), index);
  }

  private isShuffled(table: FlatTable): boolean {
    const at = table.reference(4);
    if (table.uint8(3) !== FULLY_CONNECTED_OPTIONS || at === undefined) return false;
    return this.reader.table(at).int8(1) !== 0;
  }
}
