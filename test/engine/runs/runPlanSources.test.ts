/** Runs of plans over what is no plain model, and onto disks that will not have them. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openModel } from '../../../extension/checkpoint/openModel';
import type { LayerPlan } from '../../../extension/shared/compression/plans';
import type { RunRequest, RunResult } from '../../../extension/shared/compression/runs';
import * as p from '../../harness/checkpoints/pickleWriter';
import { torchZip } from '../../harness/checkpoints/torchFiles';
import { runInProcess } from '../../harness/planRuns';
import { bf16Tensor, floatTensor, planOf, smallTensors, writeSmallModel } from '../../harness/smallModels';
import { temporaryFolder } from '../../harness/temporaryFolder';
import { parseSafetensors } from '../../unit/compression/savingFixture';

const UP = 'model.layers.0.mlp.up_proj.weight';
const SVD: LayerPlan = { method: 'svd', rank: 8 };

describe('running a plan', () => {
  const folder = temporaryFolder();
  let count = 0;

  function run(
    model: string,
    layers: Record<string, LayerPlan>,
    request: Partial<RunRequest> = {},
    onSaving?: (fraction: number, message: string) => void,
  ): Promise<RunResult> {
    const target = path.join(folder, `out-${count++}`);
    return runInProcess(model, { plan: planOf(layers), layout: 'safetensors', target, ...request }, onSaving);
  }

  describe('over a model with quantised weights', () => {
    const codes = Uint8Array.from({ length: 64 * 64 }, (_, index) => index % 120);
    const quantised = writeSmallModel(
      path.join(folder, 'quantised'),
      [
        { name: 'model.fp8.weight', dtype: 'F8_E4M3', shape: [64, 64], bytes: codes },
        floatTensor('model.fp8.weight_scale_inv', [1, 1], 3),
        bf16Tensor(UP, [160, 64], 4),
      ],
      { quantization_config: { quant_method: 'fp8', weight_block_size: [128, 128] } },
    );

    it('leaves them as they are stored', async () => {
      const { path: out } = await run(quantised, { [UP]: SVD });
      const source = parseSafetensors(path.join(quantised, 'model.safetensors')).tensors;
      const saved = parseSafetensors(path.join(out, 'model.safetensors')).tensors;
      for (const name of ['model.fp8.weight', 'model.fp8.weight_scale_inv']) {
        assert.deepEqual(saved.get(name)!.dtype, source.get(name)!.dtype);
        assert.deepEqual(saved.get(name)!.bytes, source.get(name)!.bytes);
      }
    });

    it('refuses to put plain numbers in their place', async () => {
      await assert.rejects(
        run(quantised, { 'model.fp8.weight': SVD }),
        /model\.fp8\.weight: is stored quantised .*compress the model it was quantised from/,
      );
      assert.ok(!readdirSync(folder).some((name) => name.startsWith(`out-${count - 1}`)));
    });
  });

  describe('over a checkpoint with optimizer state', () => {
    const training = path.join(folder, 'training.pt');
    const numbers = Buffer.from(floatTensor('', [24 * 16], 5).bytes);
    const tensor = (key: string): Buffer => p.tensor({ key, shape: [24, 16] });
    const adam = p.dict(['exp_avg', tensor('1')], ['exp_avg_sq', tensor('2')]);
    const optimizer = p.dict(
      ['state', p.dict([p.int(0), adam])],
      ['param_groups', p.list(p.dict(['lr', p.float(0.1)], ['params', p.list(p.int(0))]))],
    );
    const state = p.dict(['model', p.dict(['fc.weight', tensor('0')])], ['optimizer', optimizer]);
    writeFileSync(training, torchZip(p.pickle(state), { 0: numbers, 1: numbers, 2: numbers }));

    it('leaves it out, and says so', async () => {
      const { path: out, notes } = await run(training, { 'fc.weight': SVD });
      const { names } = parseSafetensors(path.join(out, 'model.safetensors'));
      assert.deepEqual(names, ['fc.weight.product0.left', 'fc.weight.product0.right']);
      assert.ok(
        notes.some((note) => /2 tensors beside the model \(optimizer state\) are left out/.test(note)),
        notes.join('\n'),
      );
    });

    it('refuses to compress it', async () => {
      const moment = (await namesOf(training)).find((name) => name.endsWith('exp_avg'))!;
      await assert.rejects(run(training, { [moment]: SVD }), /is optimizer state, which is no part of the model/);
    });
  });

  it('cleans up behind a run that was killed after its last step', async () => {
    const model = writeSmallModel(path.join(folder, 'ended'));
    const { path: target } = await run(model, { [UP]: SVD });
    mkdirSync(path.join(`${target}.partial`, 'pieces'), { recursive: true });
    for (const name of ['journal.json', 'done.json']) {
      writeFileSync(path.join(`${target}.partial`, name), '{"run": {}}');
    }
    await assert.rejects(run(model, { [UP]: SVD }, { target, existing: 'resume' }), /exists already and is not empty/);
    assert.ok(!existsSync(`${target}.partial`));
    assert.ok(existsSync(target));
  });

  it('leaves nothing if the model changes while it is read', async () => {
    const model = writeSmallModel(path.join(folder, 'changing'));
    const file = path.join(model, 'model.safetensors');
    let changed = false;
    const change = (): void => {
      if (changed) return;
      changed = true;
      appendFileSync(file, 'more');
    };
    const before = readdirSync(folder).sort();
    const layers = { 'model.embed_tokens.weight': SVD, [UP]: SVD, 'lm_head.weight': SVD };
    await assert.rejects(run(model, layers, {}, change), (error: Error & { code?: string }) => {
      assert.match(error.message, /changed on disk while it was open/);
      return error.code === 'changed';
    });
    assert.ok(changed);
    assert.deepEqual(readdirSync(folder).sort(), before);
  });

  it('is one at a time for a target', async () => {
    const model = writeSmallModel(path.join(folder, 'twice'));
    const target = path.join(folder, 'one-target');
    const results = await Promise.allSettled([
      run(model, { [UP]: SVD }, { target, existing: 'resume' }),
      run(model, { [UP]: SVD }, { target, existing: 'resume' }),
    ]);
    const failed = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
    assert.ok(failed.length >= 1);
    for (const reason of failed) assert.match(reason, /another run is at work here \(this process\)|exists already/);
    await run(model, { [UP]: SVD }, { target, existing: 'resume' }).catch((error: unknown) => {
      assert.match(String(error), /exists already/);
    });
    assert.ok(existsSync(path.join(target, 'model.safetensors')));
    assert.ok(!existsSync(`${target}.partial`));
  });

  if (canMount()) {
    describe('onto a small disk', () => {
      const model = writeSmallModel(path.join(folder, 'large'), [
        ...smallTensors(),
        floatTensor('model.copied.weight', [700, 700], 6),
      ]);
      let disk: string;
      before(() => {
        disk = mkdtempSync(path.join(tmpdir(), 'eigenscope-disk-'));
      });
      afterEach(() => execFileSync('umount', [disk]));
      after(() => rmSync(disk, { recursive: true }));
      const mounted = (...options: string[]): void => {
        execFileSync('mount', ['-t', 'tmpfs', '-o', options.join(','), 'tmpfs', disk]);
      };

      it('that is too small is refused with the size that is missing, and nothing is written', async () => {
        mounted('size=1m');
        const target = path.join(disk, 'out');
        await assert.rejects(run(model, { [UP]: SVD }, { target }), /needs [\d.]+ MB, but .* has [\d.]+ MB free/);
        assert.deepEqual(readdirSync(disk), []);
      });

      it('that fills up meanwhile: a sentence, no target, and a run that goes on once there is space', async () => {
        mounted('size=6m');
        const target = path.join(disk, 'out');
        const filler = path.join(disk, 'filler');
        const fill = (_: number, message: string): void => {
          if (!message.startsWith('writing') || existsSync(filler)) return;
          const { bavail, bsize } = statfsSync(disk);
          writeFileSync(filler, new Uint8Array(Math.max(0, bavail * bsize - 65536)));
        };
        await assert.rejects(
          run(model, { [UP]: SVD }, { target }, fill),
          (error: Error & { code?: string }) =>
            error.code === 'no-space' &&
            /free space|free [\d.]+/.test(error.message) &&
            error.message.includes(`What is done is kept in ${target}.partial: go on with it (--resume)`),
        );
        assert.deepEqual(readdirSync(disk).sort(), ['filler', 'out.partial']);
        rmSync(filler);
        await run(model, { [UP]: SVD }, { target, existing: 'resume' });
        assert.deepEqual(readdirSync(disk), ['out']);
        const whole = await run(model, { [UP]: SVD });
        assert.deepEqual(
          parseSafetensors(path.join(target, 'model.safetensors')),
          parseSafetensors(path.join(whole.path, 'model.safetensors')),
        );
      });

      it('that may not be written to is refused', async () => {
        mounted('ro');
        await assert.rejects(
          run(model, { [UP]: SVD }, { target: path.join(disk, 'out') }),
          /may not be written to; change its permissions or save elsewhere/,
        );
      });
    });
  } else {
    console.log('    No small disk could be mounted (that needs root): running onto a full one is not tried here.');
  }
});

async function namesOf(file: string): Promise<string[]> {
  const checkpoint = await openModel(file);
  try {
    return checkpoint.tensors.map(({ name }) => name);
  } finally {
    await checkpoint.close();
  }
}

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const place = mkdtempSync(path.join(tmpdir(), 'eigenscope-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place]).status === 0;
  if (mounted) execFileSync('umount', [place]);
  rmSync(place, { recursive: true });
  return mounted;
}
