/** Dataspace messages: the shape of a dataset, and how far it may grow. */
import type { Hdf5Cursor } from './hdf5Cursor';
import { elementCount, MAX_RANK } from '../elements/shape';

export interface Dataspace {
  readonly shape: readonly number[];
  /** Infinity for an axis without a limit. Indexes of chunks count by them. */
  readonly maxShape: readonly number[];
  readonly count: number;
}

const NULL_SPACE = 2;

/** @throws CheckpointError `unsupported`, `malformed` */
export function readDataspace(cursor: Hdf5Cursor): Dataspace {
  const version = cursor.uint8();
  if (version !== 1 && version !== 2) throw cursor.error('unsupported', `has a dataspace of version ${version}`);
  const rank = cursor.uint8();
  const flags = cursor.uint8();
  // Version 1 has 5 reserved bytes.
  const type = version === 2 ? cursor.uint8() : (cursor.skip(5), 1);
  if (rank > MAX_RANK) throw cursor.error('malformed', `has ${rank} axes; more than ${MAX_RANK} are not supported`);
  // No dataspace at all: as good as no elements.
  if (version === 2 && type === NULL_SPACE) return { shape: [0], maxShape: [0], count: 0 };
  const shape = Array.from({ length: rank }, () => cursor.length());
  const maxShape = flags & 1 ? Array.from({ length: rank }, () => cursor.lengthOrInfinity()) : shape;
  if (shape.some((size, axis) => size > maxShape[axis]!)) {
    throw cursor.error('malformed', `has the shape [${shape.join(', ')}], beyond its own limit`);
  }
  const count = elementCount(shape);
  if (typeof count === 'string') throw cursor.error('malformed', count);
  return { shape, maxShape, count };
}
