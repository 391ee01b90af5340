import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { openShardSet, shardedFormat } from '../../../../extension/checkpoint/folders/shardedCheckpoint';
import { MAX_IDLE_FILES } from '../../../../extension/checkpoint/files/fileSet';
import { siblingPath } from '../../../../extension/checkpoint/files/siblingPath';
import { makeLlama7b } from '../../../harness/checkpoints/madeCheckpoints';
import { ramp, safetensorsBytes, writeSharded } from '../../../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { quickly } from '../../../harness/quick';

describe('sharded safetensors', () => {
  const root = temporaryFolder();
  let count = 0;
  const fresh = (): string => path.join(root, `model${count++}`);
  const shards = { 'a-1.safetensors': [ramp('x', [2]), ramp('y', [3], 10)], 'a-2.safetensors': [ramp('z', [1], 20)] };

  async function opened<T>(index: string, check: (checkpoint: Checkpoint) => T | Promise<T>): Promise<T> {
    const checkpoint = await shardedFormat.open(index);
    try {
      return await check(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  const names = (checkpoint: Checkpoint): string[] => checkpoint.tensors.map(({ name }) => name);

  /** First element of every tensor. */
  async function firsts(checkpoint: Checkpoint): Promise<Record<string, number>> {
    const values: Record<string, number> = {};
    for (const tensor of checkpoint.tensors) {
      values[tensor.name] = new Float32Array((await checkpoint.read(tensor)).slice().buffer)[0]!;
    }
    return values;
  }

  it('shows the tensors of all shards in the shards’ order, and reads each from its own', async () => {
    const folder = fresh();
    const index = writeSharded(folder, shards, { metadata: { total_size: 24, note: 'n' } });
    await opened(index, async (checkpoint) => {
      assert.equal(checkpoint.format, 'safetensors');
      assert.equal(checkpoint.path, index);
      assert.deepEqual(checkpoint.files, [
        index,
        path.join(folder, 'a-1.safetensors'),
        path.join(folder, 'a-2.safetensors'),
      ]);
      assert.equal(checkpoint.weightFiles, 2, 'the index holds none');
      assert.deepEqual(checkpoint.metadata, { total_size: '24', note: 'n', format: 'pt' });
      assert.deepEqual(checkpoint.problems, []);
      assert.deepEqual(names(checkpoint), ['x', 'y', 'z']);
      assert.deepEqual(await firsts(checkpoint), { x: 0.5, y: 10.5, z: 20.5 });
    });
  });

  it('sorts shards by their number, not by their letters', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 11 }, (_, i) => [`s-${i + 1}.safetensors`, [ramp(`t${i + 1}`, [1], i)]]),
    );
    await opened(writeSharded(fresh(), many), (checkpoint) => {
      assert.deepEqual(
        names(checkpoint),
        Array.from({ length: 11 }, (_, i) => `t${i + 1}`),
      );
    });
  });

  it('reads 40 shards back and forth with few files open', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`s-${i}.safetensors`, [ramp(`t${i}`, [1], i)]]),
    );
    await opened(writeSharded(fresh(), many), async (checkpoint) => {
      for (const tensor of [...checkpoint.tensors, ...checkpoint.tensors.toReversed()]) {
        const [value] = new Float32Array((await checkpoint.read(tensor)).slice().buffer);
        assert.equal(`t${value! - 0.5}`, tensor.name);
        // The kernel's own list of this process's open files, where it has one.
        if (process.platform === 'linux') {
          const links = readdirSync('/proc/self/fd').length;
          assert.ok(links < MAX_IDLE_FILES + 40, `${links} descriptors`);
        }
      }
    });
  });

  it('shows the other shards’ tensors where one is missing, and says how many that costs', async () => {
    const index = writeSharded(fresh(), shards, { omit: ['a-1.safetensors'] });
    await opened(index, (checkpoint) => {
      assert.deepEqual(names(checkpoint), ['z']);
      assert.equal(checkpoint.files.length, 2);
      const [problem, ...others] = checkpoint.problems;
      assert.deepEqual(others, []);
      assert.equal(problem!.code, 'missing-shard');
      assert.match(problem!.message, /a-1\.safetensors: .*missing.*2 tensors \(x, y\) cannot be shown/);
    });
  });

  it('shows what it can of damaged shards', async () => {
    const folder = fresh();
    const index = writeSharded(folder, { ...shards, 'a-3.safetensors': [ramp('w', [1])] });
    truncateSync(
      path.join(folder, 'a-1.safetensors'),
      safetensorsBytes(shards['a-1.safetensors'], { format: 'pt' }).length - 4,
    );
    writeFileSync(path.join(folder, 'a-3.safetensors'), 'garbage, and no header');
    await opened(index, (checkpoint) => {
      assert.deepEqual(names(checkpoint), ['x', 'z']);
      assert.deepEqual(
        checkpoint.problems.map(({ code, tensor }) => [code, tensor]),
        [
          ['truncated', 'y'],
          ['unknown-format', undefined],
        ],
      );
      assert.match(checkpoint.problems[1]!.message, /1 tensor \(w\)/);
    });
  });

  it('fails where no shard can be read', async () => {
    const index = writeSharded(fresh(), shards, { omit: Object.keys(shards) });
    await assert.rejects(shardedFormat.open(index), { code: 'missing-shard', message: /a-1\.safetensors/ });
    const empty = path.join(root, 'empty.safetensors.index.json');
    writeFileSync(empty, '{"weight_map": {}}');
    await assert.rejects(shardedFormat.open(empty), { code: 'malformed', message: /no shard/ });
  });

  it('lets the index decide between two tensors of one name', async () => {
    const twice = {
      'a-1.safetensors': [ramp('x', [1], 1), ramp('y', [1], 2)],
      'a-2.safetensors': [ramp('x', [1], 3), ramp('y', [1], 4)],
    };
    const index = writeSharded(fresh(), twice, { weightMap: { x: 'a-1.safetensors', y: 'a-2.safetensors' } });
    await opened(index, async (checkpoint) => {
      assert.deepEqual(await firsts(checkpoint), { x: 1.5, y: 4.5 });
      assert.deepEqual(
        checkpoint.problems.map(({ code, tensor }) => [code, tensor]),
        [
          ['malformed', 'x'],
          ['malformed', 'y'],
        ],
      );
      assert.match(checkpoint.problems[0]!.message, /a-1\.safetensors and a-2\.safetensors, and the one in a-1/);
      assert.match(checkpoint.problems[1]!.message, /the one in a-2/);
    });
  });

  it('tells where index and shards disagree, and shows what is stored', async () => {
    const more = { ...shards, 'a-1.safetensors': [...shards['a-1.safetensors'], ramp('v', [1])] };
    const index = writeSharded(fresh(), more, {
      weightMap: { x: 'a-2.safetensors', ghost: 'a-2.safetensors', y: undefined, number: 7 },
    });
    await opened(index, (checkpoint) => {
      assert.deepEqual(names(checkpoint), ['x', 'y', 'v', 'z']);
      const messages = checkpoint.problems.map(({ message }) => message.replace(index, ''));
      assert.equal(messages.length, 4, messages.join('\n'));
      assert.match(messages[0]!, /tensor number.*names no file/);
      assert.match(messages[1]!, /does not name 1 tensor \(y\)/);
      assert.match(messages[2]!, /places 1 tensor \(x\) in other shards/);
      assert.match(messages[3]!, /tensor ghost.*is not in a-2\.safetensors/);
    });
  });

  it('never leaves its folder', async () => {
    const folder = fresh();
    writeFileSync(path.join(root, 'outside.safetensors'), safetensorsBytes([ramp('secret', [1])]));
    const outside = [
      '../outside.safetensors',
      path.join(root, 'outside.safetensors'),
      'sub/../../outside.safetensors',
      '..\\outside.safetensors',
      'C:x',
      '',
      '.',
      'a\u0000b',
    ];
    const weightMap = Object.fromEntries(outside.map((name, i) => [`secret${i}`, name]));
    const index = writeSharded(folder, shards, { weightMap });
    await opened(index, (checkpoint) => {
      assert.deepEqual(names(checkpoint), ['x', 'y', 'z']);
      assert.equal(checkpoint.files.length, 3);
      assert.deepEqual(
        checkpoint.problems.map(({ code }) => code),
        outside.map(() => 'malformed'),
      );
      for (const { message } of checkpoint.problems) assert.match(message, /not a file beside it.*cannot be shown/);
    });
  });

  it('refuses an index that is none', async () => {
    const write = (text: string): string => {
      const file = path.join(root, `index${count++}.safetensors.index.json`);
      writeFileSync(file, text);
      return file;
    };
    const rejects = (text: string, expected: object): Promise<void> =>
      assert.rejects(shardedFormat.open(write(text)), expected);
    await rejects('{"metadata": {}}', { code: 'malformed', message: /"weight_map"/ });
    await rejects('{"weight_map": 7}', { code: 'malformed', message: /"weight_map"/ });
    await rejects('{"weight_map": {"a": "b", }}', { code: 'malformed', message: /byte 26: the index is not JSON/ });
    await rejects('[]', { code: 'unknown-format' });
    await rejects('', { code: 'unknown-format' });
  });

  it('takes an index with a byte order mark, and one whose tensors are listed twice', async () => {
    const folder = fresh();
    const index = writeSharded(folder, shards);
    writeFileSync(
      index,
      '\uFEFF{"weight_map": {"x": "a-1.safetensors", "y": "a-1.safetensors", "z": "a-2.safetensors", "z": "a-1.safetensors"}}',
    );
    await opened(index, (checkpoint) => {
      assert.deepEqual(names(checkpoint), ['x', 'y', 'z']);
      assert.match(
        checkpoint.problems[0]!.message,
        /tensor z, byte \d+: the index places it in a-2.safetensors and in a-1.safetensors/,
      );
    });
  });

  it('opens shards without an index, missing ones told', async () => {
    const folder = fresh();
    writeSharded(folder, shards);
    const checkpoint = await openShardSet(folder, ['a-1.safetensors', 'a-2.safetensors', 'a-3.safetensors']);
    assert.deepEqual(names(checkpoint), ['x', 'y', 'z']);
    assert.deepEqual(
      checkpoint.problems.map(({ code }) => code),
      ['missing-shard'],
    );
    assert.equal(checkpoint.path, folder);
    await checkpoint.close();
  });

  it('notices a shard that was replaced, and still reads the others', async () => {
    const folder = fresh();
    await opened(writeSharded(folder, shards), async (checkpoint) => {
      appendFileSync(path.join(folder, 'a-1.safetensors'), 'x');
      const [x, , z] = checkpoint.tensors;
      await assert.rejects(checkpoint.read(x!), { code: 'changed', message: /a-1/ });
      assert.equal((await checkpoint.read(z!)).length, 4);
      rmSync(path.join(folder, 'a-2.safetensors'));
      await assert.rejects(checkpoint.read(z!), { code: 'changed', message: /removed/ });
    });
  });

  it('stops when it is told to', async () => {
    const index = writeSharded(fresh(), shards);
    await assert.rejects(shardedFormat.open(index, AbortSignal.abort()), { name: 'AbortError' });
    await opened(index, (checkpoint) =>
      assert.rejects(checkpoint.read(checkpoint.tensors[0]!, undefined, AbortSignal.abort()), { name: 'AbortError' }),
    );
  });

  it('opens LLaMA-7B’s 291 tensors in 33 shards in under 0.3 s', async () => {
    const index = makeLlama7b(path.join(root, 'llama'), 33);
    await quickly(300, () =>
      opened(index, (checkpoint) => {
        assert.equal(checkpoint.tensors.length, 291);
        assert.deepEqual(checkpoint.problems, []);
      }),
    );
  });

  it('is recognised by its content', () => {
    const matches = (text: string): boolean => shardedFormat.matches('any', Buffer.from(text));
    assert.ok(matches('\uFEFF \n{ "metadata": {}, "weight_map": {'));
    assert.ok(!matches('["weight_map"]'));
    assert.ok(!matches('{"modelTopology": {}}'));
  });
});

describe('names of neighbouring files', () => {
  it('stay in their folder or below it', () => {
    const folder = path.resolve('some/folder');
    assert.equal(siblingPath(folder, 'a.bin'), path.join(folder, 'a.bin'));
    assert.equal(siblingPath(folder, 'sub/a.bin'), path.join(folder, 'sub', 'a.bin'));
    assert.equal(siblingPath(folder, './a..b'), path.join(folder, 'a..b'));
    for (const name of [
      '',
      '.',
      './',
      '..',
      '../a',
      'a/../../b',
      'a/..',
      '/etc/passwd',
      '//host/share',
      'C:\\x',
      'c:x',
      '..\\a',
      'a\nb',
      'a\u0000',
      // Windows takes dots and spaces off the end.
      '.. ',
      'a/.. /b',
      '... ',
      ' ',
    ]) {
      assert.equal(siblingPath(folder, name), undefined, JSON.stringify(name));
    }
  });
});
