import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { contentProbe, sampleFiles } from '../../../../extension/engine/document/contentProbe';
import { uniform, writeSafetensors } from '../../../harness/checkpoints/madeCheckpoints';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { dict, pickle, tensor as pickled } from '../../../harness/checkpoints/pickleWriter';
import { torchZip } from '../../../harness/checkpoints/torchFiles';

describe('the probe of a layer’s content', () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'm.safetensors');

  /** Of 'w', whose elements are changed in one row; 'v' stands before and behind it. */
  async function probeOf(row: number | undefined, others = 0): Promise<string> {
    const values = uniform(40 * 6, 1);
    if (row !== undefined) values[row * 6 + 3]! += 1;
    writeSafetensors(file, [
      { name: 'u', shape: [6, 6], values: uniform(36, 2 + others) },
      { name: 'w', shape: [40, 6], values },
      { name: 'v', shape: [6, 6], values: uniform(36, 3 + others) },
    ]);
    return opened(file, 40);
  }

  async function opened(from: string, rows: number): Promise<string> {
    const checkpoint = await openModel(from);
    try {
      const tensor = checkpoint.tensors.find(({ name }) => name === 'w')!;
      const files = (): Promise<Buffer> => sampleFiles([from]);
      return (await contentProbe(checkpoint, tensor, { start: 0, end: rows }, files)).toString('hex');
    } finally {
      await checkpoint.close();
    }
  }

  it('is of its first, middle and last row, and of nothing else', async () => {
    const whole = await probeOf(undefined);
    assert.equal(await probeOf(undefined, 5), whole);
    for (const row of [0, 20, 39]) assert.notEqual(await probeOf(row), whole, String(row));
    assert.equal(await probeOf(7), whole, 'a sample is not the whole');
  });

  it('is of samples of the files where a row is not read alone: of archives, with their checksums', async () => {
    const archive = path.join(folder, 'm.pt');
    const write = (change: number): void => {
      const numbers = uniform(1_000_000, 4);
      numbers[777_777]! += change;
      const state = dict(['w', pickled({ key: '0', shape: [1000, 1000] })]);
      writeFileSync(archive, torchZip(pickle(state), { 0: Buffer.from(numbers.buffer) }));
    };
    write(0);
    const whole = await opened(archive, 1000);
    write(1);
    assert.notEqual(await opened(archive, 1000), whole);
  });

  it('is of samples of the files where a row is a whole matrix', async () => {
    const stack = path.join(folder, 'experts.safetensors');
    const write = (at: number): Promise<string> => {
      const values = uniform(2 * 600 * 600, 4);
      values[at]! += 1;
      writeSafetensors(stack, [{ name: 'w', shape: [2, 600, 600], values }]);
      return opened(stack, 1);
    };
    const first = await write(0);
    assert.equal(await write(0), first);
    assert.notEqual(await write(2 * 600 * 600 - 1), first);
  });

  it('of files samples their first and last bytes, of empty and of small ones all', async () => {
    const place = path.join(folder, 'bytes');
    const hashOf = async (bytes: Uint8Array): Promise<string> => {
      writeFileSync(place, bytes);
      return (await sampleFiles([place])).toString('hex');
    };
    for (const size of [0, 1, 5000, 300_000, 2_000_000]) {
      const bytes = Buffer.alloc(size, 7);
      const before = await hashOf(bytes);
      assert.equal(await hashOf(bytes), before);
      for (const at of size === 0 ? [] : [0, size - 1]) {
        const other = Buffer.from(bytes);
        other[at] = 8;
        assert.notEqual(await hashOf(other), before, `byte ${at} of ${size}`);
      }
    }
  });
});
