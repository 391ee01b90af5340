/**
 * Entry of the process that reads headers for the hover's index. Files in a workspace are nobody's choice, and the worst
 * of them must not cost the engine that has the open ones: this process has little memory, and dies alone.
 */
import os from 'node:os';
import { Worker } from 'node:worker_threads';
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import { CheckpointError } from '../checkpoint/checkpointError';
import { packSummary } from '../shared/packedTensors';
import type { HeaderRequests } from '../protocol';
import { handle } from '../shared/rpcHandlers';
import type { PackedSummary } from '../shared/tensors';
import { OpenDocuments } from './document/openDocuments';
import { MEGABYTE, usableMegabytes } from './resources/megabytes';

/** Buffers do not count for V8's own limit, which the host sets: beyond this the process ends itself. */
const MAX_RSS_BYTES = 512 * MEGABYTE;

/** Reading memory's size takes microseconds; a hostile file can fill some hundred megabytes in this time. */
const WATCH_MS = 50;

/** Names that a hover can look through; the largest models have some 120 000. */
const MAX_TENSORS = 250_000;
const MAX_NAME_CHARACTERS = 32 * 1024 * 1024;

os.setPriority(os.constants.priority.PRIORITY_BELOW_NORMAL);

// In a thread: what fills the memory may well hold the main one.
const watch = new Worker(
  `const { writeSync } = require('node:fs');
  setInterval(() => {
    if (process.memoryUsage.rss() <= ${MAX_RSS_BYTES}) return;
    writeSync(2, 'more than ${usableMegabytes(MAX_RSS_BYTES)} were needed\\n');
    process.kill(process.pid, 'SIGKILL');
  }, ${WATCH_MS});`,
  { eval: true },
);
watch.unref();

const documents = new OpenDocuments();

/** Nothing stays open. @throws CheckpointError */
async function headers(path: string): Promise<PackedSummary> {
  const { handle: document, summary } = await documents.open(path);
  await documents.close(document);
  const characters = summary.tensors.reduce((sum, { name, alias = '' }) => sum + name.length + alias.length, 0);
  if (summary.tensors.length > MAX_TENSORS || characters > MAX_NAME_CHARACTERS) {
    const message = `has ${summary.tensors.length} tensors, with names of ${characters} characters together; hovers know up to ${MAX_TENSORS}, and ${MAX_NAME_CHARACTERS}`;
    throw new CheckpointError('limit', message, { file: path });
  }
  return packSummary({ ...summary, metadata: {} });
}

const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
handle<HeaderRequests>(connection, { headers: ({ path }) => headers(path) });
connection.listen();

// The host is gone, or has no more to read.
process.on('disconnect', () => process.exit(0));
