/** PyTorch checkpoints in shards, written by PyTorch (`test/unit/checkpoint/pytorch/torchFolderFixtures.py`) and damaged here. */
import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { MAX_IDLE_FILES } from '../../../../extension/checkpoint/files/fileSet';
import { openModel } from '../../../../extension/checkpoint/openModel';
import * as p from '../../../harness/checkpoints/pickleWriter';
import { namesOf, readHex, torchZip } from '../../../harness/checkpoints/torchFiles';
import { layTorchFolder, torchFolders } from '../../../harness/checkpoints/torchFolders';
import { temporaryFolder } from '../../../harness/temporaryFolder';

const INDEX = 'pytorch_model.bin.index.json';
const SHARDS = [1, 2, 3].map((number) => `pytorch_model-0000${number}-of-00003.bin`);
const expected = torchFolders.sharded!.tensors;

describe('PyTorch in shards', () => {
  const root = temporaryFolder();
  let count = 0;

  function laid(): string {
    const folder = path.join(root, `model${count++}`);
    layTorchFolder('sharded', folder);
    return folder;
  }

  async function opened<T>(target: string, check: (checkpoint: Checkpoint) => T | Promise<T>): Promise<T> {
    const checkpoint = await openModel(target);
    try {
      return await check(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  function changeIndex(folder: string, change: (weightMap: Record<string, string>) => void): void {
    const file = path.join(folder, INDEX);
    const index = JSON.parse(readFileSync(file, 'utf8')) as { weight_map: Record<string, string> };
    change(index.weight_map);
    writeFileSync(file, JSON.stringify(index));
  }

  const problemsOf = ({ problems }: Checkpoint): string[] =>
    problems.map(({ code, tensor }) => [code, tensor].filter(Boolean).join(' '));

  for (const [what, target] of [
    ['its index', INDEX],
    ['its folder', '.'],
  ] as const) {
    it(`opened by ${what}: names, shapes and values of every shard, whichever format it has`, () =>
      opened(path.join(laid(), target), async (checkpoint) => {
        assert.deepEqual(checkpoint.problems, []);
        assert.equal(checkpoint.format, 'pytorch');
        assert.deepEqual(
          checkpoint.files.map((file) => path.basename(file)),
          [INDEX, ...SHARDS],
        );
        assert.equal(checkpoint.metadata.total_size, '154');
        assert.deepEqual(namesOf(checkpoint), Object.keys(expected));
        for (const tensor of checkpoint.tensors) {
          assert.deepEqual(tensor.shape, expected[tensor.name]!.shape, tensor.name);
          assert.equal(await readHex(checkpoint, tensor.name), expected[tensor.name]!.bytes, tensor.name);
        }
        const rows = await readHex(checkpoint, 'layer.0.weight', { start: 2, end: 4 });
        assert.equal(rows, expected['layer.0.weight']!.bytes.slice(2 * 24, 4 * 24));
      }));
  }

  it('tells which tensors of a shard share their bytes', () =>
    opened(laid(), ({ tensors }) => {
      const shared = tensors.flatMap(({ name, sharedWith }) => (sharedWith === undefined ? [] : [[name, sharedWith]]));
      assert.deepEqual(shared, [['head.weight', 'embed.weight']]);
    }));

  it('does not call a tensor shared with one of its shard that another shard’s was taken for', async () => {
    const folder = laid();
    const root = p.pickle(p.dict(['embed.weight', p.tensor({ shape: [2] })]));
    writeFileSync(path.join(folder, SHARDS[1]!), torchZip(root, { 0: p.ramp(2) }));
    changeIndex(folder, (map) => (map['embed.weight'] = SHARDS[1]!));
    await opened(folder, async (checkpoint) => {
      const head = checkpoint.tensors.find(({ name }) => name === 'head.weight')!;
      assert.equal(head.sharedWith, undefined);
      assert.equal(await readHex(checkpoint, 'embed.weight'), p.ramp(2).toString('hex'));
      assert.match(checkpoint.problems[0]!.message, /tensor embed\.weight.*is in two shards/);
    });
  });

  it('shows the other shards where one is missing, damaged or no checkpoint, and says what that costs', async () => {
    const folder = laid();
    rmSync(path.join(folder, SHARDS[0]!));
    await opened(folder, (checkpoint) => {
      assert.deepEqual(namesOf(checkpoint), ['layer.0.weight', 'layer.0.bias', 'layer.1.weight']);
      assert.deepEqual(problemsOf(checkpoint), ['missing-shard']);
      const message = /00001-of-00003\.bin: the shard is missing, so 2 tensors \(embed\.weight, head\.weight\) cannot/;
      assert.match(checkpoint.problems[0]!.message, message);
    });
    writeFileSync(path.join(folder, SHARDS[0]!), 'no checkpoint at all');
    await opened(folder, (checkpoint) => assert.deepEqual(problemsOf(checkpoint), ['unknown-format']));
    const last = path.join(folder, SHARDS[2]!);
    truncateSync(last, readFileSync(last).length - 1);
    await opened(folder, (checkpoint) => {
      assert.deepEqual(namesOf(checkpoint), ['layer.0.weight', 'layer.0.bias']);
      assert.deepEqual(problemsOf(checkpoint), ['unknown-format', 'truncated layer.1.weight']);
    });
  });

  it('cut at any byte, a shard costs its own tensors at most', async () => {
    const folder = laid();
    const last = path.join(folder, SHARDS[2]!);
    const whole = readFileSync(last);
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(last, whole.subarray(0, length));
      await opened(folder, (checkpoint) => {
        assert.equal(checkpoint.tensors.length, 4, `${length} bytes`);
        assert.ok(checkpoint.problems.length > 0, `${length} bytes`);
      });
    }
  });

  it('fails where no shard is there', async () => {
    const folder = laid();
    for (const name of SHARDS) rmSync(path.join(folder, name));
    await assert.rejects(openModel(folder), { code: 'missing-shard' });
  });

  it('never leaves its folder', async () => {
    const folder = laid();
    const outside = path.join(root, 'outside.bin');
    writeFileSync(outside, readFileSync(path.join(folder, SHARDS[0]!)));
    const names = ['../outside.bin', outside, 'x/../../outside.bin', '..\\outside.bin', 'C:x.bin'];
    changeIndex(folder, (map) => names.forEach((name, i) => (map[`secret${i}`] = name)));
    await opened(folder, (checkpoint) => {
      assert.deepEqual(namesOf(checkpoint), Object.keys(expected));
      assert.deepEqual(
        problemsOf(checkpoint),
        names.map(() => 'malformed'),
      );
      for (const { message } of checkpoint.problems) assert.match(message, /not a file beside it.*cannot be shown/);
    });
  });

  it('notices a shard that was replaced, and still reads the others', async () => {
    const folder = laid();
    await opened(folder, async (checkpoint) => {
      appendFileSync(path.join(folder, SHARDS[0]!), 'x');
      const [embed, , layer] = checkpoint.tensors;
      await assert.rejects(checkpoint.read(embed!), { code: 'changed', message: /00001-of-00003/ });
      assert.ok((await checkpoint.read(layer!)).length > 0);
    });
  });

  it('reads 40 shards back and forth with few files open', async () => {
    const folder = path.join(root, 'many');
    layTorchFolder('sharded', folder);
    const names = Array.from({ length: 40 }, (_, i) => `s-${i}.bin`);
    for (const [i, name] of names.entries()) {
      const root = p.pickle(p.dict([`t${i}`, p.tensor({ shape: [i + 1] })]));
      writeFileSync(path.join(folder, name), torchZip(root, { 0: p.ramp(i + 1) }));
    }
    const map = Object.fromEntries(names.map((name, i) => [`t${i}`, name]));
    writeFileSync(path.join(folder, INDEX), JSON.stringify({ weight_map: map }));
    await opened(folder, async (checkpoint) => {
      for (const tensor of [...checkpoint.tensors, ...checkpoint.tensors.toReversed()]) {
        assert.equal((await checkpoint.read(tensor)).length, tensor.byteLength);
        // The kernel's own list of this process's open files, where it has one.
        if (process.platform !== 'linux') continue;
        const open = readdirSync('/proc/self/fd').length;
        assert.ok(open < MAX_IDLE_FILES + 40, `${open} descriptors`);
      }
    });
  });

  it('prefers safetensors where a folder holds both', async () => {
    const folder = laid();
    writeFileSync(path.join(folder, 'model.safetensors.index.json'), '{"weight_map": {"x": "model-1.safetensors"}}');
    await assert.rejects(openModel(folder), { code: 'missing-shard', message: /model-1\.safetensors/ });
  });

  it('puts shards without an index together', async () => {
    const folder = laid();
    rmSync(path.join(folder, INDEX));
    rmSync(path.join(folder, SHARDS[1]!));
    await opened(folder, (checkpoint) => {
      assert.deepEqual(namesOf(checkpoint), ['embed.weight', 'head.weight', 'layer.1.weight']);
      assert.deepEqual(problemsOf(checkpoint), ['missing-shard']);
    });
  });
});
