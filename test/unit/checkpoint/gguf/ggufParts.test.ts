import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { partNames } from '../../../../extension/shared/names/shardNames';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { floatTensor, GgufWriter, VALUE } from '../../../harness/checkpoints/ggufWriter';
import { temporaryFolder } from '../../../harness/temporaryFolder';

const writer = new GgufWriter();

describe('GGUF in several parts', () => {
  const root = temporaryFolder();
  let count = 0;
  const partName = (number: number, of = 3): string => `net-0000${number}-of-0000${of}.gguf`;

  /** A folder of three parts, each with a tensor. */
  function parts(metadata: { count: number; tensors: number } = { count: 3, tensors: 3 }): string {
    const folder = path.join(root, String(count++));
    mkdirSync(folder);
    ['a.weight', 'b.weight', 'c.weight'].forEach((name, i) => {
      const pairs = [
        ...(i === 0 ? [writer.pair('general.architecture', VALUE.TEXT, 'llama')] : []),
        writer.pair('split.no', VALUE.U16, i),
        writer.pair('split.count', VALUE.U16, metadata.count),
        writer.pair('split.tensors.count', VALUE.I32, metadata.tensors),
      ];
      const tensors = [floatTensor(name, [2, 2], 10 * i)];
      writeFileSync(path.join(folder, partName(i + 1)), writer.file({ pairs, tensors }));
    });
    return folder;
  }

  async function shown(target: string): Promise<{ tensors: string[]; files: string[]; problems: string[] }> {
    const checkpoint = await openModel(target);
    for (const tensor of checkpoint.tensors) await checkpoint.read(tensor);
    await checkpoint.close();
    assert.equal(checkpoint.metadata['general.architecture'] ?? 'none', checkpoint.files.length > 1 ? 'llama' : 'none');
    return {
      tensors: checkpoint.tensors.map(({ name }) => name),
      files: checkpoint.files.map((file) => path.basename(file)),
      problems: checkpoint.problems.map(({ code, file }) => `${code} ${path.basename(file!)}`),
    };
  }

  const all = { tensors: ['a.weight', 'b.weight', 'c.weight'], files: [1, 2, 3].map((i) => partName(i)), problems: [] };

  it('are one checkpoint, opened from any of them or from their folder', async () => {
    const folder = parts();
    for (const target of [folder, ...[1, 2, 3].map((i) => path.join(folder, partName(i)))]) {
      assert.deepEqual(await shown(target), all, target);
    }
  });

  it('show the rest where one is missing or damaged, also the one that was asked for', async () => {
    const folder = parts();
    rmSync(path.join(folder, partName(2)));
    const rest = { tensors: ['a.weight', 'c.weight'], files: [partName(1), partName(3)] };
    for (const target of [folder, path.join(folder, partName(3))]) {
      assert.deepEqual(await shown(target), { ...rest, problems: [`missing-shard ${partName(2)}`] });
    }
    writeFileSync(path.join(folder, partName(2)), 'GGUF, but no more');
    assert.deepEqual(await shown(path.join(folder, partName(2))), { ...rest, problems: [`truncated ${partName(2)}`] });
  });

  it('are no checkpoint where none can be read', async () => {
    const folder = path.join(root, String(count++));
    mkdirSync(folder);
    writeFileSync(path.join(folder, partName(1)), 'GGUF, but no more');
    await assert.rejects(openModel(folder), { code: 'truncated' });
  });

  it('are told where metadata and names disagree', async () => {
    const problems = async (target: string): Promise<string[]> => {
      const checkpoint = await openModel(target);
      await checkpoint.close();
      return checkpoint.problems.map(({ message }) => message);
    };
    assert.match((await problems(parts({ count: 4, tensors: 3 })))[0]!, /one of 4 parts by its metadata, but of 3/);
    assert.match((await problems(parts({ count: 3, tensors: 5 })))[0]!, /promise 5 tensors, but the parts list 3/);
    const renamed = path.join(root, 'renamed.gguf');
    const pairs = [writer.pair('split.count', VALUE.U16, 2)];
    writeFileSync(renamed, writer.file({ pairs, tensors: [floatTensor('w', [1])] }));
    assert.match((await problems(renamed))[0]!, /one of 2 parts, and its name does not say/);
  });

  it('show the first of two tensors of one name', async () => {
    const folder = parts();
    writeFileSync(path.join(folder, partName(3)), writer.file({ tensors: [floatTensor('a.weight', [9])] }));
    const { tensors, problems } = await shown(folder);
    assert.deepEqual([tensors, problems], [['a.weight', 'b.weight'], [`malformed ${partName(3)}`]]);
  });

  it('are not believed in by the ten thousands', () => {
    assert.equal(partNames('m-00001-of-10000.gguf').length, 10_000);
    for (const name of ['m-00001-of-10001.gguf', 'm-00000-of-00002.gguf', 'm-00003-of-00002.gguf', 'm.gguf']) {
      assert.deepEqual(partNames(name), [name]);
    }
    assert.deepEqual(partNames('M-00001-OF-00002.GGUF'), ['M-00001-OF-00002.GGUF', 'M-00002-OF-00002.GGUF']);
  });
});
