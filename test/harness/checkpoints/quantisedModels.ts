/** Models of one quantised weight: made of parts with known codes, and compared with what they decode to. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../extension/checkpoint/openModel';
import { writeModel } from './quantisedFixtures';
import { type FixtureTensor } from './safetensorsFixtures';
import { temporaryFolder } from '../temporaryFolder';

export const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** Sixteen values in ascending order, as a table of 4 bits has them. */
export const TABLE = Array.from({ length: 16 }, (_, code) => (code - 7) / 8);

/** For one `describe`: its models lie in a folder of its own. */
export function quantisedModels() {
  const folder = temporaryFolder();
  let made = 0;

  async function opened(
    tensors: readonly FixtureTensor[],
    config: unknown,
    check: (checkpoint: Checkpoint) => Promise<void>,
  ): Promise<void> {
    const checkpoint = await openModel(writeModel(path.join(folder, `made${made++}`), tensors, config));
    try {
      await check(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  /** The one weight that the parts become: its shape, how it is called, all its elements and those of every band. */
  async function assertWeight(
    tensors: readonly FixtureTensor[],
    config: unknown,
    expected: { name: string; shape: number[]; encoding: string; weight: ArrayLike<number> },
  ): Promise<void> {
    await opened(tensors, config, async (checkpoint) => {
      assert.deepEqual(checkpoint.problems, []);
      assert.deepEqual(
        checkpoint.tensors.map(({ name }) => name),
        [expected.name],
      );
      const [info] = checkpoint.tensors;
      const stored = tensors.reduce((sum, { bytes }) => sum + bytes.length, 0);
      assert.deepEqual([info!.shape, info!.dtype], [expected.shape, 'F32']);
      assert.deepEqual(info!.encoding, { name: expected.encoding, byteLength: stored });
      const all = Float32Array.from(expected.weight);
      assert.equal(info!.byteLength, all.byteLength);
      const read = async (rows?: { start: number; end: number }): Promise<Float32Array> =>
        new Float32Array((await checkpoint.read(info!, rows)).slice().buffer);
      assert.deepEqual(await read(), all);
      const [rows] = expected.shape as [number];
      const perRow = all.length / rows;
      for (const [start, end] of [
        [0, 0],
        [0, 1],
        [rows - 1, rows],
        [Math.floor(rows / 3), Math.ceil(rows / 2)],
        [1, rows],
      ] as const) {
        assert.deepEqual(
          await read({ start, end }),
          all.slice(start * perRow, end * perRow),
          `rows ${start} to ${end}`,
        );
      }
      await assert.rejects(checkpoint.read(info!, { start: 0, end: rows + 1 }), RangeError);
      await assert.rejects(checkpoint.read(info!, undefined, AbortSignal.abort()), { name: 'AbortError' });
    });
  }

  return { folder, opened, assertWeight };
}
