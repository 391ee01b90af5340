/** B-trees of version 2: of links and attributes by the hash of their name, or of a dataset's chunks. */
import type { Hdf5Bytes } from './hdf5Bytes';
import { assertChecksum } from './hdf5Checksum';
import type { Hdf5Cursor } from './hdf5Cursor';

/** Nodes have 512 bytes to some kB. */
const MAX_NODE_BYTES = 16 * 1024 * 1024;

/** As of the older trees. */
const MAX_DEPTH = 40;

/** Bytes of a node in front of its records and behind them. */
const NODE_FRAME_BYTES = 10;

interface Tree {
  readonly bytes: Hdf5Bytes;
  readonly nodeBytes: number;
  readonly recordBytes: number;
  /** Bytes that say how many records a child has, and how many are below it, by its depth. */
  readonly countBytes: number;
  readonly totalBytes: readonly number[];
}

/** Gives each record, in order; errors as its `visit`. @throws CheckpointError `malformed`, `corrupt`, `truncated`, … */
export async function walkTree2(
  bytes: Hdf5Bytes,
  address: number | undefined,
  visit: (record: Hdf5Cursor) => Promise<void> | void,
): Promise<void> {
  const { offsetSize, lengthSize } = bytes.widths;
  const head = await bytes.block(address, 22 + offsetSize + lengthSize, 'B-tree');
  head.signature('BTHD', 'B-tree');
  // Version, type.
  head.skip(2);
  const nodeBytes = head.uint32();
  const recordBytes = head.uint16();
  const depth = head.uint16();
  // When nodes are split and merged.
  head.skip(2);
  const root = head.address();
  const count = head.uint16();
  head.length();
  assertChecksum(head, 'B-tree');
  if (
    depth > MAX_DEPTH ||
    nodeBytes > MAX_NODE_BYTES ||
    recordBytes === 0 ||
    nodeBytes < NODE_FRAME_BYTES + recordBytes
  ) {
    const reason = `has a B-tree of depth ${depth} with nodes of ${nodeBytes} bytes and records of ${recordBytes}`;
    throw head.error('malformed', reason);
  }
  if (root === undefined || count === 0) return;
  const tree = { bytes, nodeBytes, recordBytes, ...countWidths(nodeBytes, recordBytes, depth, offsetSize) };
  await enter(tree, root, count, depth, visit);
}

/** A node has as many records as fit; fields that count them are as wide as that needs. */
function countWidths(
  nodeBytes: number,
  recordBytes: number,
  depth: number,
  offsetSize: number,
): { countBytes: number; totalBytes: number[] } {
  const leafRecords = Math.floor((nodeBytes - NODE_FRAME_BYTES) / recordBytes);
  const countBytes = bytesFor(leafRecords);
  const totalBytes = [0];
  for (let level = 1, below = leafRecords; level < depth; level++) {
    const pointer = offsetSize + countBytes + totalBytes[level - 1]!;
    const records = Math.floor((nodeBytes - NODE_FRAME_BYTES - pointer) / (recordBytes + pointer));
    below = (records + 1) * below + records;
    totalBytes.push(bytesFor(below));
  }
  return { countBytes, totalBytes };
}

function bytesFor(largest: number): number {
  return Math.min(8, Math.floor(Math.log2(Math.max(1, largest)) / 8) + 1);
}

async function enter(
  tree: Tree,
  address: number | undefined,
  count: number,
  depth: number,
  visit: (record: Hdf5Cursor) => Promise<void> | void,
): Promise<void> {
  const { bytes, nodeBytes, recordBytes, countBytes, totalBytes } = tree;
  const pointerBytes = depth === 0 ? 0 : bytes.widths.offsetSize + countBytes + totalBytes[depth - 1]!;
  const length = NODE_FRAME_BYTES + count * recordBytes + (depth === 0 ? 0 : (count + 1) * pointerBytes);
  const node = await bytes.block(address, length, 'B-tree');
  node.signature(depth === 0 ? 'BTLF' : 'BTIN', 'B-tree');
  if (length > nodeBytes)
    throw node.error('malformed', `has a node of a B-tree with ${count} records, which do not fit`);
  node.skip(2);
  const records = node.part(count * recordBytes);
  const pointers = node.part(length - NODE_FRAME_BYTES - records.bytes.length);
  assertChecksum(node, 'B-tree');
  for (let i = 0; i <= count; i++) {
    if (depth > 0) {
      const child = pointers.address();
      const below = pointers.uint(countBytes);
      pointers.skip(totalBytes[depth - 1]!);
      await enter(tree, child, below, depth - 1, visit);
    }
    if (i < count) await visit(records.part(recordBytes));
  }
}
