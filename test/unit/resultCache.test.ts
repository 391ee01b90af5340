import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DEFAULT_FARMS } from '../../extension/engine/cliArguments';
import { ResultCache } from '../../extension/engine/resultCache';
import type { LayerOutcome } from '../../extension/engine/workerMessages';

const settings = { farms: DEFAULT_FARMS };
const outcome: LayerOutcome = {
  result: {
    name: 'w',
    tensor: 'w',
    shape: [2, 2],
    dtype: 'F32',
    matrices: 1,
    metrics: { alpha: 2.5, D: null },
    fits: {},
    farms: null,
    ranks: {},
    statistics: null,
    problems: [],
  },
  eigenvalues: new Float64Array([1, 2]),
  farmsEigenvalues: new Float64Array(0),
  rankEigenvalues: new Float64Array([1, 2]),
};

describe('result cache', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'eigenscope-cache-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('gives back what was put, typed arrays and all, to another instance too', async () => {
    await new ResultCache(folder, 'auto').put('id', 'w', settings, outcome);
    assert.deepEqual(await new ResultCache(folder, 'auto').get('id', 'w', settings), outcome);
  });

  it('knows nothing of other layers, checkpoints, settings or devices', async () => {
    const cache = new ResultCache(folder, 'auto');
    await cache.put('id', 'w', settings, outcome);
    assert.equal(await cache.get('id', 'v', settings), undefined);
    assert.equal(await cache.get('other', 'w', settings), undefined);
    const others = { farms: { ...settings.farms, rows: 100 } };
    assert.equal(await cache.get('id', 'w', others), undefined);
    assert.equal(await new ResultCache(folder, 'cpu').get('id', 'w', settings), undefined);
  });

  it('does not trust a damaged entry, wherever the damage is', async () => {
    const cache = new ResultCache(folder, 'auto');
    await cache.put('id', 'w', settings, outcome);
    const [name] = await readdir(path.join(folder, 'id'));
    const file = path.join(folder, 'id', name!);
    const whole = await readFile(file);
    for (let at = 0; at < whole.length; at += 7) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x40;
      await writeFile(file, damaged);
      assert.equal(await cache.get('id', 'w', settings), undefined, `byte ${at}`);
    }
    for (const length of [0, 10, 32, whole.length - 1]) {
      await writeFile(file, whole.subarray(0, length));
      assert.equal(await cache.get('id', 'w', settings), undefined, `${length} bytes`);
    }
  });

  it('leaves no partial file behind and throws where the folder cannot be written', async () => {
    const blocked = path.join(folder, 'file');
    await writeFile(blocked, '');
    await assert.rejects(new ResultCache(blocked, 'auto').put('id', 'w', settings, outcome));
    await new ResultCache(folder, 'auto').put('id', 'w', settings, outcome);
    assert.equal((await readdir(path.join(folder, 'id'))).length, 1);
  });

  it('keeps nothing without a folder', async () => {
    const cache = new ResultCache(undefined, 'auto');
    await cache.put('id', 'w', settings, outcome);
    assert.equal(await cache.get('id', 'w', settings), undefined);
  });
});
