/** Text that is written all or nothing, and made twice for it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writeText } from '../../../extension/compression/textFile';
import { temporaryFolder } from '../../harness/temporaryFolder';

describe('writing text', () => {
  const root = temporaryFolder();
  let folders = 0;
  const place = (): { folder: string; model: string; target: string } => {
    const folder = path.join(root, String(folders++));
    mkdirSync(folder);
    const model = path.join(folder, 'model.safetensors');
    writeFileSync(model, 'weights');
    return { folder, model, target: path.join(folder, 'numbers.csv') };
  };

  it('writes more than a block, in the order of its pieces, and says how much', async () => {
    const { folder, target } = place();
    const lines = Array.from({ length: 40_000 }, (_, i) => `${i} ${'é'.repeat(30)}\n`);
    const { path: written, bytes } = await writeText(target, { protect: [] }, () => lines);
    assert.equal(written, target);
    assert.equal(readFileSync(target, 'utf8'), lines.join(''));
    assert.equal(bytes, Buffer.byteLength(lines.join('')));
    assert.deepEqual(readdirSync(folder).sort(), ['model.safetensors', 'numbers.csv']);
  });

  it('writes an empty text', async () => {
    const { target } = place();
    assert.equal((await writeText(target, { protect: [] }, () => [])).bytes, 0);
    assert.equal(readFileSync(target, 'utf8'), '');
  });

  it('leaves the target as it was if the text cannot be made', async () => {
    const { folder, target } = place();
    writeFileSync(target, 'before');
    let makings = 0;
    function* pieces(): Generator<string> {
      yield 'a';
      if (++makings === 2) throw new Error('made worse');
      yield 'b';
    }
    await assert.rejects(writeText(target, { protect: [], overwrite: true }, pieces), /made worse/);
    assert.equal(readFileSync(target, 'utf8'), 'before');
    assert.deepEqual(readdirSync(folder).sort(), ['model.safetensors', 'numbers.csv']);
  });

  it('writes nothing once it is cancelled', async () => {
    const { target } = place();
    const controller = new AbortController();
    function* pieces(): Generator<string> {
      yield 'a';
      controller.abort();
      yield 'b';
    }
    await assert.rejects(writeText(target, { protect: [], signal: controller.signal }, pieces), /aborted/);
    assert.equal(existsSync(target), false);
  });

  it('replaces a file beside the model only if it begins as its own do', async () => {
    const { folder, model, target } = place();
    const options = { protect: [model], ofModel: true, ownBeginning: 'name,tensor', overwrite: true };
    writeFileSync(target, 'name,tensor,shape\nold');
    await writeText(target, options, () => ['name,tensor,new']);
    assert.equal(readFileSync(target, 'utf8'), 'name,tensor,new');
    const config = path.join(folder, 'config.json');
    for (const content of ['{}', 'name,tenso', '']) {
      writeFileSync(config, content);
      await assert.rejects(
        writeText(config, options, () => ['x']),
        /may belong to the model/,
      );
      assert.equal(readFileSync(config, 'utf8'), content);
    }
    await assert.rejects(
      writeText(model, options, () => ['x']),
      /part of the checkpoint/,
    );
    assert.equal(readFileSync(model, 'utf8'), 'weights');
  });
});
