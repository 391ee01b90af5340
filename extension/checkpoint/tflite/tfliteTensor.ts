/** One Tensor table of a TensorFlow Lite model: shape, element type, and where and how its elements are stored. */
import type { DType, PackedType } from '../../shared/tensors';
import { CheckpointError } from '../checkpointError';
import { elementSize } from '../elements/dtype';
import type { FlatbufferReader, FlatTable, FlatVector } from './flatbufferReader';
import { packedBytes } from '../elements/packedElements';
import { elementCount, MAX_RANK } from '../elements/shape';
import type { BufferRange, TfliteBuffers } from './tfliteBuffers';
import type { NumberList } from './tfliteNumbers';
import { readQuantisation, type Quantisation } from './tfliteQuantisation';
import { readSparsity, type Sparsity } from './tfliteSparsity';

/** Names of layers that were fused are joined to one of some kB. V8 hashes texts of 16 kB by their length alone. */
const MAX_NAME_BYTES = 8192;

interface ElementType {
  readonly name: string;
  /** Type of whole bytes, or packed type; neither if the elements are not numbers. */
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
  /** Why its elements are not read; the graph may tell. */
  unreadable?: string;
}

type Writable = { -readonly [Key in keyof TfliteTensor]: TfliteTensor[Key] };

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
   * A task for `FlatbufferReader.run`.
   *
   * @returns undefined where nothing is stored for it: an input, or what an operator computes
   * @throws CheckpointError `malformed`, `truncated`, `limit`, of this tensor alone
   */
  read(index: number): TfliteTensor | undefined {
    const table = this.table(index);
    const external = table.uint32(10) > 0;
    const data = external ? { offset: 0, length: 0 } : this.buffers.locate(table.uint32(2));
    if (!data) return undefined;
    const nameAt = table.reference(3);
    const name = nameAt === undefined ? '' : this.reader.text(nameAt, MAX_NAME_BYTES);
    try {
      const { shape, type } = this.head(table);
      // No spread: of 100 000 objects that are copied together, each would be a table of its own.
      const tensor: Writable = { name, shape, type, data };
      if (external) tensor.unreadable = 'its elements are in another file, which is not read';
      else this.addStorage(tensor, table);
      return tensor;
    } catch (error) {
      throw error instanceof CheckpointError ? error.ofTensor(name) : error;
    }
  }

  private table(index: number): FlatTable {
    return this.reader.element(this.tensors, index);
  }

  private head(table: FlatTable): Pick<TfliteTensor, 'shape' | 'type'> {
    const shapeAt = table.reference(0);
    const shape = shapeAt === undefined ? [] : this.reader.int32s(shapeAt, MAX_RANK);
    const count = elementCount(shape);
    if (typeof count === 'string') throw this.reader.malformed(count, table.at);
    const code = table.int8(1);
    return { shape, type: TYPES[code] ?? { name: `type ${code}` } };
  }

  /** How its elements are stored, or why they are not read. */
  private addStorage(tensor: Writable, table: FlatTable): void {
    const { shape, type, data } = tensor;
    const { dtype, packed } = type;
    const count = elementCount(shape) as number;
    if (!dtype && !packed) {
      tensor.unreadable = type.name === 'STRING' ? 'holds text' : `has the element type ${type.name}`;
      return;
    }
    const sparsityAt = table.reference(6);
    if (sparsityAt !== undefined && count > 0) {
      const unreadable = this.addSparsity(tensor, sparsityAt);
      if (unreadable !== undefined) {
        tensor.unreadable = unreadable;
        return;
      }
    }
    const stored = tensor.sparsity?.stored ?? count;
    const bytes = packed ? packedBytes(packed, stored) : stored * elementSize(dtype!);
    if (bytes !== data.length) {
      const expected = tensor.sparsity ? 'its levels need' : `its shape [${shape.join(', ')}] needs`;
      throw this.reader.malformed(`has ${data.length} bytes, but ${expected} ${bytes}`, data.offset);
    }
    const quantisationAt = table.reference(4);
    // Floating-point tensors may keep the ranges and scales that a converter worked with.
    const codes = packed !== undefined || /^[IU]/.test(type.name);
    if (quantisationAt === undefined || !codes || count === 0) return;
    const parameters = this.reader.table(quantisationAt);
    const quantisation = readQuantisation(this.reader, parameters, shape, count, (index) => this.numbers(index));
    if (typeof quantisation === 'string') tensor.unreadable = quantisation;
    else if (quantisation) tensor.quantisation = quantisation;
  }

  /** @returns why it cannot be used */
  private addSparsity(tensor: Writable, at: number): string | undefined {
    const { dtype, name } = tensor.type;
    if (!dtype || dtype === 'C128') return `is sparse, with elements of type ${name}`;
    const sparsity = readSparsity(this.reader, this.reader.table(at), tensor.shape, elementSize(dtype));
    if (typeof sparsity === 'string') return sparsity;
    tensor.sparsity = sparsity;
    return undefined;
  }

  /** A tensor that holds scales or zero points of another one. */
  private numbers(index: number): NumberList {
    if (index < 0 || index >= this.count) {
      throw this.reader.malformed(`its scales are in tensor ${index} of ${this.count}`, this.tensors.start);
    }
    const table = this.table(index);
    const { shape, type } = this.head(table);
    const data = this.buffers.locate(table.uint32(2));
    const count = elementCount(shape) as number;
    if (!type.dtype || type.dtype.startsWith('C') || data?.length !== count * elementSize(type.dtype)) {
      throw this.reader.malformed(`its scales are in tensor ${index}, which holds no numbers`, table.at);
    }
    return { dtype: type.dtype, offset: data.offset, count };
  }
}
