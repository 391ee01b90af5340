/** The links of a group in HDF5's first format: a tree of nodes of symbols, whose names are in a heap of their own. */
import type { Hdf5Bytes } from './hdf5Bytes';
import type { Hdf5Cursor } from './hdf5Cursor';
import { MAX_TENSORS } from '../elements/shape';
import { nowhere, type Link } from './hdf5LinkKinds';
import { walkTree1 } from './hdf5Tree1';

/** Version, type of the cached entry, reserved. */
const NODE_HEAD_BYTES = 8;

const CACHED_SOFT_LINK = 2;

/** @throws CheckpointError `malformed`, `limit`, `truncated`, … */
export async function readSymbolTable(
  tree: number | undefined,
  heap: number | undefined,
  bytes: Hdf5Bytes,
): Promise<Link[]> {
  const names = await readLocalHeap(heap, bytes);
  const links: Link[] = [];
  const entryBytes = 2 * bytes.widths.offsetSize + 24;
  await walkTree1(bytes, tree, { type: 0, keyBytes: bytes.widths.lengthSize }, async ({ child }) => {
    const head = await bytes.block(child, NODE_HEAD_BYTES, 'node of symbols');
    head.signature('SNOD', 'node of symbols');
    head.skip(2);
    const count = head.uint16();
    const node = await bytes.block(child! + NODE_HEAD_BYTES, count * entryBytes, 'node of symbols');
    if (links.length + count > MAX_TENSORS) throw head.error('limit', `a group has more than ${MAX_TENSORS} links`);
    for (let i = 0; i < count; i++) links.push(symbol(node.part(entryBytes), names, bytes));
  });
  return links;
}

function symbol(entry: Hdf5Cursor, names: Hdf5Cursor, bytes: Hdf5Bytes): Link {
  const name = textAt(names, entry.uint(bytes.widths.offsetSize), entry, bytes);
  const address = entry.address();
  const cached = entry.uint32();
  entry.skip(4);
  if (cached === CACHED_SOFT_LINK) return { name, path: textAt(names, entry.uint32(), entry, bytes) };
  return address === undefined ? nowhere(name) : { name, address };
}

function textAt(names: Hdf5Cursor, at: number, entry: Hdf5Cursor, bytes: Hdf5Bytes): string {
  if (at >= names.bytes.length) throw entry.error('malformed', `has a name at ${at}, outside of its heap of names`);
  names.at = at;
  const text = names.text();
  bytes.spend(names.at - at);
  return text;
}

async function readLocalHeap(address: number | undefined, bytes: Hdf5Bytes): Promise<Hdf5Cursor> {
  const { offsetSize, lengthSize } = bytes.widths;
  const head = await bytes.block(address, 8 + 2 * lengthSize + offsetSize, 'heap of names');
  head.signature('HEAP', 'heap of names');
  head.skip(4);
  const size = head.length();
  // Length of the free space.
  head.length();
  return bytes.block(head.address(), size, 'heap of names');
}
