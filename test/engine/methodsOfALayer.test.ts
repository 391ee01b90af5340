/** Methods of one layer side by side, as the engine's process answers: what each costs and loses, and where. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import { problemOf } from '../../extension/shared/rpc';
import { EngineProcess } from '../harness/engineProcess';
import { frobenius, jacobiEigenvalues, naiveProduct } from '../harness/numbers/denseReference';
import { uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';

const settings = { farms: DEFAULT_FARMS };
const [outputs, inputs, rank] = [24, 16, 5];

describe('the methods of a layer, from the engine', () => {
  let folder: string;
  let engine: EngineProcess;
  let document: string;
  const values = uniform(outputs * inputs, 3);
  const w = Float64Array.from(values);
  /** λ of WᵀW, ascending. */
  const lambda = jacobiEigenvalues(naiveProduct(w, w, inputs, inputs, outputs, true, false), inputs);

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-methods-'));
    const file = writeSafetensors(path.join(folder, 'm.safetensors'), [
      { name: 'a.weight', shape: [outputs, inputs], values },
    ]);
    engine = new EngineProcess({ threads: 1, memoryMegabytes: 500 });
    ({ document } = await engine.request('open', { path: file }));
  });
  after(() => {
    engine.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows what truncated SVD loses: the discarded σ, and no others', async () => {
    const choice = { method: 'svd', rank } as const;
    const found = await engine.request('choiceDifference', { document, layer: 'a.weight', choice, settings });
    const tail = lambda.subarray(0, inputs - rank).reduce((sum, value) => sum + value, 0);
    const expected = Math.sqrt(tail) / frobenius(w);
    // Factors are rounded to float32.
    assert.ok(Math.abs(found.measured.relative_error - expected) < 1e-6);
    assert.equal(found.before.length, inputs);
    assert.equal(found.after.length, inputs);
    const largest = lambda.at(-1)!;
    for (let i = 0; i < inputs; i++) {
      assert.ok(Math.abs(found.before[i]! - lambda[i]!) <= 1e-6 * largest, `λ ${i} before`);
      assert.ok(Math.abs(found.after[i]! - (i < inputs - rank ? 0 : lambda[i]!)) <= 1e-6 * largest, `λ ${i} after`);
    }
    assert.deepEqual([found.map.rows, found.map.cols], [outputs, inputs]);
    const squares = found.map.mean.reduce((sum, value) => sum + value * value, 0);
    assert.ok(Math.abs(Math.sqrt(squares) / frobenius(w) - expected) < 1e-6, 'one cell an element');
    assert.equal(found.rows.length, 10);
    assert.ok(found.columns.reduce((sum, { share }) => sum + share, 0) < 1);
  });

  it('measures choices in their order, and refuses what a method lacks', async () => {
    const choices = [1, 3].map((each) => ({ method: 'svd', rank: each }) as const);
    const measured = await engine.request('compareChoices', { document, layer: 'a.weight', choices, settings });
    assert.deepEqual(
      measured.map(({ choice }) => choice),
      choices,
    );
    assert.ok(measured[0]!.relative_error > measured[1]!.relative_error);
    const file = path.join(folder, 'none.safetensors');
    await assert.rejects(
      engine.request('compareChoices', { document, layer: 'a.weight', choices, statistics: file, settings }),
      (error) => problemOf(error).message.includes('none.safetensors'),
    );
  });
});
