/** A run whose plan makes MLPs and attentions smaller as a whole. Errors are held to the inputs behind the statistics. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import type { GroupPlan } from '../../../extension/shared/compression/plans';
import type { RunRequest, RunResult } from '../../../extension/shared/compression/runs';
import { safetensorsBytes, type FixtureTensor } from '../../harness/checkpoints/safetensorsFixtures';
import { randomMatrix } from '../../harness/numbers/denseReference';
import { runInProcess } from '../../harness/planRuns';
import { floatTensor, planOf, writeSmallModel } from '../../harness/smallModels';
import { temporaryFolder } from '../../harness/temporaryFolder';
import { parseSafetensors } from '../../unit/compression/savingFixture';

const [WIDTH, CHANNELS, HEADS, KEY_HEADS, HEAD, TOKENS] = [16, 24, 4, 2, 4, 100];
const ATTENTION = 'model.layers.0.self_attn';
const MLP = 'model.layers.0.mlp';
const CONFIG = {
  ...{ model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_size: WIDTH, intermediate_size: CHANNELS },
  ...{ num_attention_heads: HEADS, num_key_value_heads: KEY_HEADS, head_dim: HEAD, num_hidden_layers: 1 },
};

const kernels = loadKernels();

function gram(name: string, x: Float64Array): FixtureTensor {
  const n = x.length / TOKENS;
  const sums = new Float64Array(kernels.gram(x, n, TOKENS, 'rows'));
  return { name: `${name}.input_gram`, dtype: 'F64', shape: [n, n], bytes: new Uint8Array(sums.buffer) };
}

describe('running a plan with groups', () => {
  const folder = temporaryFolder();
  const model = writeSmallModel(
    path.join(folder, 'model'),
    [
      floatTensor('model.embed_tokens.weight', [50, WIDTH], 1),
      floatTensor(`${ATTENTION}.q_proj.weight`, [HEADS * HEAD, WIDTH], 2),
      floatTensor(`${ATTENTION}.k_proj.weight`, [KEY_HEADS * HEAD, WIDTH], 3),
      floatTensor(`${ATTENTION}.v_proj.weight`, [KEY_HEADS * HEAD, WIDTH], 4),
      floatTensor(`${ATTENTION}.o_proj.weight`, [WIDTH, HEADS * HEAD], 5),
      floatTensor(`${MLP}.gate_proj.weight`, [CHANNELS, WIDTH], 6),
      floatTensor(`${MLP}.up_proj.weight`, [CHANNELS, WIDTH], 7),
      floatTensor(`${MLP}.down_proj.weight`, [WIDTH, CHANNELS], 8),
      floatTensor('lm_head.weight', [50, WIDTH], 9),
    ],
    CONFIG,
  );
  const inner = randomMatrix(CHANNELS, TOKENS, 10);
  const outer = randomMatrix(WIDTH, TOKENS, 11);
  const statistics = path.join(folder, 'statistics.safetensors');
  writeFileSync(
    statistics,
    safetensorsBytes([
      gram(`${MLP}.down_proj`, inner),
      gram(`${ATTENTION}.v_proj`, outer),
      gram(`${ATTENTION}.q_proj`, outer),
    ]),
  );
  let count = 0;

  function run(groups: Record<string, GroupPlan>, request: Partial<RunRequest> = {}): Promise<RunResult> {
    const target = path.join(folder, `out-${count++}`);
    const plan = { ...planOf({}), groups };
    return runInProcess(model, { plan, layout: 'dense', target, statistics, ...request });
  }

  const read = (file: string, name: string): Float64Array => {
    const { bytes } = parseSafetensors(file).tensors.get(name)!;
    return Float64Array.from(new Float32Array(new Uint8Array(bytes).buffer));
  };
  const original = (name: string): Float64Array => read(path.join(model, 'model.safetensors'), name);
  const norm = (values: Float64Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

  it('takes channels out of an MLP, at its own size in a dense copy', async () => {
    const { path: out, layers } = await run({ [MLP]: { method: 'nystrom', rank: 15 } });
    const file = path.join(out, 'model.safetensors');
    const before = original(`${MLP}.down_proj.weight`);
    const after = read(file, `${MLP}.down_proj.weight`);
    const whole = kernels.multiply(before, inner, WIDTH, TOKENS, CHANNELS, false, false);
    const lost = kernels.multiply(
      before.map((value, at) => value - after[at]!),
      inner,
      WIDTH,
      TOKENS,
      CHANNELS,
      false,
      false,
    );
    const error = norm(lost) / norm(whole);
    assert.deepEqual([layers.length, layers[0]!.layer], [1, MLP]);
    assert.ok(error > 0.01 && Math.abs(layers[0]!.relative_error - error) < 1e-6 * error, `${error}`);
    const up = read(file, `${MLP}.up_proj.weight`);
    const rows = Array.from({ length: CHANNELS }, (_, row) => norm(up.subarray(row * WIDTH, (row + 1) * WIDTH)));
    assert.equal(rows.filter((row) => row > 0).length, 15);
    for (const [channel, row] of rows.entries()) {
      const column = Float64Array.from({ length: WIDTH }, (_, i) => after[i * CHANNELS + channel]!);
      assert.equal(norm(column) > 0, row > 0, 'the channels that stay are the same in up and down');
    }
    assert.deepEqual(layers[0]!.parameters, { before: 3 * CHANNELS * WIDTH, after: 3 * 15 * WIDTH });
  });

  it('saves a smaller MLP for transformers under another intermediate_size', async () => {
    const { path: out } = await run({ [MLP]: { method: 'nystrom', rank: 15 } }, { layout: 'huggingface' });
    const config = JSON.parse(readFileSync(path.join(out, 'config.json'), 'utf8')) as Record<string, unknown>;
    assert.equal(config['intermediate_size'], 15);
    const { tensors } = parseSafetensors(path.join(out, 'model.safetensors'));
    assert.deepEqual(tensors.get(`${MLP}.down_proj.weight`)!.shape, [WIDTH, 15]);
    assert.deepEqual(tensors.get(`${MLP}.gate_proj.weight`)!.shape, [15, WIDTH]);
  });

  it('takes dimensions out of value heads', async () => {
    const { path: out, layers } = await run({ [ATTENTION]: { method: 'vo', rank: 2 } });
    const file = path.join(out, 'model.safetensors');
    let lost = 0;
    let whole = 0;
    for (let query = 0; query < HEADS; query++) {
      const product = (v: Float64Array, o: Float64Array): Float64Array => {
        const head = Math.floor((query * KEY_HEADS) / HEADS);
        const values = v.subarray(head * HEAD * WIDTH, (head + 1) * HEAD * WIDTH);
        const columns = Float64Array.from(
          { length: WIDTH * HEAD },
          (_, at) => o[Math.floor(at / HEAD) * HEADS * HEAD + query * HEAD + (at % HEAD)]!,
        );
        const both = kernels.multiply(columns, values, WIDTH, WIDTH, HEAD, false, false);
        return kernels.multiply(both, outer, WIDTH, TOKENS, WIDTH, false, false);
      };
      const names = [`${ATTENTION}.v_proj.weight`, `${ATTENTION}.o_proj.weight`] as const;
      const before = product(original(names[0]), original(names[1]));
      const after = product(read(file, names[0]), read(file, names[1]));
      whole += norm(before) ** 2;
      lost += norm(before.map((value, at) => value - after[at]!)) ** 2;
    }
    const error = Math.sqrt(lost / whole);
    assert.ok(error > 0.01 && Math.abs(layers[0]!.relative_error - error) < 1e-5 * error, `${error}`);
  });

  it('takes pairs of dimensions out of queries and keys, for the loader', async () => {
    const { path: out } = await run({ [ATTENTION]: { method: 'qk', rank: 2 } }, { layout: 'huggingface' });
    const config = JSON.parse(readFileSync(path.join(out, 'config.json'), 'utf8')) as Record<string, unknown>;
    assert.deepEqual(config['kept_outputs'], {
      [`${ATTENTION}.q_proj`]: HEADS * HEAD,
      [`${ATTENTION}.k_proj`]: KEY_HEADS * HEAD,
    });
    const { tensors } = parseSafetensors(path.join(out, 'model.safetensors'));
    assert.deepEqual(tensors.get(`${ATTENTION}.k_proj.weight`)!.shape, [KEY_HEADS * 2, WIDTH]);
    const kept = new BigInt64Array(new Uint8Array(tensors.get(`${ATTENTION}.k_proj.kept_outputs`)!.bytes).buffer);
    const [a, b] = [Number(kept[0]), Number(kept[1])];
    assert.equal(b - a, HEAD / 2, 'rows that turn together');
  });

  const refusals: [string, Record<string, GroupPlan>, Partial<RunRequest>, RegExp][] = [
    [
      'another name',
      { 'model.layers.7.mlp': { method: 'nystrom', rank: 4 } },
      {},
      /no mlp of that name.*model\.layers\.0\.mlp/,
    ],
    ['an attention for an MLP', { [ATTENTION]: { method: 'nystrom', rank: 4 } }, {}, /no mlp of that name/],
    ['more channels than there are', { [MLP]: { method: 'nystrom', rank: 25 } }, {}, /from 1 to 24/],
    ['more dimensions than a head has', { [ATTENTION]: { method: 'vo', rank: 5 } }, {}, /from 1 to 4/],
    ['half a pair', { [ATTENTION]: { method: 'qk', rank: 1 } }, {}, /go in pairs/],
    [
      'a layout without a place for it',
      { [MLP]: { method: 'nystrom', rank: 4 } },
      { layout: 'safetensors' },
      /safetensors does not hold/,
    ],
    [
      'a layer that has a method of its own',
      { [MLP]: { method: 'nystrom', rank: 4 } },
      {
        plan: {
          ...planOf({ [`${MLP}.up_proj.weight`]: { method: 'svd', rank: 4 } }),
          groups: { [MLP]: { method: 'nystrom', rank: 4 } },
        },
      },
      /up_proj\.weight is compressed by a method of its own/,
    ],
  ];
  for (const [what, groups, request, message] of refusals) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(run(groups, request), message);
    });
  }

  it('refuses to go without statistics', async () => {
    const plan = { ...planOf({}), groups: { [MLP]: { method: 'nystrom', rank: 4 } as const } };
    const target = path.join(folder, `out-${count++}`);
    await assert.rejects(runInProcess(model, { plan, layout: 'dense', target }), /needs the Gram matrix/);
  });
});
