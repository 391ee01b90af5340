/** Runs of plans that are refused before anything is written. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { LayerPlan } from '../../../extension/shared/compression/plans';
import type { RunRequest } from '../../../extension/shared/compression/runs';
import { runInProcess } from '../../harness/planRuns';
import { planOf, smallTensors, writeSmallModel } from '../../harness/smallModels';
import { temporaryFolder } from '../../harness/temporaryFolder';

const UP = 'model.layers.0.mlp.up_proj.weight';
const PLAN: Record<string, LayerPlan> = {
  [UP]: { method: 'svd', rank: 20 },
  'model.layers.0.experts.gate_proj.weight[1]': { method: 'svd', rank: 5 },
};

describe('running a plan is refused, and nothing is written, for', () => {
  const folder = temporaryFolder();
  const temporary = temporaryFolder();
  const model = writeSmallModel(path.join(folder, 'model'));
  let count = 0;

  const newTarget = (): string => path.join(folder, `out-${count++}`);

  const refusals: [string, () => { request: Partial<RunRequest>; from?: string }, RegExp][] = [
    [
      'a target inside the model',
      () => ({ request: { target: path.join(model, 'out') } }),
      /lies inside the folder of the model/,
    ],
    ['the model itself', () => ({ request: { target: model } }), /is the folder of the model/],
    [
      'a target inside the model by way of a link',
      () => {
        const link = path.join(folder, 'link');
        if (!existsSync(link)) symlinkSync(model, link);
        return { request: { target: path.join(link, 'out') } };
      },
      /lies inside the folder of the model/,
    ],
    [
      'a folder with something in it',
      () => {
        const target = newTarget();
        mkdirSync(target);
        writeFileSync(path.join(target, 'mine'), 'mine');
        return { request: { target } };
      },
      /exists already and is not empty; choose another name/,
    ],
    [
      'a file',
      () => {
        const target = newTarget();
        writeFileSync(target, 'mine');
        return { request: { target } };
      },
      /exists and is no folder/,
    ],
    [
      'a folder that is not there',
      () => ({ request: { target: path.join(folder, 'no', 'out') } }),
      /no does not exist/,
    ],
    [
      'a place inside a file',
      () => {
        const file = newTarget();
        writeFileSync(file, 'mine');
        return { request: { target: path.join(file, 'out') } };
      },
      /is no folder; choose another place/,
    ],
    [
      'another thing where the run would keep what is done',
      () => {
        const target = newTarget();
        mkdirSync(`${target}.partial`);
        writeFileSync(path.join(`${target}.partial`, 'mine'), 'mine');
        return { request: { target, existing: 'restart' } };
      },
      /holds something else; move it, or choose another name/,
    ],
    [
      'a layer that is not there',
      () => planned({ 'model.layers.7.weight': { method: 'svd', rank: 1 } }),
      /has no layer "model\.layers\.7\.weight"/,
    ],
    ['a rank beyond the matrix', () => planned({ [UP]: { method: 'svd', rank: 65 } }), /up_proj.*64/],
    [
      'a plan for another model',
      () => ({ request: { plan: { ...planOf(PLAN), checkpoint: { name: 'theirs', fingerprint: 'f00d' } } } }),
      /the plan was made for another model \(theirs\); make one for this model/,
    ],
    ['a plan that keeps all', () => planned({ [UP]: { keep: 'dense', why: 'so' } }), /keeps every layer dense/],
    [
      'integers',
      () => planned({ 'model.position_ids': { method: 'svd', rank: 1 } }),
      /position_ids cannot be compressed/,
    ],
    [
      'a method without its statistics',
      () => planned({ [UP]: { method: 'svd-llm', rank: 4 } }),
      /svd-llm needs statistics of its inputs/,
    ],
    [
      'an adapter as parts',
      () => planned({ [UP]: { method: 'pissa', rank: 4 } }),
      /pissa makes an adapter.*save it as peft/,
    ],
    [
      'an adapter without a quantised base',
      () => ({ request: { ...planned({ [UP]: { method: 'eora', rank: 4 } }).request, layout: 'dense' } }),
      /statistics|quantised/,
    ],
    [
      'groups in a layout that has no place for them',
      () => ({
        request: { plan: { ...planOf({}), groups: { 'model.layers.0.mlp': { method: 'nystrom', rank: 8 } } } },
      }),
      /no mlp of that name for nystrom; it has: none/,
    ],
    [
      'a number that is not finite, in a layer after others that are done',
      () => {
        const tensors = smallTensors();
        const { bytes } = tensors.find(({ name }) => name === 'lm_head.weight')!;
        new Float32Array(bytes.buffer)[7] = NaN;
        const from = writeSmallModel(path.join(temporary, 'not-finite'), tensors);
        return { from, ...planned({ ...PLAN, 'lm_head.weight': { method: 'svd', rank: 4 } }) };
      },
      /lm_head\.weight.*(NaN|finite)/,
    ],
    ['a type that is no float', () => ({ request: { dtype: 'I32' } }), /I32 is none; take F32, F16 or BF16/],
    ['shards of nothing', () => ({ request: { shardBytes: 10 } }), /take at least 1 MB/],
    [
      'an expert in another type than its stack',
      () => ({ request: { layout: 'dense', dtype: 'F32' } }),
      /cannot be saved as F32; keep the type/,
    ],
  ];
  const planned = (layers: Record<string, LayerPlan>): { request: Partial<RunRequest> } => ({
    request: { plan: planOf(layers) },
  });
  for (const [what, made, message] of refusals) {
    it(what, async () => {
      const { request, from } = made();
      const before = readdirSync(folder).sort();
      const inModel = readdirSync(model).sort();
      const whole = { plan: planOf(PLAN), layout: 'safetensors', target: newTarget(), ...request } as const;
      await assert.rejects(runInProcess(from ?? model, whole), message);
      assert.deepEqual(readdirSync(folder).sort(), before);
      assert.deepEqual(readdirSync(model).sort(), inModel);
    });
  }
});
