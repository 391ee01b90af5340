/**
 * Folders with smaller MLPs and attentions in transformers: they put out what a model of the full sizes does that has zeros
 * in place of what went, and with nothing gone what the original does.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../extension/checkpoint/openModel';
import { groupsIn } from '../../../extension/compression/groups/findGroups';
import { GROUP_KINDS } from '../../../extension/compression/groups/reduceGroup';
import type { GroupMethodName, GroupPlan } from '../../../extension/shared/compression/plans';
import { runInProcess } from '../../harness/planRuns';
import { pythonWith } from '../../harness/python';
import { repositoryRoot } from '../../harness/shared';
import { planOf } from '../../harness/smallModels';
import { temporaryFolder } from '../../harness/temporaryFolder';

const HERE = path.join(repositoryRoot, 'test', 'engine');
const PEER = path.join(HERE, 'compression', 'groupFoldersPeer.py');
const MAKER = path.join(HERE, 'transformersPeer.py');

/** float32, through two layers. */
const TOLERANCE = 1e-5;

/** A smaller model is another one. */
const OTHER = 1e-4;

/** In order: the models that transformersPeer.py makes have heads of 8 dimensions, and MLPs of 48 channels (GPT-2: 128). */
interface Case {
  readonly model: string;
  /** Ends in `plain` if transformers needs no code of ours. */
  readonly name: string;
  readonly groups: readonly (readonly [GroupMethodName, (block: number) => number])[];
  /** Nothing goes. */
  readonly full?: true;
}

const CASES: readonly Case[] = [
  ...(['llama', 'qwen2'] as const).flatMap((model): Case[] => [
    { model, name: 'nystrom-plain', groups: [['nystrom', () => 30]] },
    { model, name: 'nystrom-unequal', groups: [['nystrom', (block) => 30 + block]] },
    { model, name: 'vo', groups: [['vo', () => 5]] },
    { model, name: 'qk', groups: [['qk', () => 6]] },
    { model, name: 'nystrom-qk', groups: [['nystrom', () => 20], ['qk', () => 4]] }, // prettier-ignore
    { model, name: 'nystrom-full-plain', groups: [['nystrom', () => 48]], full: true },
    { model, name: 'vo-full', groups: [['vo', () => 8]], full: true },
    { model, name: 'qk-full', groups: [['qk', () => 8]], full: true },
  ]),
  { model: 'gpt2', name: 'nystrom-plain', groups: [['nystrom', () => 50]] },
  { model: 'gpt2', name: 'nystrom-unequal', groups: [['nystrom', (block) => 50 + block]] },
  { model: 'gpt2', name: 'nystrom-full-plain', groups: [['nystrom', () => 128]], full: true },
];

interface Compared {
  readonly problems: readonly string[];
  readonly difference: number;
  readonly from_original: number;
  readonly reloaded: number;
  readonly parameters: number;
  readonly parameters_of_original: number;
}

describe('smaller groups in transformers', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();

  const peer = (python: string, script: string, ...args: string[]): string => {
    const env = { ...process.env, HF_HOME: path.join(folder, 'home'), HF_HUB_OFFLINE: '1' };
    const { status, stdout, stderr } = spawnSync(python, [script, ...args], { encoding: 'utf8', env });
    assert.equal(status, 0, stderr);
    return stdout;
  };

  const save = async ({ model, name, groups }: Case): Promise<void> => {
    const from = path.join(folder, model);
    const checkpoint = await openModel(from);
    const found = groupsIn(checkpoint.tensors);
    await checkpoint.close();
    const plans = groups.flatMap(([method, rankOf]) =>
      found
        .filter(({ kind }) => kind === GROUP_KINDS[method])
        .map((group, block): [string, GroupPlan] => [group.name, { method, rank: rankOf(block) }]),
    );
    assert.equal(plans.length, 2 * groups.length, `${model} has two blocks`);
    for (const layout of ['huggingface', 'dense'] as const) {
      const target = path.join(folder, `${model}-${name}${layout === 'dense' ? '-dense' : ''}`);
      const plan = { ...planOf({}), groups: Object.fromEntries(plans) };
      await runInProcess(from, { plan, layout, target, statistics: `${from}.statistics.safetensors` });
    }
  };

  it('load, put out what the dense reconstruction does, and are saved again', async () => {
    const python = pythonWith('torch', 'transformers', 'safetensors');
    if (python === undefined) {
      console.log('        No Python with torch, transformers and safetensors: not tried here.');
      return;
    }
    peer(python, MAKER, 'make', folder);
    for (const each of CASES) await save(each);
    const names = CASES.map(({ model, name }) => `${model}:${name}`);
    const results = JSON.parse(peer(python, PEER, folder, ...names)) as Record<string, Compared>;
    for (const { model, name, full } of CASES) {
      const found = results[`${model}:${name}`]!;
      const where = `${model} ${name}: ${JSON.stringify(found)}`;
      assert.deepEqual(found.problems, [], where);
      assert.ok(found.difference < TOLERANCE, where);
      assert.ok(found.reloaded < TOLERANCE, where);
      assert.ok(full ? found.from_original < TOLERANCE : found.from_original > OTHER, where);
      assert.ok(full ?? found.parameters < found.parameters_of_original, where);
      const config = JSON.parse(readFileSync(path.join(folder, `${model}-${name}`, 'config.json'), 'utf8')) as object;
      assert.equal('auto_map' in config, !name.endsWith('plain'), where);
    }
  });
});
