/** One Tensor table of a TensorFlow Lite model: shape, element type, and where and how its elements are stored. */
import type { DType } from '../protocol';
import { CheckpointError } from './checkpoint';
import { elementSize } from './dtype';
import type { FlatbufferReader, FlatTable, FlatVector } from './flatbufferReader';
import { packedBytes, type PackedType } from './packedElements';
import { elementCount, MAX_RANK } from './shape';
import type { BufferRange, TfliteBuffers } from './tfliteBuffers';
import type { NumberList } from './tfliteNumbers';
import { readQuantisation, type Quantisation } from './tfliteQuantisation';
import { readSparsity, type Sparsity } from './tfliteSparsity';

/** Names of layers that were fused are joined to one of some kB. */
const MAX_NAME_BYTES = 65_536;

interface ElementType {
  readonly name: string;
  /** Of whole bytes or packed; neither where the elements are no numbers. */
  readonly dtype?: DType;
  readonly packed?: PackedType;
}

/** By the code of the enum `TensorType`. */
const TYPES: readonly ElementType[] = [
  { name: 'F32', dtype: 'F32' },
  { name: 'F16', dtype: 'F16' },
  { name: 'I32', dtype: 'I32' },
  { name: 'U8', dtype: 'U8' },
  { name: 'I64', dtype: 'I64' },
  { name: 'STRING' },
  { name: 'BOOL', dtype: 'BOOL' },
  { name: 'I16', dtype: 'I16' },
  { name: 'C64', dtype: 'C64' },
  { name: 'I8', dtype: 'I8' },
  { name: 'F64', dtype: 'F64' },
  { name: 'C128', dtype: 'C128' },
  { name: 'U64', dtype: 'U64' },
  { name: 'RESOURCE' },
  { name: 'VARIANT' },
  { name: 'U32', dtype: 'U32' },
  { name: 'U16', dtype: 'U16' },
  { name: 'I4', packed: 'I4' },
  { name: 'BF16', dtype: 'BF16' },
  { name: 'I2', packed: 'I2' },
  { name: 'U4', packed: 'U4' },
  { name: 'F8_E4M3', dtype: 'F8_E4M3' },
  { name: 'F8_E5M2', dtype: 'F8_E5M2' },
];

export interface TfliteTensor {
  /** '' where it has none. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: ElementType;
  readonly data: BufferRange;
  readonly quantisation?: Quantisation;
  readonly sparsity?: Sparsity;
  /** Why its elements are not read. */
  readonly unreadable?: string;
}

/** The tensors of one subgraph. */
export class TensorReader {
  constructor(
    private readonly reader: FlatbufferReader,
    private readonly buffers: TfliteBuffers,
    private readonly tensors: FlatVector,
  ) {}

  get count(): number {
    return this.tensors.length;
  }

  /**
   * @returns undefined where nothing is stored for it: an input, or what an operator computes
   * @throws CheckpointError `malformed`, `truncated`, `limit`, of this tensor alone; `io`
   */
  async read(index: number): Promise<TfliteTensor | undefined> {
    const table = await this.table(index);
    const external = table.uint32(10) > 0;
    const data = external ? { offset: 0, length: 0 } : await this.buffers.locate(table.uint32(2));
    if (!data) return undefined;
    const nameAt = table.reference(3);
    const name = nameAt === undefined ? '' : await this.reader.text(nameAt, MAX_NAME_BYTES);
    try {
      const head = await this.head(table);
      if (external) return { ...head, name, data, unreadable: 'its elements are in another file, which is not read' };
      return { ...head, name, data, ...(await this.storage(table, head, data)) };
    } catch (error) {
      throw error instanceof CheckpointError ? error.ofTensor(name) : error;
    }
  }

  private async table(index: number): Promise<FlatTable> {
    return this.reader.table(await this.reader.tableAt(this.tensors, index));
  }

  private async head(table: FlatTable): Promise<Pick<TfliteTensor, 'shape' | 'type'>> {
    const shapeAt = table.reference(0);
    const shape = shapeAt === undefined ? [] : await this.reader.int32s(shapeAt, MAX_RANK);
    const count = elementCount(shape);
    if (typeof count === 'string') throw this.reader.malformed(count, table.at);
    const code = table.int8(1);
    return { shape, type: TYPES[code] ?? { name: `type ${code}` } };
  }

  private async storage(
    table: FlatTable,
    { shape, type }: Pick<TfliteTensor, 'shape' | 'type'>,
    data: BufferRange,
  ): Promise<Pick<TfliteTensor, 'quantisation' | 'sparsity' | 'unreadable'>> {
    const count = elementCount(shape) as number;
    const { dtype, packed } = type;
    if (!dtype && !packed) {
      return { unreadable: type.name === 'STRING' ? 'holds text' : `has the element type ${type.name}` };
    }
    const sparsityAt = table.reference(6);
    let sparsity: Sparsity | undefined;
    if (sparsityAt !== undefined && count > 0) {
      if (!dtype || dtype === 'C128') return { unreadable: `is sparse, with elements of type ${type.name}` };
      const read = await readSparsity(this.reader, await this.reader.table(sparsityAt), shape);
      if (typeof read === 'string') return { unreadable: read };
      sparsity = read;
    }
    const stored = sparsity?.stored ?? count;
    const bytes = packed ? packedBytes(packed, stored) : stored * elementSize(dtype!);
    if (bytes !== data.length) {
      const message = `has ${data.length} bytes, but its ${sparsity ? 'levels need' : `shape [${shape.join(', ')}] needs`} ${bytes}`;
      throw this.reader.malformed(message, data.offset);
    }
    const quantisationAt = table.reference(4);
    // Floating-point tensors may keep the ranges and scales that a converter worked with.
    const codes = packed !== undefined || /^[IU]/.test(type.name);
    if (quantisationAt === undefined || !codes || count === 0) return { ...(sparsity && { sparsity }) };
    const parameters = await this.reader.table(quantisationAt);
    const numbersOf = (index: number): Promise<NumberList> => this.numbers(index);
    const quantisation = await readQuantisation(this.reader, parameters, shape, count, numbersOf);
    if (typeof quantisation === 'string') return { unreadable: quantisation };
    return { ...(sparsity && { sparsity }), ...(quantisation && { quantisation }) };
  }

  /** A tensor that holds scales or zero points of another one. */
  private async numbers(index: number): Promise<NumberList> {
    if (index < 0 || index >= this.count) {
      throw new CheckpointError('malformed', `its scales are in tensor ${index} of ${this.count}`);
    }
    const table = await this.table(index);
    const { shape, type } = await this.head(table);
    const data = await this.buffers.locate(table.uint32(2));
    const count = elementCount(shape) as number;
    if (!type.dtype || type.dtype.startsWith('C') || data?.length !== count * elementSize(type.dtype)) {
      throw this.reader.malformed(`its scales are in tensor ${index}, which holds no numbers`, table.at);
    }
    return { dtype: type.dtype, offset: data.offset, count };
  }
}
