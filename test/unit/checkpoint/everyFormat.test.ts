/**
 * What every checkpoint does alike, whatever its format: errors of `read`, and what closing it ends. The promise is
 * `Checkpoint`'s own (`extension/checkpoint/checkpoint.ts`).
 */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint, TensorInfo } from '../../../extension/checkpoint/checkpoint';
import { CheckpointError, type CheckpointErrorCode } from '../../../extension/checkpoint/checkpointError';
import { openModel } from '../../../extension/checkpoint/openModel';
import { made, type Source } from '../../fuzz/source';
import { hdf5Files, torchFiles } from '../../fuzz/sources';
import { tensorflowCheckpoint } from '../../fuzz/tensorflowSources';
import { formatSamples } from '../../harness/checkpoints/formatSamples';
import { GgufWriter } from '../../harness/checkpoints/ggufWriter';
import { pipelineFiles, writeFiles } from '../../harness/checkpoints/pipelineFixture';
import { temporaryFolder } from '../../harness/temporaryFolder';

type Laid = Pick<Source, 'open' | 'lay'>;

/** What a promise is rejected with. */
async function refusal(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  throw new assert.AssertionError({ message: 'it was not refused' });
}

function assertRefused(error: Error, code: CheckpointErrorCode, reason: string, file: string): CheckpointError {
  assert.ok(error instanceof CheckpointError, error.stack);
  assert.deepEqual([error.code, error.reason, error.where.file], [code, reason, file]);
  return error;
}

describe('every checkpoint', () => {
  const scratch = temporaryFolder();

  function lay(source: Laid): { folder: string; file: string } {
    const folder = mkdtempSync(path.join(scratch, 'laid-'));
    source.lay(folder);
    return { folder, file: path.join(folder, source.open) };
  }

  async function opened<T>(file: string, task: (checkpoint: Checkpoint) => Promise<T>): Promise<T> {
    const checkpoint = await openModel(file);
    try {
      return await task(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  const foreign = (like: TensorInfo): TensorInfo => ({ ...like, name: 'of.another.checkpoint' });

  for (const { row, source } of formatSamples) {
    describe(row, () => {
      let laid: { folder: string; file: string };
      before(() => (laid = lay(source)));

      it('refuses rows that a tensor does not have, by its listed name', async () => {
        await opened(laid.file, async (checkpoint) => {
          for (const tensor of checkpoint.tensors) {
            const count = tensor.shape[0] ?? 1;
            for (const rows of [
              { start: 0, end: count + 1 },
              { start: -1, end: count },
              { start: count, end: count - 1 },
              { start: 0.5, end: 1 },
            ]) {
              const error = await refusal(checkpoint.read(tensor, rows));
              assert.ok(error instanceof RangeError, error.stack);
              assert.match(
                error.message,
                new RegExp(`tensor ${tensor.name.replace(/[.:]/g, '\\$&')}, which has ${count}`),
              );
            }
          }
        });
      });

      it('refuses a tensor that is not its own', async () => {
        await opened(laid.file, async (checkpoint) => {
          for (const tensor of checkpoint.tensors) {
            const error = await refusal(checkpoint.read(foreign(tensor)));
            const { where } = assertRefused(error, 'malformed', 'is not in the checkpoint', checkpoint.path);
            assert.equal(where.tensor, 'of.another.checkpoint');
          }
        });
      });

      it('reads nothing once its signal has fired, whatever else is wrong', async () => {
        const signal = AbortSignal.abort();
        const checkpoint = await openModel(laid.file);
        const [tensor] = checkpoint.tensors;
        const reads = (): Promise<Uint8Array>[] =>
          [tensor!, foreign(tensor!)].map((each) => checkpoint.read(each, { start: 0, end: 0 }, signal));
        for (const read of reads()) assert.equal((await refusal(read)).name, 'AbortError');
        await checkpoint.close();
        for (const read of reads()) assert.equal((await refusal(read)).name, 'AbortError');
      });

      it('reads nothing after it was closed, and can be closed again', async () => {
        const checkpoint = await openModel(laid.file);
        await Promise.all([checkpoint.close(), checkpoint.close()]);
        await checkpoint.close();
        for (const tensor of checkpoint.tensors) {
          for (const each of [tensor, foreign(tensor)]) {
            const error = await refusal(checkpoint.read(each));
            const { where } = assertRefused(error, 'io', 'was closed', checkpoint.path);
            assert.equal(where.remedy, 'open it again');
          }
        }
      });

      it('ends a read that closing overtakes, or lets it finish', async () => {
        const readAll = (from: Checkpoint): Promise<Uint8Array>[] => from.tensors.map((tensor) => from.read(tensor));
        const whole = await opened(laid.file, (checkpoint) => Promise.all(readAll(checkpoint)));
        const checkpoint = await openModel(laid.file);
        const [settled] = await Promise.all([Promise.allSettled(readAll(checkpoint)), checkpoint.close()]);
        for (const [i, result] of settled.entries()) {
          if (result.status === 'fulfilled') assert.deepEqual(result.value, whole[i]);
          else assertRefused(result.reason as Error, 'io', 'was closed', checkpoint.path);
        }
      });

      it('notices files that changed while it was open', async () => {
        const { folder, file } = lay(source);
        await opened(file, async (checkpoint) => {
          for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
            const each = path.join(folder, name);
            if (statSync(each).isFile()) appendFileSync(each, '\0');
          }
          for (const tensor of checkpoint.tensors) {
            const error = await refusal(checkpoint.read(tensor));
            assert.ok(error instanceof CheckpointError, error.stack);
            assert.deepEqual([error.code, error.reason], ['changed', 'changed on disk while it was open']);
          }
        });
      });
    });
  }

  describe('that lists a tensor which cannot be read', () => {
    const unknownType = (): Buffer => {
      const writer = new GgufWriter();
      return writer.file({ tensors: [{ name: 'w', dims: [4], type: 99, bytes: Buffer.alloc(32) }] });
    };
    const named = (sources: readonly Source[], name: string): Source => sources.find((each) => each.name === name)!;
    const bundle = tensorflowCheckpoint(1);
    const cases: readonly { what: string; source: Laid; code?: CheckpointErrorCode }[] = [
      { what: 'GGUF', source: made('model.gguf', unknownType) },
      { what: 'PyTorch', source: named(torchFiles('zip'), 'kinds that are not read') },
      { what: 'HDF5', source: named(hdf5Files(false), 'storage that is not read') },
      {
        what: 'TensorFlow, whose data are missing',
        source: {
          open: bundle.open,
          lay(folder) {
            bundle.lay(folder);
            for (const name of readdirSync(folder)) if (/\.data-00000/.test(name)) rmSync(path.join(folder, name));
          },
        },
        code: 'missing-shard',
      },
      {
        what: 'a pipeline with a part of them',
        source: {
          open: 'model_index.json',
          lay(folder) {
            writeFiles(folder, pipelineFiles());
            rmSync(path.join(folder, 'unet', 'diffusion_pytorch_model.safetensors'));
            made('unet/diffusion_pytorch_model.gguf', unknownType).lay(folder);
          },
        },
      },
    ];
    for (const { what, source, code = 'unsupported' } of cases) {
      it(`says why, as the list does: ${what}`, async () => {
        await opened(lay(source).file, async (checkpoint) => {
          const listed = checkpoint.tensors.filter(({ unreadable }) => unreadable !== undefined);
          assert.ok(listed.length > 0);
          for (const tensor of listed) {
            const error = await refusal(checkpoint.read(tensor));
            assert.ok(error instanceof CheckpointError, error.stack);
            assert.deepEqual([error.code, error.reason], [code, tensor.unreadable]);
          }
        });
      });
    }
  });
});
