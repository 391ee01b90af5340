import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CheckpointError } from '../../../extension/checkpoint/checkpointError';
import { formats, openModel } from '../../../extension/checkpoint/openModel';
import { CHECKPOINT_ENDINGS } from '../../../extension/shared/names/checkpointNames';
import { LOOKED_FOR } from '../../../extension/shared/names/folderMeaning';
import * as p from '../../harness/checkpoints/pickleWriter';
import { writeFiles } from '../../harness/checkpoints/pipelineFixture';
import { repositoryRoot, sharedFolder } from '../../harness/shared';
import { ramp, safetensorsBytes, writeSharded } from '../../harness/checkpoints/safetensorsFixtures';
import { torchZip } from '../../harness/checkpoints/torchFiles';
import { temporaryFolder } from '../../harness/temporaryFolder';

const weights = safetensorsBytes([ramp('w', [2])]);
const model = JSON.stringify({
  modelTopology: {},
  weightsManifest: [{ paths: ['w.bin'], weights: [{ name: 'w', shape: [2], dtype: 'float32' }] }],
});

describe('opening a checkpoint of unknown format', () => {
  const root = temporaryFolder();
  let count = 0;

  /** A folder of these files. */
  function folder(files: Readonly<Record<string, string | Uint8Array>>): string {
    const made = path.join(root, `folder${count++}`);
    mkdirSync(made);
    for (const [name, content] of Object.entries(files)) writeFileSync(path.join(made, name), content);
    return made;
  }

  /** What it was opened as: format and the path relative to where it was looked for. */
  async function opened(target: string, from = target): Promise<[string, string, string[]]> {
    const checkpoint = await openModel(target);
    const names = checkpoint.tensors.map(({ name }) => name);
    await checkpoint.close();
    return [checkpoint.format, path.relative(from, checkpoint.path), names];
  }

  const file = (name: string, content: string | Uint8Array): string => path.join(folder({ [name]: content }), name);

  it('goes by the content where the name lies or says nothing', async () => {
    for (const name of [
      'model.safetensors',
      'pytorch_model.bin',
      'model.onnx',
      'model.json',
      'weights',
      'x.safetensors.index.json',
    ]) {
      assert.deepEqual(await opened(file(name, weights)), ['safetensors', '', ['w']], name);
    }
    const renamed = folder({ 'renamed.txt': model, 'w.bin': new Uint8Array(8) });
    assert.deepEqual(await opened(path.join(renamed, 'renamed.txt')), ['tensorflow.js', '', ['w']]);
  });

  it('goes by the name where the content is damaged, so that the error says what is wrong', async () => {
    const cut = weights.subarray(0, 20);
    await assert.rejects(openModel(file('a.safetensors', cut)), {
      code: 'truncated',
      message: /header of \d+ bytes/,
    });
    await assert.rejects(openModel(file('A.SAFETENSORS', '\x01'.repeat(20))), {
      code: 'unknown-format',
      message: /safetensors/,
    });
    await assert.rejects(openModel(file('model.json', '{"a": 1}')), {
      code: 'unknown-format',
      message: /weightsManifest/,
    });
    await assert.rejects(openModel(file('x.safetensors.index.json', '{"a": 1}')), {
      code: 'malformed',
      message: /weight_map/,
    });
  });

  it('says which formats it knows', async () => {
    const known = new RegExp([...new Set(formats.map(({ name }) => name.replace('.', '\\.')))].join(', '));
    await assert.rejects(openModel(file('README.md', '# no weights')), { code: 'unknown-format', message: known });
    const json = path.join(repositoryRoot, 'package.json');
    await assert.rejects(openModel(json), { code: 'unknown-format', message: known });
    await assert.rejects(openModel(json), /open the weights beside it, or its folder$/);
  });

  it('recognises what stands in for weights', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n';
    await assert.rejects(openModel(file('model.safetensors', pointer)), {
      code: 'text-file',
      message: /git lfs pull/,
    });
    await assert.rejects(openModel(file('model.safetensors', '')), { code: 'truncated', message: /is empty/ });
  });

  it('says what is not there', async () => {
    await assert.rejects(openModel(path.join(root, 'nothing')), { code: 'not-found' });
    await assert.rejects(openModel(path.join(file('a', 'x'), 'below')), { code: 'not-found' });
  });

  it('stops when it is told to', async () => {
    await assert.rejects(openModel(file('a.safetensors', weights), AbortSignal.abort()), { name: 'AbortError' });
  });

  describe('in a folder', () => {
    it('finds the names that model repositories use', async () => {
      const other = {
        'config.json': '{}',
        'tokenizer.model': 'x',
        'README.md': '#',
        'tokenizer_model.json': '{}',
        'training_args.bin': 'x',
      };
      const found = async (files: Record<string, string | Uint8Array>): Promise<string> => {
        const [, name] = await opened(folder({ ...other, ...files }));
        return name;
      };
      assert.equal(await found({ 'model.safetensors': weights }), 'model.safetensors');
      assert.equal(
        await found({ 'model.safetensors': weights, 'pytorch_model.bin': 'x', 'model.onnx': 'x' }),
        'model.safetensors',
      );
      assert.equal(await found({ 'model.json': model, 'w.bin': new Uint8Array(8) }), 'model.json');
      assert.equal(
        await found({ 'adapter_model.safetensors': weights, 'optimizer.pt': 'x' }),
        'adapter_model.safetensors',
      );
    });

    it('takes the only file with a known ending', async () => {
      assert.deepEqual(
        (await opened(folder({ 'notes.txt': 'x', 'v1-5.safetensors': weights })))[1],
        'v1-5.safetensors',
      );
    });

    it('prefers an index of shards to what lies beside it', async () => {
      const made = folder({ 'consolidated.safetensors': weights, 'pytorch_model.bin': 'x' });
      writeSharded(made, {
        'model-00001-of-00002.safetensors': [ramp('a', [1])],
        'model-00002-of-00002.safetensors': [ramp('b', [1])],
      });
      assert.deepEqual(await opened(made), ['safetensors', 'model.safetensors.index.json', ['a', 'b']]);
    });

    // Windows asks for a privilege to make links.
    if (process.platform !== 'win32') {
      it('follows symbolic links, which download caches consist of', async () => {
        const made = folder({});
        symlinkSync(file('blob', weights), path.join(made, 'model.safetensors'));
        assert.deepEqual(await opened(made), ['safetensors', 'model.safetensors', ['w']]);
      });
    }

    it('puts shards without an index together, and tells which are missing', async () => {
      const shard = (name: string): Buffer => safetensorsBytes([ramp(name, [1])]);
      const made = folder({ 'm-00003-of-00003.safetensors': shard('c'), 'm-00001-of-00003.safetensors': shard('a') });
      const checkpoint = await openModel(made);
      assert.deepEqual(
        checkpoint.tensors.map(({ name }) => name),
        ['a', 'c'],
      );
      assert.deepEqual(
        checkpoint.problems.map(({ code, file: place }) => [code, path.basename(place!)]),
        [['missing-shard', 'm-00002-of-00003.safetensors']],
      );
      await checkpoint.close();
    });

    it('opens one shard as just that file', async () => {
      const made = folder({});
      writeSharded(made, {
        'model-00001-of-00002.safetensors': [ramp('a', [1])],
        'model-00002-of-00002.safetensors': [ramp('b', [1])],
      });
      const target = path.join(made, 'model-00002-of-00002.safetensors');
      assert.deepEqual(await opened(target, made), ['safetensors', 'model-00002-of-00002.safetensors', ['b']]);
    });

    it('asks which one where there are several', async () => {
      const several: Record<string, Uint8Array>[] = [
        { 'a.safetensors': weights, 'b.safetensors': weights },
        { 'm-00001-of-00002.safetensors': weights, 'n-00001-of-00002.safetensors': weights },
        { 'a.safetensors': weights, 'b.pt': weights },
      ];
      for (const files of several) {
        const message = new RegExp(Object.keys(files).join(', '));
        await assert.rejects(openModel(folder(files)), { code: 'ambiguous', message });
      }
      const indexes = { 'a.safetensors.index.json': '{}', 'b.safetensors.index.json': '{}' };
      await assert.rejects(openModel(folder(indexes)), {
        code: 'ambiguous',
        message: /a\.safetensors\.index\.json, b/,
      });
    });

    it('recognises what Orbax wrote, and says what to do', async () => {
      for (const name of ['_METADATA', 'manifest.ocdbt', '_CHECKPOINT_METADATA']) {
        await assert.rejects(openModel(folder({ [name]: '{}', _sharding: '{}' })), {
          code: 'unsupported',
          message: /Orbax.*flax\.serialization\.to_bytes/,
        });
      }
      assert.equal((await opened(folder({ _METADATA: '{}', 'model.safetensors': weights })))[0], 'safetensors');
      await assert.rejects(openModel(file('manifest.ocdbt', 'x')), { code: 'unsupported', message: /Orbax/ });
      // A run of several steps.
      const run = writeFiles(folder({}), { '0/_CHECKPOINT_METADATA': '{}', '100/_CHECKPOINT_METADATA': '{}' });
      await assert.rejects(openModel(run), { code: 'unsupported', message: /[\\/]0: is an Orbax checkpoint/ });
    });

    it('names the folders within that hold one, where it holds none itself', async () => {
      const run = writeFiles(folder({}), {
        'notes/README.md': '#',
        'step-2/model.safetensors': weights,
        'step-1/a.pt': 'x',
        'step-1/b.pt': 'x',
        'step-3/_METADATA': '{}',
        'models--me--net/refs/main': 'c0ffee',
        'models--me--net/snapshots/c0ffee/model.safetensors': weights,
        'deep/er/model.safetensors': weights,
      });
      await assert.rejects(openModel(run), {
        code: 'not-found',
        message: /holds no checkpoint itself, but folders with one \(models--me--net, step-1, step-2\); open one/,
      });
    });

    it('recognises what DeepSpeed wrote, and says what to do', async () => {
      const optimizer = 'bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt';
      const model = 'mp_rank_00_model_states.pt';
      const refused = (files: readonly string[], message: RegExp): Promise<void> =>
        assert.rejects(openModel(folder(Object.fromEntries(files.map((name) => [name, 'x'])))), {
          code: 'unsupported',
          message,
        });
      await refused([optimizer, model], /DeepSpeed.*"python zero_to_fp32\.py .*, or open mp_rank_00_model_states\.pt/);
      const stage3 = 'zero_pp_rank_0_mp_rank_00_model_states.pt';
      await refused([optimizer, stage3], /DeepSpeed.*zero_to_fp32\.py \. pytorch_model\.bin"\)$/);
      await refused(['latest', 'zero_to_fp32.py', 'rng_state.pth'], /DeepSpeed.*zero_to_fp32\.py/);
      // A model that was put together lies beside them.
      const whole = folder({ latest: 'global_step1', 'zero_to_fp32.py': '#', 'model.safetensors': weights });
      assert.equal((await opened(whole))[0], 'safetensors');
      const made = torchZip(p.pickle(p.dict(['fp32', p.tensor({ shape: [2] })])), { 0: p.ramp(2) });
      for (const name of [optimizer, stage3]) {
        const checkpoint = await openModel(file(name, made));
        assert.equal(checkpoint.tensors.length, 1);
        assert.equal(checkpoint.problems[0]!.code, 'missing-shard');
        assert.match(checkpoint.problems[0]!.message, /one rank's part of a DeepSpeed checkpoint.*zero_to_fp32/);
        await checkpoint.close();
      }
      const plain = await openModel(file(model, made));
      assert.deepEqual(plain.problems, []);
      await plain.close();
    });

    it('says what it looked for where there is none', async () => {
      await assert.rejects(openModel(folder({ 'README.md': '#' })), {
        code: 'not-found',
        message: /model\.safetensors.*\*\.onnx/,
      });
      assert.equal(new Set(LOOKED_FOR).size, LOOKED_FOR.length, 'each name once');
      mkdirSync(path.join(root, 'only-folders/model.safetensors'), { recursive: true });
      await assert.rejects(openModel(path.join(root, 'only-folders')), { code: 'not-found' });
    });
  });
});

describe('the list of formats', () => {
  it('tells errors with the beginning and the end of names of any length, and the whole path', () => {
    const long = (letter: string): string => `begin-${letter.repeat(5000)}-end`;
    const file = `/${'folder/'.repeat(60)}model.safetensors`;
    const reason = `is in two shards, ${long('b')} and ${long('c')}, and the one in short is shown`;
    const { message } = new CheckpointError('malformed', reason, { file, tensor: long('a') });
    assert.ok(message.length < file.length + 1000, `${message.length} characters`);
    assert.ok(message.startsWith(`${file}, tensor begin-aaa`));
    assert.match(
      message,
      /a…a+-end: is in two shards, begin-b+…b+-end and begin-c+…c+-end, and the one in short is shown; /,
    );
  });

  it('has the suffixes of every format', () => {
    for (const suffix of [
      '.safetensors',
      '.safetensors.index.json',
      'model.json',
      '.pt',
      '.pth',
      '.bin',
      '.ckpt',
      '.th',
      '.jit',
      '.pt2',
      '.onnx',
      '.npy',
      '.npz',
      '.msgpack',
      '.index',
      '.h5',
      '.hdf5',
      '.keras',
      'saved_model.pb',
      '.pb',
    ]) {
      assert.ok(CHECKPOINT_ENDINGS.includes(suffix), suffix);
    }
  });
});

if (sharedFolder === undefined) console.log('registry: reference checkpoints not found, those tests are left out');
else describeReferences(path.join(sharedFolder, 'checkpoints'), path.join(sharedFolder, 'golden'));

function describeReferences(checkpoints: string, golden: string): void {
  describe('the registry, on the reference checkpoints', () => {
    const formatOf: Record<string, string> = {
      '.safetensors': 'safetensors',
      '.bin': 'pytorch',
      '.pt': 'pytorch',
      '.pth': 'pytorch',
      '.th': 'pytorch',
      '.jit': 'torchscript',
      '.npz': 'numpy',
      '.msgpack': 'flax',
      '.hdf5': 'hdf5',
    };
    const names = readdirSync(golden).map((name) => name.replaceAll('__', '/').replace(/\.json$/, ''));
    const known = names.filter((name) => path.extname(name) in formatOf);
    assert.ok(known.length >= 13, String(known));
    for (const name of known) {
      it(`opens ${name} with the golden number of tensors`, async () => {
        const { tensors } = JSON.parse(
          readFileSync(path.join(golden, `${name.replaceAll('/', '__')}.json`), 'utf8'),
        ) as { tensors: number };
        const checkpoint = await openModel(path.join(checkpoints, name));
        const stored = checkpoint.tensors.filter(({ product }) => !product);
        assert.deepEqual([checkpoint.format, stored.length], [formatOf[path.extname(name)], tensors]);
        assert.deepEqual(checkpoint.problems, []);
        await checkpoint.close();
      });
    }

    it('opens folders by what they hold', async () => {
      for (const [name, format] of [
        ['use-lite-sharded-derived', 'safetensors'],
        ['stories260K-llama-derived', 'safetensors'],
        ['magika', 'onnx'],
        ['resnet-cifar10', 'pytorch'],
      ] as const) {
        const checkpoint = await openModel(path.join(checkpoints, name));
        assert.equal(checkpoint.format, format, name);
        await checkpoint.close();
      }
    });
  });
}
