/** B-trees of version 1: of a group's nodes of symbols, or of a dataset's chunks. */
import type { Hdf5Bytes } from './hdf5Bytes';
import type { Hdf5Cursor } from './hdf5Cursor';

/** Usual nodes have dozens of children, and trees three levels; those that HDF5 splits worst were seen with 28. */
const MAX_LEVELS = 40;

export interface Tree1Kind {
  /** 0 of groups, 1 of chunks. */
  readonly type: number;
  readonly keyBytes: number;
}

export interface Tree1Leaf {
  /** The key in front of the child. */
  readonly key: Hdf5Cursor;
  readonly child: number | undefined;
}

/** True if anything below two neighbouring keys is wanted. */
export type Within = (from: Hdf5Cursor, to: Hdf5Cursor) => boolean;

/**
 * Gives what the leaves hold, in order.
 *
 * @throws CheckpointError `malformed` where a node is none, or its children are not a level below it
 */
export async function walkTree1(
  bytes: Hdf5Bytes,
  address: number | undefined,
  kind: Tree1Kind,
  visit: (leaf: Tree1Leaf) => Promise<void> | void,
  within: Within = () => true,
): Promise<void> {
  const { offsetSize } = bytes.widths;
  const headBytes = 8 + 2 * offsetSize;

  const enter = async (node: number | undefined, expected: number | undefined): Promise<void> => {
    const head = await bytes.block(node, headBytes, 'B-tree');
    head.signature('TREE', 'B-tree');
    const type = head.uint8();
    const level = head.uint8();
    if (type !== kind.type || level > MAX_LEVELS || (expected !== undefined && level !== expected)) {
      throw head.error('malformed', `has a B-tree with a node of the type ${type} and level ${level} in a wrong place`);
    }
    const count = head.uint16();
    const length = count * (kind.keyBytes + offsetSize) + kind.keyBytes;
    const entries = await bytes.block(node! + headBytes, length, 'B-tree');
    for (let i = 0, key = entries.part(kind.keyBytes); i < count; i++) {
      const child = entries.address();
      const next = entries.part(kind.keyBytes);
      const wanted = within(key, next);
      [key.at, next.at] = [0, 0];
      if (wanted && level === 0) await visit({ key, child });
      else if (wanted) await enter(child, level - 1);
      key = next;
      key.at = 0;
    }
  };
  await enter(address, undefined);
}
