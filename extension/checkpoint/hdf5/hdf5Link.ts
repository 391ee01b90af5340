/** A group's links: names of its objects, and what each of them leads to. */
import type { Hdf5Bytes } from './hdf5Bytes';
import { type Link, nowhere } from './hdf5LinkKinds';
import { walkTree2 } from './hdf5Tree2';
import type { Hdf5Cursor } from './hdf5Cursor';
import { FractalHeap } from './hdf5FractalHeap';
import { findMessage, MESSAGE, messageBody, type Message } from './hdf5ObjectHeader';
import { readSymbolTable } from './hdf5SymbolTable';
import { MAX_TENSORS } from '../elements/shape';

const KIND = { hard: 0, soft: 1, external: 64 } as const;

/** Characters of a path that a message shows. */
const MAX_SHOWN = 200;

/** Links in the order of their names, as HDF5 itself lists them. @throws CheckpointError */
export async function readLinks(messages: readonly Message[], bytes: Hdf5Bytes): Promise<Link[]> {
  const table = await findMessage(messages, MESSAGE.symbolTable, bytes);
  if (table) return readSymbolTable(table.address(), table.address(), bytes);
  const links: Link[] = [];
  for (const message of messages) {
    if (message.type === MESSAGE.link) links.push(readLink(await messageBody(message, bytes)));
  }
  const info = await findMessage(messages, MESSAGE.linkInfo, bytes);
  if (info) await readDense(info, bytes, links);
  return links.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** True if an object with these messages is a group. */
export function isGroup(messages: readonly Message[]): boolean {
  return messages.some(
    ({ type }) => type === MESSAGE.symbolTable || type === MESSAGE.linkInfo || type === MESSAGE.link,
  );
}

/** Many links lie in a heap, found by a tree of their names' hashes. */
async function readDense(info: Hdf5Cursor, bytes: Hdf5Bytes, links: Link[]): Promise<void> {
  info.skip(1);
  // The largest creation order.
  if (info.uint8() & 1) info.skip(8);
  const [heapAddress, treeAddress] = [info.address(), info.address()];
  if (heapAddress === undefined || treeAddress === undefined) return;
  const heap = await FractalHeap.open(bytes, heapAddress);
  await walkTree2(bytes, treeAddress, async (record) => {
    // The hash.
    record.skip(4);
    if (links.length >= MAX_TENSORS) throw record.error('limit', `has a group of more than ${MAX_TENSORS} links`);
    links.push(readLink(await heap.object(record.take(record.left))));
  });
}

/** @throws CheckpointError `malformed` */
function readLink(cursor: Hdf5Cursor): Link {
  cursor.skip(1);
  const flags = cursor.uint8();
  const kind = flags & 8 ? cursor.uint8() : KIND.hard;
  // Creation order, character set.
  cursor.skip((flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0));
  const name = cursor.take(cursor.uint(1 << (flags & 3))).toString('utf8');
  if (kind === KIND.hard) {
    const address = cursor.address();
    return address === undefined ? nowhere(name) : { name, address };
  }
  const value = cursor.take(cursor.uint16());
  if (kind === KIND.soft) return { name, path: value.toString('utf8') };
  if (kind === KIND.external) {
    // A byte of version and flags, the file, the path in it.
    const [file = '', target = ''] = value.toString('utf8', 1).split('\0');
    const reason = `leads to ${quoted(target)} of the file ${quoted(file)}, which is not opened`;
    return { name, elsewhere: { reason, remedy: 'open that file itself' } };
  }
  const reason = `has a link of the type ${kind}, which only another program can follow`;
  return { name, elsewhere: { reason, remedy: 'copy what it leads to into the file' } };
}

/** Text of a file as a message shows it. */
export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, MAX_SHOWN));
}
