/**
 * Runs of plans that are killed: `EIGENSCOPE_KILLS` of them (5 without). After each there is no target, or the whole one;
 * and going on gives the bytes of an uninterrupted run.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { bf16Tensor, planOf, smallTensors, writeSmallModel } from '../../harness/smallModels';
import type { CompressionPlan } from '../../../extension/shared/compression/plans';
import { runInProcess } from '../../harness/planRuns';
import { seededRandom } from '../../harness/numbers/denseReference';
import { temporaryFolder } from '../../harness/temporaryFolder';

/** Built beside this suite. */
const CHILD = path.join(__dirname, 'runPlanChild.main.js');

const KILLS = Number(process.env.EIGENSCOPE_KILLS ?? 5);
const LAYERS = 12;
/** Milliseconds: longer than a step takes, so that kills fall anywhere between two of them. */
const LONGEST_DELAY = 60;

describe('a run of a plan that is killed', () => {
  const folder = temporaryFolder();
  const target = path.join(folder, 'out');
  const names = Array.from({ length: LAYERS }, (_, index) => `model.layers.${index}.mlp.gate_proj.weight`);
  const tensors = [
    ...smallTensors(),
    ...names.map((name, index) => bf16Tensor(name, [192, 160], 20 + index)),
    // Enough for several shards.
    ...[1, 2, 3].map((index) => bf16Tensor(`model.copied.${index}.weight`, [640, 640], 50 + index)),
  ];
  const model = writeSmallModel(path.join(folder, 'model'), tensors);
  const plan = JSON.stringify(planOf(Object.fromEntries(names.map((name) => [name, { method: 'svd', rank: 40 }]))));

  /**
   * Runs the child; kills it so many milliseconds after it has said so many lines.
   *
   * @returns how many lines it said, and whether it came to its end
   */
  function child(kill?: { lines: number; delay: number }, into = target): Promise<{ lines: number; ended: boolean }> {
    return new Promise((resolve, reject) => {
      const running = spawn(process.execPath, [CHILD, model, into, plan], { stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      let isDue = false;
      const lines = (): number => output.split('\n').length - 1;
      running.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (!kill || isDue || lines() < kill.lines) return;
        isDue = true;
        setTimeout(() => running.kill('SIGKILL'), kill.delay);
      });
      running.on('error', reject);
      running.on('close', (code, signal) => {
        if (code === 0 || signal === 'SIGKILL') resolve({ lines: lines(), ended: code === 0 });
        else reject(new Error(output));
      });
    });
  }

  it('is told from one that is still at work, which is named', async () => {
    const into = path.join(folder, 'taken');
    const running = spawn(process.execPath, [CHILD, model, into, plan], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(running, 'close');
    await new Promise<void>((resolve) => {
      running.stdout.setEncoding('utf8').on('data', (text: string) => text.includes('step') && resolve());
    });
    running.kill('SIGSTOP');
    const request = { plan: JSON.parse(plan) as CompressionPlan, layout: 'safetensors', target: into } as const;
    try {
      for (const existing of ['refuse', 'resume', 'restart'] as const) {
        const message = new RegExp(`another run is at work here \\(process ${running.pid}\\); wait until it has ended`);
        await assert.rejects(runInProcess(model, { ...request, existing, shardBytes: 1e6 }), {
          ...{ code: 'target-exists', message },
        });
      }
    } finally {
      running.kill('SIGKILL');
    }
    await ended;
    await assert.rejects(
      runInProcess(model, { ...request, shardBytes: 1e6 }),
      /that did not end; go on with it \(--resume\)/,
    );
    await runInProcess(model, { ...request, existing: 'resume', shardBytes: 1e6 });
    assert.ok(existsSync(into));
    rmSync(into, { recursive: true });
  });

  it(`${KILLS} times leaves no target or the whole one, and goes on to the same bytes`, async function () {
    this.timeout(60_000 + 20_000 * KILLS);
    const whole = path.join(folder, 'whole');
    const { lines } = await child(undefined, whole);
    const expected = contentOf(whole);
    assert.ok(Object.keys(expected).length >= 5, 'there are several shards');
    const source = contentOf(model);
    const random = seededRandom(14);
    const counts = { none: 0, partial: 0, whole: 0, ended: 0 };
    for (let kill = 0; kill < KILLS; kill++) {
      // Every other one starts anew: else most find all layers done. Every fourth falls about the last rename.
      if (kill % 2 === 0) rmSync(`${target}.partial`, { recursive: true, force: true });
      const said = kill % 4 === 3 ? lines - Math.floor(random() * 3) : 1 + Math.floor(random() * lines);
      const { ended } = await child({ lines: said, delay: random() * (kill % 4 === 3 ? 10 : LONGEST_DELAY) });
      if (ended) counts.ended++;
      assert.deepEqual(contentOf(model), source, 'the model is as it was');
      if (existsSync(target)) {
        counts.whole++;
        assert.deepEqual(contentOf(target), expected);
        rmSync(target, { recursive: true });
      } else if (existsSync(`${target}.partial`)) counts.partial++;
      else counts.none++;
    }
    await child();
    assert.deepEqual(contentOf(target), expected);
    assert.deepEqual(readdirSync(folder).sort(), ['model', 'out', 'whole']);
    assert.equal(counts.none + counts.partial + counts.whole, KILLS);
    if (KILLS > 50) console.log(`    after the kills: ${JSON.stringify(counts)}`);
  });
});

function contentOf(folder: string): Record<string, string> {
  const names = readdirSync(folder).sort();
  return Object.fromEntries(names.map((name) => [name, readFileSync(path.join(folder, name)).toString('base64')]));
}
