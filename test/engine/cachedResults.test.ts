/** Results that earlier runs kept: whose numbers they are, and when they answer. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { InspectReport } from '../../extension/shared/inspectReport';
import type { LayerResult } from '../../extension/shared/layers';
import { cli, commandLine } from '../harness/commandLine';
import { uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { temporaryFolder } from '../harness/temporaryFolder';

describe('results of earlier runs', () => {
  const root = temporaryFolder();
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(root, 'case-'))));

  const model = (file: string, seed: number, side = 24): string =>
    writeSafetensors(file, [
      { name: 'a', shape: [side, side], values: uniform(side * side, seed) },
      { name: 'b', shape: [side, side], values: uniform(side * side, seed + 1) },
    ]);

  function layersOf(file: string, ...args: string[]): LayerResult[] {
    const { status, stdout, stderr } = commandLine(folder)('inspect', file, '--no-farms', '--json', ...args);
    assert.equal(status, 0, stderr);
    return (JSON.parse(stdout) as InspectReport).layers;
  }

  /** Times are never the same twice: a layer that took the same time was not computed again. */
  const elapsed = (layers: readonly LayerResult[]): unknown[] => layers.map((layer) => layer.elapsed);
  const norms = (layers: readonly LayerResult[]): unknown[] => layers.map(({ metrics }) => metrics.spectral_norm);

  it('answer for the same file', () => {
    const file = model(path.join(folder, 'm.safetensors'), 1);
    const first = layersOf(file);
    assert.deepEqual(layersOf(file), first);
    assert.notDeepEqual(elapsed(layersOf(file, '--no-cache')), elapsed(first));
  });

  it('do not answer for another file of the same size in the same place, with the time of writing kept', () => {
    const file = model(path.join(folder, 'm.safetensors'), 1);
    // As archives and copies set it, in whole seconds.
    utimesSync(file, 1_700_000_000, 1_700_000_000);
    const before = layersOf(file);
    model(file, 5);
    utimesSync(file, 1_700_000_000, 1_700_000_000);
    const after = layersOf(file);
    assert.notDeepEqual(norms(after), norms(before));
    assert.deepEqual(norms(after), norms(layersOf(file, '--no-cache')));
  });

  it('are recomputed where one lies under the name of another', () => {
    const files = [1, 5].map((seed) => model(path.join(folder, `${seed}.safetensors`), seed));
    const before = files.map((file) => norms(layersOf(file)));
    const entries = readdirSync(path.join(folder, 'cache'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.layer'))
      .map((name) => path.join(folder, 'cache', name));
    assert.equal(entries.length, 4);
    for (const entry of entries.slice(1)) copyFileSync(entries[0]!, entry);
    assert.deepEqual(
      files.map((file) => norms(layersOf(file))),
      before,
    );
  });

  it('made with little memory do not answer where more would be more exact, but the other way they do', () => {
    // Beyond a sixteenth of 64 MB in float64, small eigenvalues are left as the Gram matrix gives them.
    const one = (name: string, seed: number): string =>
      writeSafetensors(path.join(folder, name), [{ name: 'w', shape: [740, 740], values: uniform(740 * 740, seed) }]);
    const file = one('m.safetensors', 1);
    const little = elapsed(layersOf(file, '--memory', '64'));
    const plenty = elapsed(layersOf(file, '--memory', '1000'));
    plenty.forEach((time, index) => assert.notEqual(time, little[index]));
    assert.deepEqual(elapsed(layersOf(file, '--memory', '64')), little);
    assert.deepEqual(elapsed(layersOf(file, '--memory', '2000')), plenty);
    const other = one('n.safetensors', 9);
    const exact = elapsed(layersOf(other, '--memory', '1000'));
    assert.deepEqual(elapsed(layersOf(other, '--memory', '64')), exact);
  });

  if (process.platform === 'linux') {
    it('are not kept in the working folder where XDG_CACHE_HOME is empty or relative', () => {
      const file = model(path.join(folder, 'm.safetensors'), 1);
      const [work, home] = ['work', 'home'].map((name) => path.join(folder, name));
      for (const place of [work!, home!]) mkdirSync(place);
      for (const XDG_CACHE_HOME of ['', 'here']) {
        const { EIGENSCOPE_CACHE_DIR: _, ...environment } = process.env;
        const env = { ...environment, HOME: home, XDG_CACHE_HOME };
        const { status } = spawnSync(process.execPath, [cli, 'inspect', file], { cwd: work, env });
        assert.equal(status, 0);
        assert.deepEqual(readdirSync(work!), []);
        assert.ok(existsSync(path.join(home!, '.cache', 'eigenscope', 'results')));
      }
    });
  }

  it('are cut back by the terminal, too', () => {
    const file = model(path.join(folder, 'm.safetensors'), 1);
    layersOf(file);
    const place = path.join(folder, 'cache', '0'.repeat(32));
    mkdirSync(place);
    const old = path.join(place, `${'0'.repeat(64)}.layer`);
    writeFileSync(old, 'of a model of last year');
    utimesSync(old, 1_700_000_000, 1_700_000_000);
    layersOf(file);
    assert.equal(existsSync(place), false);
  });
});
