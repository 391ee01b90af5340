/** TensorFlow checkpoints of one small tensor, damaged: what is shown and told of them. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { CheckpointError } from '../../../extension/checkpoint/checkpointError';
import { crc32c } from '../../../extension/checkpoint/tensorflow/crc32c';
import { tensorBundleFormat } from '../../../extension/checkpoint/tensorflow/tensorBundle';
import { temporaryFolder } from '../temporaryFolder';
import {
  entryBytes,
  headerEntry,
  ramp,
  tableBytes,
  writeBundle,
  type Block,
  type TableEntry,
} from './tensorBundleWriter';
import { quickly } from '../quick';

/** Of processor time, for one damaged file. */
export const MILLISECONDS = 1000;

export const HUGE = [2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

export const key = (name: string): Buffer => Buffer.from(name);
export const w: TableEntry = { key: key('w'), value: entryBytes({ shape: [2, 2], size: 16, crc: crc32c(ramp(4)) }) };

/** For one `describe`: its checkpoints lie in a folder of its own. */
export function damagedBundles() {
  const root = temporaryFolder();
  let count = 0;

  function save(index: Uint8Array, data: Uint8Array = ramp(4)): string {
    return writeBundle(path.join(root, String(count++)), 'model.ckpt', { index, data: [data] });
  }

  /** The error's code, or what is shown (with a mark where it cannot be read) and told. */
  const resultOf = (file: string): ReturnType<typeof resultNow> => quickly(MILLISECONDS, () => resultNow(file));

  async function resultNow(file: string): Promise<string | { shown: string[]; problems: string[] }> {
    try {
      const checkpoint = await tensorBundleFormat.open(file);
      const shown: string[] = [];
      for (const tensor of checkpoint.tensors) {
        const code = await checkpoint.read(tensor).then(
          () => '',
          (error: unknown) => ` (${codeOf(error)})`,
        );
        shown.push(tensor.name + code);
      }
      await checkpoint.close();
      const problems = checkpoint.problems.map(({ code, tensor }) =>
        tensor === undefined ? code : `${tensor}: ${code}`,
      );
      return { shown, problems };
    } catch (error) {
      return codeOf(error);
    }
  }

  function codeOf(error: unknown): string {
    assert.ok(error instanceof CheckpointError, String((error as Error).stack));
    assert.ok(error.where.file !== undefined && error.reason !== '', error.message);
    return error.code;
  }

  const result = (blocks: readonly Block[], options?: Parameters<typeof tableBytes>[1]): ReturnType<typeof resultOf> =>
    resultOf(save(tableBytes(blocks, options)));
  /** One block: the header and these entries. */
  const entries = (...listed: TableEntry[]): ReturnType<typeof resultOf> =>
    result([{ entries: [headerEntry(), ...listed] }]);
  const value = (bytes: Uint8Array): TableEntry => ({ key: key('x'), value: bytes });
  const sound = { shown: ['w'], problems: [] };

  return { root, save, resultOf, result, entries, value, sound };
}
