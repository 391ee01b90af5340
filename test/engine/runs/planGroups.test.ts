/** Groups that `eigenscope plan` puts into a plan: one share for all of a kind. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parsePlan } from '../../../extension/compression/planFile/parsePlan';
import type { CompressionPlan } from '../../../extension/shared/compression/plans';
import { safetensorsBytes } from '../../harness/checkpoints/safetensorsFixtures';
import { commandLine } from '../../harness/commandLine';
import { floatTensor, writeSmallModel } from '../../harness/smallModels';
import { temporaryFolder } from '../../harness/temporaryFolder';
import { parseSafetensors } from '../../unit/compression/savingFixture';

const [WIDTH, CHANNELS, HEADS, HEAD] = [16, 40, 2, 8];

describe('groups in a plan from the terminal', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  const block = (index: number): ReturnType<typeof floatTensor>[] => [
    ...['q', 'k', 'v', 'o'].map((role, at) =>
      floatTensor(`model.layers.${index}.self_attn.${role}_proj.weight`, [HEADS * HEAD, WIDTH], 10 * index + at),
    ),
    floatTensor(`model.layers.${index}.mlp.gate_proj.weight`, [CHANNELS, WIDTH], 10 * index + 5),
    floatTensor(`model.layers.${index}.mlp.up_proj.weight`, [CHANNELS, WIDTH], 10 * index + 6),
    floatTensor(`model.layers.${index}.mlp.down_proj.weight`, [WIDTH, CHANNELS], 10 * index + 7),
  ];
  const model = writeSmallModel(path.join(folder, 'model'), [...block(0), ...block(1)], {
    ...{ model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_size: WIDTH, intermediate_size: CHANNELS },
    ...{ num_attention_heads: HEADS, num_key_value_heads: HEADS, head_dim: HEAD, num_hidden_layers: 2 },
  });
  const out = path.join(folder, 'a.eigenplan.json');
  const plan = (...options: string[]): ReturnType<typeof run> => {
    const ratio = options.includes('--ratio') ? [] : ['--ratio', '0.9'];
    return run('plan', model, ...ratio, '--out', out, '--overwrite', ...options);
  };
  const planned = (...options: string[]): CompressionPlan => {
    const { status, stderr } = plan(...options);
    assert.equal(status, 0, stderr);
    return parsePlan(readFileSync(out, 'utf8'), out);
  };
  const statistics = (name: string, blocks: readonly number[]): string => {
    const file = path.join(folder, name);
    const gram = new Float64Array(CHANNELS * CHANNELS);
    for (let i = 0; i < CHANNELS; i++) gram[i * CHANNELS + i] = 1 + i;
    const tensors = blocks.map((index) => ({
      name: `model.layers.${index}.mlp.down_proj.input_gram`,
      ...{ dtype: 'F64' as const, shape: [CHANNELS, CHANNELS], bytes: new Uint8Array(gram.buffer) },
    }));
    writeFileSync(file, safetensorsBytes(tensors));
    return file;
  };

  it('takes a share of the channels, and of the dimensions of a head', () => {
    const { groups, layers } = planned('--group', 'nystrom:0.7', '--group', 'qk:0.5');
    assert.deepEqual(groups, {
      'model.layers.0.mlp': { method: 'nystrom', rank: 28 },
      'model.layers.1.mlp': { method: 'nystrom', rank: 28 },
      'model.layers.0.self_attn': { method: 'qk', rank: 4 },
      'model.layers.1.self_attn': { method: 'qk', rank: 4 },
    });
    // The groups alone are below 0.9 of the size: nothing else need be lost.
    const whole = Object.keys(layers).filter((name) => 'method' in layers[name]!);
    assert.deepEqual(whole, []);
    const more = planned('--group', 'nystrom:0.7', '--group', 'qk:0.5', '--ratio', '0.5').layers;
    const own = Object.keys(more).filter((name) => 'method' in more[name]!);
    assert.ok(own.length > 0, 'what is in no group makes up for the rest');
    assert.ok(
      own.every((name) => /[vo]_proj/.test(name)),
      own.join(),
    );
    assert.equal(planned('--group', 'nystrom:0.7', '--multiple', '8').groups!['model.layers.0.mlp']!.rank, 24);
  });

  it('leaves groups that the statistics do not cover, says so, and makes a plan that runs', () => {
    const file = statistics('one.safetensors', [1]);
    const { status, stdout, stderr } = plan('--group', 'nystrom:0.5', '--stats', file);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /1 group by nystrom 20; the error above does not count/);
    assert.match(stdout, /no group model\.layers\.0\.mlp: the statistics have no Gram matrix of the inputs of/);
    const { groups } = parsePlan(readFileSync(out, 'utf8'), out);
    assert.deepEqual(Object.keys(groups!), ['model.layers.1.mlp']);
    const target = path.join(folder, 'out');
    const ran = run('compress', model, '--plan', out, '--to', 'huggingface', '--stats', file, '--out', target);
    assert.equal(ran.status, 0, ran.stderr);
    const { tensors } = parseSafetensors(path.join(target, 'model.safetensors'));
    assert.deepEqual(tensors.get('model.layers.1.mlp.up_proj.weight')?.shape, [20, WIDTH]);
    assert.deepEqual(tensors.get('model.layers.1.mlp.down_proj.weight')?.shape, [WIDTH, 20]);
    assert.deepEqual(tensors.get('model.layers.0.mlp.up_proj.weight')?.shape, [CHANNELS, WIDTH]);
  });

  it('refuses what it does not understand, and what cannot be', () => {
    const refused: [string[], RegExp][] = [
      [['nystrom'], /--group is METHOD:S, with S between 0 and 1, as in nystrom:0\.75, not "nystrom"/],
      [['nystrom:1'], /between 0 and 1/],
      [['nystrom:0'], /between 0 and 1/],
      [['svd:0.5'], /--group is nystrom, vo, qk, not "svd"/],
      [['vo:0.5', 'vo:0.6'], /--group vo is given more than once/],
      [['vo:0.5', 'qk:0.5'], /model\.layers\.0\.self_attn cannot become smaller by vo and by qk in one plan/],
    ];
    for (const [groups, message] of refused) {
      const { status, stderr } = plan(...groups.flatMap((group) => ['--group', group]));
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
    }
  });
});
