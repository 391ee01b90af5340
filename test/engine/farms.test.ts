/** FARMS through the built program, however its windows are made, beside each window taken by itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { InspectReport } from '../../extension/shared/inspectReport';
import type { FarmsResult, PowerLawFit } from '../../extension/shared/layers';
import { FarmsFits } from '../golden/spectra';
import { heavyTailedMatrix } from '../harness/numbers/heavyTailedMatrices';
import { writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { repositoryRoot } from '../harness/shared';

const cli = path.join(repositoryRoot, 'dist', 'cli.js');

interface Made {
  file: string;
  rows: number;
  cols: number;
  elements: Float64Array;
}

describe('FARMS of large layers', () => {
  let folder: string;

  before(() => (folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-farms-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  function make(seed: number, rows: number, cols: number): Made {
    const values = Float32Array.from(heavyTailedMatrix(seed, rows, cols).elements);
    const file = path.join(folder, `${seed}.safetensors`);
    writeSafetensors(file, [{ name: 'weight', shape: [rows, cols], values }]);
    return { file, rows, cols, elements: Float64Array.from(values) };
  }

  function inspect({ file }: Made, settings: { rows: number; q: number; ops: number }, ...args: string[]): FarmsResult {
    const { rows, q, ops } = settings;
    const farms = ['--farms-rows', String(rows), '--farms-q', String(q), '--farms-ops', String(ops), '--fit', 'mid'];
    const command = [cli, 'inspect', file, '--json', '--no-cache', ...farms, ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return (JSON.parse(stdout) as InspectReport).layers[0]!.farms!;
  }

  function everyWindow(
    { rows, cols, elements }: Made,
    settings: { rows: number; q: number; ops: number },
  ): PowerLawFit {
    const layer = { name: 'weight', tensor: 'weight', kind: 'matrix' as const, rows, cols, count: 1 };
    return new FarmsFits({ layer, matrices: [elements] }).fit(settings, 'xmin_mid');
  }

  function assertSame(farms: FarmsResult, reference: PowerLawFit): void {
    for (const key of ['alpha', 'D', 'xmin', 'xmax'] as const) {
      assert.ok(Math.abs(farms[key]! / reference[key]! - 1) < 1e-9, `${key} ${farms[key]} and not ${reference[key]}`);
    }
    assert.equal(farms.num_pl_spikes, reference.num_pl_spikes);
    assert.equal(farms.mode, 'full');
    assert.equal(farms.windows, farms.windows_total);
    assert.equal(farms.interval, undefined);
  }

  for (const [rows, cols, q] of [
    [520, 520, 1],
    [520, 520, 1.3],
    [440, 700, 1],
    [700, 440, 0.8],
  ] as const) {
    it(`takes every window from shared sums: ${rows} × ${cols}, Q ${q}`, () => {
      const made = make(rows, rows, cols);
      const settings = { rows: 400, q, ops: 3 };
      const one = inspect(made, settings, '--farms-mode', 'full', '--threads', '1');
      assertSame(one, everyWindow(made, settings));
      // Windows are solved by whatever worker is idle.
      assert.deepEqual(inspect(made, settings, '--farms-mode', 'full', '--threads', '3'), one);
    });
  }

  for (const cols of [400, 300]) {
    it(`reads the windows of a matrix that does not fit into memory: 8000 × ${cols}`, () => {
      const made = make(cols, 8000, cols);
      const settings = { rows: 290, q: 1, ops: 3 };
      const reference = everyWindow(made, settings);
      // Each thread's share of 64 MB holds the elements; or shared sums; or no more than one window.
      for (const threads of ['2', '5', '20']) {
        const farms = inspect(made, settings, '--farms-mode', 'full', '--threads', threads, '--memory', '64');
        assertSame(farms, reference);
      }
    });
  }

  it('a matrix that is its only window is not solved twice', () => {
    const made = make(2, 410, 410);
    const settings = { rows: 2000, q: 1, ops: 10 };
    const farms = inspect(made, settings);
    assertSame(farms, everyWindow(made, settings));
    assert.deepEqual([farms.windows, farms.window], [1, [410, 410]]);
  });

  it('an adaptive run shows its interval, the same for any number of threads', () => {
    const made = make(9, 700, 700);
    const settings = { rows: 400, q: 1, ops: 8 };
    const farms = inspect(made, settings, '--farms-mode', 'adaptive', '--threads', '1');
    assert.deepEqual(inspect(made, settings, '--farms-mode', 'adaptive', '--threads', '3'), farms);
    assert.equal(farms.mode, 'adaptive');
    assert.equal(farms.windows_total, 64);
    assert.ok(farms.windows < 64, String(farms.windows));
    const [low, high] = farms.interval!;
    assert.ok((high - low) / 2 <= 0.01 * farms.alpha!);
    assert.ok(low < farms.alpha! && farms.alpha! < high);
  });
});
