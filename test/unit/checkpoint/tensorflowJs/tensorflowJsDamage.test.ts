/** TensorFlow.js models that are incomplete, or ask for more than there is. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tensorflowJsFormat } from '../../../../extension/checkpoint/tensorflowJs/tensorflowJs';
import { quickly } from '../../../harness/quick';
import { tensorflowJsModels, type Weight, floats } from '../../../harness/checkpoints/tensorflowJsModels';

describe('TensorFlow.js models that are damaged', () => {
  const { root, made, opened, usesOfFiles, shard, names, problems } = tensorflowJsModels();

  it('tells what is wrong with single weights', async () => {
    // How long one is that only its type or quantisation hides follows from the files, if nothing else is unknown.
    const typeless: [Partial<Weight>, string][] = [
      [{ dtype: 'float8' }, 'unsupported bad'],
      [{ quantization: { dtype: 'uint4', scale: 1, min: 0 } }, 'malformed bad'],
      [{ quantization: { dtype: 'uint8', scale: 'x', min: 0 } }, 'malformed bad'],
      [{ quantization: { dtype: 'uint8' } }, 'malformed bad'],
    ];
    for (const [change, problem] of typeless) {
      const weights = [floats('good', 2), { ...floats('bad', 2), ...change }, floats('after', 2, 5)];
      await opened(made(weights), async (checkpoint) => {
        assert.deepEqual(names(checkpoint), ['good', 'after'], JSON.stringify(change));
        assert.deepEqual(problems(checkpoint), [problem]);
        assert.deepEqual(await checkpoint.read(checkpoint.tensors[1]!), weights[2]!.bytes);
      });
    }
    const shapeless: Partial<Weight>[] = [{ shape: [-1] }, { shape: [2 ** 40, 2 ** 40] }, { shape: undefined }];
    const lost = [
      ...shapeless.map((change) => [{ ...floats('bad', 2), ...change }]),
      // Three elements cannot share eight bytes, and of two unknown lengths none is known.
      [{ ...floats('bad', 2), dtype: 'float8', shape: [3] }],
      [
        { ...floats('bad', 2), dtype: 'float8' },
        { ...floats('worse', 2), dtype: 'float9' },
      ],
    ];
    for (const wrong of lost) {
      await opened(made([floats('good', 2), ...wrong, floats('lost', 2)]), (checkpoint) => {
        assert.deepEqual(names(checkpoint), ['good'], JSON.stringify(wrong));
        assert.match(checkpoint.problems.at(-1)!.message, /1 tensor \(lost\) come after a weight of unknown length/);
      });
    }
    const quantisedBool: Weight = {
      name: 'bad',
      dtype: 'bool',
      shape: [3],
      bytes: new Uint8Array(3),
      quantization: { dtype: 'uint8', scale: 1, min: 0 },
    };
    await opened(made([quantisedBool, floats('found', 2)]), (checkpoint) => {
      assert.deepEqual([names(checkpoint), problems(checkpoint)], [['found'], ['unsupported bad']]);
    });
    await opened(made([floats('a', 1), floats('a', 2, 9)]), (checkpoint) => {
      assert.deepEqual([names(checkpoint), problems(checkpoint)], [['a'], ['malformed a']]);
      assert.equal(checkpoint.tensors[0]!.byteLength, 4);
    });
  });

  it('shows the weights outside a missing file, where equal files prove where they lie', async () => {
    const weights = Array.from({ length: 10 }, (_, i) => floats(`w${i}`, 2, i));
    const model = made(weights, 20);
    rmSync(shard(model, 2, 4));
    await opened(model, async (checkpoint) => {
      assert.deepEqual(names(checkpoint), ['w0', 'w1', 'w5', 'w6', 'w7', 'w8', 'w9']);
      assert.deepEqual(problems(checkpoint), ['missing-shard', 'truncated w2', 'truncated w3', 'truncated w4']);
      assert.deepEqual(await checkpoint.read(checkpoint.tensors[2]!), weights[5]!.bytes);
    });
    rmSync(shard(model, 1, 4));
    // One full file is left: nothing proves its size to be the common one.
    await opened(model, (checkpoint) => assert.deepEqual(names(checkpoint), []));
  });

  it('shows the weights outside a file cut short', async () => {
    const weights = Array.from({ length: 10 }, (_, i) => floats(`w${i}`, 2, i));
    for (const [number, lost] of [
      [2, ['w4']],
      [4, ['w9']],
    ] as const) {
      const model = made(weights, 20);
      truncateSync(shard(model, number, 4), 15);
      await opened(model, async (checkpoint) => {
        assert.deepEqual(
          problems(checkpoint),
          lost.map((name) => `truncated ${name}`),
        );
        for (const tensor of checkpoint.tensors) {
          assert.deepEqual(await checkpoint.read(tensor), weights[Number(tensor.name.slice(1))]!.bytes);
        }
      });
    }
  });

  it('tells of bytes that belong to no weight', async () => {
    const model = made([floats('a', 2), floats('b', 3)]);
    appendFileSync(shard(model, 2, 2), 'more');
    await opened(model, (checkpoint) => {
      assert.deepEqual(names(checkpoint), ['a', 'b']);
      assert.match(checkpoint.problems[0]!.message, /4 bytes of the weight files belong to no weight/);
    });
  });

  it('never leaves its folder', async () => {
    const folder = path.join(root, 'climbing');
    mkdirSync(folder);
    writeFileSync(path.join(root, 'outside.bin'), Buffer.alloc(8));
    for (const name of ['../outside.bin', path.join(root, 'outside.bin')]) {
      const manifest = [{ paths: [name], weights: [{ name: 'secret', shape: [2], dtype: 'float32' }] }];
      writeFileSync(path.join(folder, 'model.json'), JSON.stringify({ weightsManifest: manifest }));
      await opened(path.join(folder, 'model.json'), (checkpoint) => {
        assert.deepEqual([names(checkpoint), problems(checkpoint)], [[], ['malformed', 'truncated secret']]);
        assert.match(checkpoint.problems[0]!.message, /not a file beside it/);
      });
    }
  });

  it('asks once where its folder really is, however many groups there are', async () => {
    const folder = path.join(root, 'groups');
    mkdirSync(folder);
    const manifest = `[${'{"paths":[],"weights":[]},'.repeat(100_000)}{"paths":[],"weights":[]}]`;
    writeFileSync(path.join(folder, 'model.json'), `{"weightsManifest":${manifest}}`);
    await quickly(1000, () =>
      opened(path.join(folder, 'model.json'), ({ tensors }) => assert.equal(tensors.length, 0)),
    );
  });

  it('keeps a bounded part of texts without end, and says so', async () => {
    const folder = path.join(root, 'texts');
    mkdirSync(folder);
    const file = path.join(folder, 'model.json');
    const many = Array.from({ length: 20_000 }, (_, i) => `"k${i}":"v"`).join();
    for (const [texts, kept] of [
      [many, 10_000],
      [`"a":"short","b":"${'x'.repeat(2_000_000)}","c":"behind"`, 1],
    ] as const) {
      writeFileSync(file, `{${texts},"weightsManifest":[]}`);
      await opened(file, (checkpoint) => {
        assert.equal(Object.keys(checkpoint.metadata).length, kept);
        assert.deepEqual(problems(checkpoint), ['limit']);
        assert.match(checkpoint.problems[0]!.message, new RegExp(`only the ${kept} texts before`));
      });
    }
  });

  it('does not build what a manifest of millions of entries asks for, nor quote what is long', async () => {
    const folder = path.join(root, 'entries');
    mkdirSync(folder);
    const file = path.join(folder, 'model.json');
    writeFileSync(file, `{"weightsManifest":[{"paths":[],"weights":[${'{},'.repeat(1_500_000)}{}]}]}`);
    await assert.rejects(tensorflowJsFormat.open(file), { code: 'limit' });
    const long = JSON.stringify('x'.repeat(500_000));
    const weights = [
      `{"name":"type","shape":[2],"dtype":${long}}`,
      `{"name":"codes","shape":[2],"dtype":"float32","quantization":{"dtype":${long}}}`,
    ];
    writeFileSync(file, `{"weightsManifest":[{"paths":[${long.replace('x', '/')}],"weights":[${weights.join()}]}]}`);
    await opened(file, (checkpoint) => {
      assert.deepEqual(problems(checkpoint), ['malformed', 'unsupported type', 'malformed codes']);
      for (const { message } of checkpoint.problems) assert.ok(message.length < 1000);
    });
  });

  it('looks at a file once that is named ten thousand times, and tells once that it is missing', async () => {
    const folder = path.join(root, 'named');
    mkdirSync(folder);
    const file = path.join(folder, 'model.json');
    const paths = JSON.stringify(new Array<string>(5000).fill('a.bin'));
    const group = `{"paths":${paths},"weights":[]}`;
    writeFileSync(file, `{"weightsManifest":[${group},${group}]}`);
    await opened(file, (checkpoint) => assert.deepEqual(problems(checkpoint), ['missing-shard']));
    writeFileSync(path.join(folder, 'a.bin'), Buffer.alloc(4));
    const uses = await usesOfFiles(() => opened(file, ({ files }) => assert.equal(files.length, 2)));
    assert.ok(uses < 10, `${uses} times`);
  });

  it('steps over short texts near the end of the files by few reads', async () => {
    const words = (count: number): Weight => ({
      ...{ name: 'words', dtype: 'string', shape: [count], bytes: new Uint8Array(4 * count) },
    });
    const model = made([words(16_000), floats('behind', 1)], 100_000);
    const uses = await usesOfFiles(() =>
      opened(model, (checkpoint) => assert.deepEqual(names(checkpoint), ['behind'])),
    );
    assert.ok(uses < 100, `${uses} times`);
  });

  it('does not walk the same texts again and again', async () => {
    const model = made(
      [{ name: 'words', dtype: 'string', shape: [2_500_000], bytes: new Uint8Array(10_000_000) }],
      1e8,
    );
    const weights = [
      { name: 'words', dtype: 'string', shape: [2_499_999] },
      { name: 'last', dtype: 'float32', shape: [1] },
    ];
    const group = { paths: ['group1-shard1of1.bin'], weights };
    writeFileSync(model, JSON.stringify({ weightsManifest: new Array<unknown>(6).fill(group) }));
    await opened(model, (checkpoint) => {
      const lost = checkpoint.problems.filter(({ message }) => message.includes('after a weight of unknown length'));
      assert.deepEqual([names(checkpoint), lost.length], [['last'], 3]);
    });
  });

  it('refuses JSON that is no model, with the byte where it is no JSON', async () => {
    let files = 0;
    const rejects = (text: string, expected: object): Promise<void> => {
      const file = path.join(root, `no${files++}.json`);
      writeFileSync(file, text);
      return assert.rejects(tensorflowJsFormat.open(file), expected);
    };
    await rejects('{"modelTopology": {}}', { code: 'unknown-format', message: /"weightsManifest"/ });
    await rejects('[]', { code: 'unknown-format' });
    await rejects('', { code: 'unknown-format' });
    await rejects('{"weightsManifest": [', { code: 'malformed', message: /byte 20/ });
    await rejects('{"weightsManifest": {}}', { code: 'malformed', message: /not a list/ });
    await rejects('{"weightsManifest": [null]}', { code: 'malformed', message: /group 0/ });
    await rejects('{"weightsManifest": [{"paths": [7], "weights": []}]}', { code: 'malformed', message: /"paths"/ });
    await rejects(`{"modelTopology": ${'['.repeat(200_000)}`, { code: 'malformed', message: /deeper than/ });
  });
});
