/** A header reader for tests: what a path is called is what happens. `ok` is answered, `hang` holds the process, `die` ends it. */
import path from 'node:path';
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import { packSummary } from '../../../extension/shared/packedTensors';
import type { HeaderRequests } from '../../../extension/protocol';
import { handle } from '../../../extension/shared/rpcHandlers';
import type { CheckpointSummary } from '../../../extension/shared/tensors';

const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
handle<HeaderRequests>(connection, {
  headers: ({ path: file }) => {
    const name = path.basename(file);
    if (name.startsWith('die')) process.abort();
    while (name.startsWith('hang'));
    if (!name.startsWith('ok')) throw new Error(`${file} is no checkpoint`);
    const tensor = {
      name: `${name}.fc.weight`,
      group: '',
      shape: [2, 2],
      dtype: 'F32',
      parameters: 4,
      bytes: 16,
    } as const;
    return packSummary({
      tensors: [{ ...tensor, shape: [2, 2], layers: [tensor.name] }],
      problems: [],
    } as unknown as CheckpointSummary);
  },
});
connection.listen();
process.on('disconnect', () => process.exit(0));
