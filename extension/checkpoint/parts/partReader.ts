/** What every kind of part can do to be read back: say what it wants of its tensors, and decode rows. */
import type { PartEntry } from '../../shared/compression/parts';
import type { DType } from '../../shared/tensors';
import type { TensorInfo } from '../checkpoint';
import { isFloating } from '../elements/dtype';
import type { RowRange } from '../elements/rowBand';
import type { ReadPart } from '../wrappers/madeWeights';

/** Adds rows [start, end) of the part to `sum`, (end − start) × inputs. */
export type AddRows = (sum: Float64Array, range: RowRange, read: ReadPart) => Promise<void>;

export interface PartSize {
  readonly outputs: number;
  readonly inputs: number;
}

/**
 * A part of a manifest, its tensors found and their shapes and types checked.
 *
 * @throws PartError if it contradicts itself or its weight
 */
export type PartDecoder = (fields: PartFields, size: PartSize) => AddRows;

/** What is wrong with a part, in words that follow the part's kind. */
export class PartError extends Error {
  override readonly name = 'PartError';
}

/** Tensors and values of one entry of the manifest. Each getter throws PartError. */
export class PartFields {
  /** Tensors that were asked for. */
  readonly used: TensorInfo[] = [];

  constructor(
    private readonly entry: PartEntry,
    private readonly find: (name: string) => TensorInfo | undefined,
  ) {}

  /** Its shape is looked at by the caller. */
  tensor(field: string, type: 'floats' | DType): TensorInfo {
    const name = Object.hasOwn(this.entry.tensors, field) ? this.entry.tensors[field] : undefined;
    if (typeof name !== 'string') throw new PartError(`has no tensor "${field}"`);
    const found = this.find(name);
    if (!found) throw new PartError(`has its "${field}" in ${name}, which is not there`);
    if (found.unreadable !== undefined) throw new PartError(`has its "${field}" in ${name}, which ${found.unreadable}`);
    const fits = type === 'floats' ? isFloating(found.dtype) : found.dtype === type;
    if (!fits) throw new PartError(`has its "${field}" in ${name}, which is ${found.dtype}, not ${type}`);
    this.used.push(found);
    return found;
  }

  /** A tensor of that shape. */
  shaped(field: string, type: 'floats' | DType, shape: readonly number[]): TensorInfo {
    const found = this.tensor(field, type);
    if (found.shape.join() === shape.join()) return found;
    throw new PartError(
      `has its "${field}" in ${found.name} of [${found.shape.join(', ')}], not [${shape.join(', ')}]`,
    );
  }

  /** A whole number of the manifest, at least 1. */
  count(field: string): number {
    const value = this.value(field);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
    throw new PartError(`has the "${field}" ${JSON.stringify(value)}, which is no count`);
  }

  counts(field: string): readonly number[] {
    const value = this.value(field);
    if (
      Array.isArray(value) &&
      value.length <= MAX_LIST &&
      value.every((each) => Number.isSafeInteger(each) && each >= 1)
    ) {
      return value as number[];
    }
    throw new PartError(`has no list of counts "${field}"`);
  }

  text(field: string): string {
    const value = this.value(field);
    if (typeof value === 'string') return value;
    throw new PartError(`has no "${field}"`);
  }

  private value(field: string): unknown {
    return Object.hasOwn(this.entry.values, field) ? this.entry.values[field] : undefined;
  }
}

/** A tensor train has fewer cores. */
const MAX_LIST = 64;

/** @throws PartError if one is not below `end` */
export function assertIndices(indices: Float64Array, end: number, field: string): void {
  const bad = indices.findIndex((index) => !(index >= 0 && index < end));
  if (bad >= 0) throw new PartError(`has ${indices[bad]} at ${bad} of "${field}", where ${end} are`);
}
