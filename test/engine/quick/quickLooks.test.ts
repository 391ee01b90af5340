/** Quick looks as the engine and the terminal give them: before spectra, replaced by them, and held by their intervals. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { DEFAULT_FARMS } from '../../../extension/engine/terminal/cliArguments';
import type { InspectReport } from '../../../extension/shared/inspectReport';
import type { InspectSettings } from '../../../extension/shared/layers';
import type { MetricKey } from '../../../extension/shared/metricTable';
import { makeRandomMatrix, uniform, writeSafetensors } from '../../harness/checkpoints/madeCheckpoints';
import { commandLine } from '../../harness/commandLine';
import { EngineProcess } from '../../harness/engineProcess';
import { temporaryFolder } from '../../harness/temporaryFolder';

/** Ten windows of 1536 rows make its spectrum take long; a quick look takes 6 of 512. */
const ROWS = 2048;
const COLS = 1536;
const settings: InspectSettings = { farms: { ...DEFAULT_FARMS, fit: 'xmin_mid', mode: 'full' } };

describe('quick looks', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  let large: string;
  let mixed: string;

  before(() => {
    large = makeRandomMatrix(folder, ROWS, COLS);
    const values = uniform(ROWS * COLS, 1);
    values[12_345] = NaN;
    mixed = writeSafetensors(path.join(folder, 'mixed.safetensors'), [
      { name: 'small.weight', shape: [48, 32], values: uniform(48 * 32, 2) },
      { name: 'broken.weight', shape: [ROWS, COLS], values },
      { name: 'zero.weight', shape: [ROWS, COLS], values: new Float32Array(ROWS * COLS) },
      { name: 'small.bias', shape: [48], values: uniform(48, 3) },
    ]);
  });

  it('come before spectra, whose numbers their intervals hold; then nothing is looked at again', async () => {
    const engine = new EngineProcess({ cacheFolder: path.join(folder, 'cache') });
    try {
      const { document } = await engine.request('open', { path: large });
      await engine.request('inspect', { document, settings, depth: 'quick' });
      await engine.idle();
      assert.equal(engine.results.length, 0);
      const [{ look }] = engine.looks as [(typeof engine.looks)[number]];
      assert.equal(engine.looks.length, 1);
      assert.equal(engine.queue?.quick?.done, 1);
      // What waits for a click is told: the spectrum takes longer than the look did.
      assert.ok((engine.queue.secondsLeft?.exact ?? 0) > 0);
      assert.equal(engine.queue.secondsLeft?.quick, undefined);

      await engine.request('inspect', { document, settings });
      await engine.until(() => engine.results.length > 0);
      await engine.idle();
      const { result } = engine.results.at(-1)!;
      for (const [key, { low, high }] of Object.entries(look.estimates)) {
        const exact = result.metrics[key as MetricKey]!;
        const slack = 1e-9 * Math.abs(exact);
        assert.ok(low - slack <= exact && exact <= high + slack, `${key}: ${exact} is not in ${low} … ${high}`);
      }
      assert.deepEqual(look.statistics, result.statistics);
      assert.equal(look.farms?.num_row_samples, 512);
      assert.equal(look.farms.windows, 6);
      assert.ok(look.farms.interval![0] < look.farms.alpha! && look.farms.alpha! < look.farms.interval![1]);

      const seen = engine.looks.length;
      await engine.request('inspect', { document, settings });
      await engine.idle();
      assert.equal(engine.looks.length, seen);
    } finally {
      engine.dispose();
    }
  });

  it('give the same numbers in text and JSON, marked, and none of them among the results', () => {
    const asked = ['inspect', large, '--quick', '--no-cache', '--farms-mode', 'full'];
    const { status, stdout } = run(...asked, '--json');
    assert.equal(status, 0);
    const report = JSON.parse(stdout) as InspectReport;
    assert.deepEqual(report.layers, []);
    const [look] = report.estimated!;
    assert.equal(look!.layer, 'weight');
    const { value, low, high } = look!.estimates.effective_rank!;
    const text = run(...asked);
    assert.equal(text.status, 0);
    const cell = `≈ ${value.toFixed(0)} (${low.toFixed(0)}–${high.toFixed(0)})`;
    assert.ok(text.stdout.includes(cell), `${cell} is not in\n${text.stdout}`);
    assert.match(text.stdout, /Estimated \(quick look at 1 layer/);
  });

  it('leave small layers to their spectra, and say what has none', () => {
    const { status, stdout } = run('inspect', mixed, '--quick', '--json', '--no-cache', '--farms-mode', 'full');
    assert.equal(status, 0);
    const report = JSON.parse(stdout) as InspectReport;
    assert.deepEqual(
      report.layers.map(({ name }) => name),
      ['small.weight', 'small.bias'],
    );
    const reasons = report.estimated!.map(({ layer, reason, estimates }) => [layer, reason, Object.keys(estimates)]);
    assert.deepEqual(reasons, [
      ['broken.weight', 'holds NaN or Inf', []],
      ['zero.weight', 'all elements are zero', []],
    ]);
    assert.equal(report.estimated![0]!.statistics.nan, 1);
  });

  it('refuse what needs spectra', () => {
    for (const option of ['--csv', '--randomise', '--goodness']) {
      const { status, stderr } = run('inspect', large, '--quick', option);
      assert.equal(status, 2);
      assert.match(stderr, new RegExp(`--quick and ${option} exclude each other`));
    }
  });
});
