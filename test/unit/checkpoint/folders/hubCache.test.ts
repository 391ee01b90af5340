/** Models in Hugging Face's download cache, and the rule of which files names and links may lead to. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { pipelineFiles, writeFiles } from '../../../harness/checkpoints/pipelineFixture';
import { ramp, safetensorsBytes } from '../../../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../../../harness/temporaryFolder';

const COMMIT = '607a30d783dfa663caf39e06633721c8d4cfcd7e';
const OLDER = '11c5a3d5811f50298f278a704980280950aedb10';

const weights = (name: string): Buffer => safetensorsBytes([ramp(name, [2])]);
const shards = {
  'model.safetensors.index.json': JSON.stringify({
    weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
  }),
  'model-00001-of-00002.safetensors': weights('a'),
  'model-00002-of-00002.safetensors': weights('b'),
};

if (process.platform !== 'win32') {
  describe("a model in Hugging Face's cache", () => {
    const root = temporaryFolder();
    let count = 0;

    afterEach(() => count++);
    const hub = (): string => path.join(root, `hub${count}`, 'models--me--net');

    /** As `huggingface_hub` lays a snapshot: blobs by their hashes, and relative links to them. @returns the snapshot */
    function snapshot(files: Readonly<Record<string, string | Uint8Array>>, commit = COMMIT): string {
      const folder = path.join(hub(), 'snapshots', commit);
      mkdirSync(path.join(hub(), 'blobs'), { recursive: true });
      for (const [name, content] of Object.entries(files)) {
        const link = path.join(folder, name);
        const blob = path.join(hub(), 'blobs', `${commit}${Buffer.from(name).toString('hex')}`);
        writeFileSync(blob, content);
        mkdirSync(path.dirname(link), { recursive: true });
        symlinkSync(path.relative(path.dirname(link), blob), link);
      }
      return folder;
    }

    function reference(branch: string, commit: string): void {
      writeFiles(path.join(hub(), 'refs'), { [branch]: commit });
    }

    async function opened(
      target: string,
    ): Promise<Pick<Checkpoint, 'path' | 'format' | 'problems'> & { names: string[] }> {
      const checkpoint = await openModel(target);
      for (const tensor of checkpoint.tensors) await checkpoint.read(tensor);
      await checkpoint.close();
      return { ...checkpoint, names: checkpoint.tensors.map(({ name }) => name) };
    }

    it('opens by its file, its snapshot and its own folder', async () => {
      const folder = snapshot({ 'model.safetensors': weights('w'), 'config.json': '{}' });
      reference('main', COMMIT);
      const file = path.join(folder, 'model.safetensors');
      for (const target of [file, folder, hub()]) {
        const { path: found, names, problems } = await opened(target);
        assert.deepEqual([found, names, problems], [file, ['w'], []]);
      }
    });

    it('opens by an index whose shards are links, too', async () => {
      const folder = snapshot(shards);
      for (const target of [folder, path.join(folder, 'model.safetensors.index.json')]) {
        const { names, problems } = await opened(target);
        assert.deepEqual([names, problems], [['a', 'b'], []]);
      }
    });

    it('opens as a pipeline whose parts are links', async () => {
      snapshot(pipelineFiles());
      const { format, names, problems } = await opened(hub());
      assert.deepEqual([format, names.length, problems], ['diffusers', 3, []]);
    });

    it('is recognised by its content where a blob itself is opened, which has no suffix', async () => {
      snapshot({ 'model.safetensors': weights('w') });
      const blob = path.join(hub(), 'blobs', `${COMMIT}${Buffer.from('model.safetensors').toString('hex')}`);
      assert.deepEqual((await opened(blob)).names, ['w']);
    });

    it('is the snapshot that the main branch is at, where there are several', async () => {
      snapshot({ 'model.safetensors': weights('old') }, OLDER);
      snapshot({ 'model.safetensors': weights('new') });
      reference('main', `${COMMIT}\n`);
      assert.deepEqual((await opened(hub())).names, ['new']);
      reference('main', OLDER);
      assert.deepEqual((await opened(hub())).names, ['old']);
    });

    it('is the only snapshot where no branch is known, and asks which one where there are several', async () => {
      snapshot({ 'model.safetensors': weights('w') });
      assert.deepEqual((await opened(hub())).names, ['w']);
      snapshot({ 'model.safetensors': weights('w') }, OLDER);
      await assert.rejects(openModel(hub()), {
        code: 'ambiguous',
        message: new RegExp(`several snapshots \\(${OLDER}, ${COMMIT}\\).*open one of them`),
      });
    });

    it('does not wait for the writer of a pipe in the place of a reference', async () => {
      snapshot({ 'model.safetensors': weights('w') });
      mkdirSync(path.join(hub(), 'refs'));
      execFileSync('mkfifo', [path.join(hub(), 'refs', 'main')]);
      assert.deepEqual((await opened(hub())).names, ['w']);
    });

    it('says that it was not downloaded', async () => {
      mkdirSync(path.join(hub(), 'snapshots'), { recursive: true });
      mkdirSync(path.join(hub(), 'refs'));
      await assert.rejects(openModel(hub()), { code: 'not-found', message: /without a snapshot.*download/ });
    });

    it('says which shard is missing where a link leads nowhere', async () => {
      const folder = snapshot(shards);
      unlinkSync(path.join(folder, 'model-00002-of-00002.safetensors'));
      symlinkSync('../../blobs/gone', path.join(folder, 'model-00002-of-00002.safetensors'));
      const { names, problems } = await opened(folder);
      assert.deepEqual(names, ['a']);
      assert.deepEqual(
        problems.map(({ code }) => code),
        ['missing-shard'],
      );
    });

    it('is never led elsewhere by what a reference says', async () => {
      writeFiles(path.join(root, `hub${count}`), { 'elsewhere/model.safetensors': weights('outside') });
      snapshot({ 'model.safetensors': weights('a') }, OLDER);
      snapshot({ 'model.safetensors': weights('b') });
      for (const commit of [
        '../../elsewhere',
        '..',
        '.',
        '',
        path.join(root, `hub${count}`, 'elsewhere'),
        'x'.repeat(1e6),
      ]) {
        reference('main', commit);
        await assert.rejects(openModel(hub()), { code: 'ambiguous' }, commit.slice(0, 100));
      }
    });
  });

  describe('links in place of files that a checkpoint names', () => {
    const root = temporaryFolder();
    let count = 0;

    const folder = (files: Readonly<Record<string, string | Uint8Array>>): string =>
      writeFiles(path.join(root, `folder${count++}`), files);

    it('are followed to a shard on another disk, which proves by its header what it is', async () => {
      const disk = folder({ b: weights('b'), secret: 'root:x:0:0' });
      const model = folder({ ...shards });
      const shard = path.join(model, 'model-00002-of-00002.safetensors');
      unlinkSync(shard);
      symlinkSync(path.join(disk, 'b'), shard);
      const linked = await openModel(model);
      assert.deepEqual([linked.tensors.length, linked.problems], [2, []]);
      await linked.close();
      unlinkSync(shard);
      symlinkSync(path.join(disk, 'secret'), shard);
      const refused = await openModel(model);
      assert.equal(refused.tensors.length, 1);
      assert.equal(refused.problems.length, 1);
      await refused.close();
    });

    it('are not followed to a folder or a device', async () => {
      for (const target of [root, '/dev/zero']) {
        const model = folder({ ...shards });
        const shard = path.join(model, 'model-00002-of-00002.safetensors');
        unlinkSync(shard);
        symlinkSync(target, shard);
        const checkpoint = await openModel(model);
        assert.match(checkpoint.problems[0]?.message ?? '', /is not a regular file/);
        await checkpoint.close();
      }
    });

    it('are not followed to raw numbers outside, which any file would pass for', async () => {
      const outside = folder({ 'w.bin': new Uint8Array(8) });
      const manifest = [{ paths: ['w.bin'], weights: [{ name: 'w', shape: [2], dtype: 'float32' }] }];
      const model = folder({ 'model.json': JSON.stringify({ modelTopology: {}, weightsManifest: manifest }) });
      symlinkSync(path.join(outside, 'w.bin'), path.join(model, 'w.bin'));
      const checkpoint = await openModel(model);
      assert.equal(checkpoint.tensors.length, 0);
      assert.match(checkpoint.problems[0]?.message ?? '', /a link out of its folder and is not opened/);
      await checkpoint.close();
    });

    it('are followed to raw numbers beside the model itself, where both are links into one folder', async () => {
      const manifest = [{ paths: ['w.bin'], weights: [{ name: 'w', shape: [2], dtype: 'float32' }] }];
      const blobs = folder({
        one: JSON.stringify({ modelTopology: {}, weightsManifest: manifest }),
        two: new Uint8Array(8),
      });
      const model = folder({});
      mkdirSync(model);
      symlinkSync(path.join(blobs, 'one'), path.join(model, 'model.json'));
      symlinkSync(path.join(blobs, 'two'), path.join(model, 'w.bin'));
      const checkpoint = await openModel(model);
      assert.deepEqual([checkpoint.tensors.length, checkpoint.problems], [1, []]);
      await checkpoint.close();
    });
  });
}
