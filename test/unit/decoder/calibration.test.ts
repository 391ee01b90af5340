/** Statistics of the inputs of a model's modules beside those that PyTorch's hooks collected in transformers. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../extension/checkpoint/openModel';
import { openSafetensorsStatistics } from '../../../extension/compression/statistics/safetensorsStatistics';
import { openStatistics } from '../../../extension/compression/statistics/statisticsSource';
import { calibrateDecoder, type Calibrated } from '../../../extension/decoder/calibrateDecoder';
import { openDecoder } from '../../../extension/decoder/openDecoder';
import { openSingleProducts } from '../../../extension/linalg/products/singleProducts';
import { onnxruntimeExists } from '../../harness/onnxruntime';
import { temporaryFolder } from '../../harness/temporaryFolder';
import { arraysOf, expectedOf, GOLDEN, namesIn, relativeDifference, withSessions } from './decoderModels';

const TOLERANCE = 1e-5;

describe('statistics of a decoder', function () {
  this.timeout(120_000);
  if (!onnxruntimeExists) return;
  const folder = temporaryFolder();

  async function calibrated(
    name: string,
    target: string,
    { gramBytes = 2 ** 30, windows }: { gramBytes?: number; windows?: readonly Int32Array[] } = {},
  ): Promise<Calibrated> {
    const place = path.join(GOLDEN, name);
    const model = await openModel(place);
    const products = await openSingleProducts();
    try {
      const decoder = await openDecoder(model);
      const tokens = windows ?? (await expectedOf(place)).windows;
      return await withSessions((sessions) =>
        calibrateDecoder(decoder, tokens, {
          ...{ sessions, multiply: products.multiply, target, overwrite: false, protect: model.files, gramBytes },
          inputs: 'a test',
        }),
      );
    } finally {
      await products.dispose();
      await model.close();
    }
  }

  for (const name of namesIn(GOLDEN)) {
    it(`${name}: Gram matrices, means and influence of PyTorch’s hooks`, async () => {
      const target = path.join(folder, `${name}.safetensors`);
      await calibrated(name, target);
      const file = await openSafetensorsStatistics(target);
      try {
        let compared = 0;
        for (const [key, { data }] of await arraysOf(path.join(GOLDEN, name, 'expected.safetensors'))) {
          const [, module, what] = /^(.+)\.(gram|mean|abs_mean|influence)$/.exec(key) ?? [];
          if (module === undefined) continue;
          compared++;
          if (what === 'influence') {
            const ours = file.blockInfluence.get(module);
            assert.ok(ours !== undefined && Math.abs(ours - data[0]!) <= TOLERANCE, `${key}: ${ours}, not ${data[0]}`);
            continue;
          }
          // transformers' router of Mixtral is called otherwise in its files.
          const own = file.named.get(module);
          assert.ok(own, module);
          const field = ({ gram: 'gram', mean: 'mean', abs_mean: 'absMean' } as const)[what as 'gram'];
          const found = relativeDifference(await own.fields[field]!.read(), data);
          assert.ok(found <= TOLERANCE, `${key}: ${found}`);
        }
        assert.ok(compared >= 14, `${compared} compared`);
        assert.deepEqual(file.problems, []);
      } finally {
        await file.close();
      }
    });
  }

  it('is read as statistics of every layer of the model, k and v with those of q', async () => {
    const target = path.join(folder, 'read.safetensors');
    const { layers } = await calibrated('llama', target);
    const model = await openModel(path.join(GOLDEN, 'llama'));
    const source = await openStatistics(target, model);
    try {
      const { covered, unknown, problems, blockInfluence } = source.summary;
      assert.deepEqual([unknown, problems], [[], []]);
      assert.equal(covered.length, 14);
      assert.equal(layers.length, 14);
      for (const layer of covered) assert.deepEqual([layer.tokens, layer.has.includes('gram')], [24, true]);
      assert.deepEqual(Object.keys(blockInfluence!).sort(), ['model.layers.0', 'model.layers.1']);
    } finally {
      await source.close();
      await model.close();
    }
  });

  it('experts: each token went to as many as the router chooses', async () => {
    const target = path.join(folder, 'experts.safetensors');
    await calibrated('mixtral', target);
    const file = await openSafetensorsStatistics(target);
    try {
      const gram = async (module: string): Promise<Float64Array> => file.named.get(module)!.fields.gram!.read();
      const block = 'model.layers.1.block_sparse_moe';
      const sum = new Float64Array(16 * 16);
      let tokens = 0;
      for (let expert = 0; expert < 4; expert++) {
        (await gram(`${block}.experts.${expert}.w1`)).forEach((value, i) => (sum[i]! += value));
        tokens += file.named.get(`${block}.experts.${expert}.w2`)!.tokens![0]!;
      }
      assert.equal(tokens, 2 * 24);
      assert.ok(
        relativeDifference(
          sum,
          (await gram(`${block}.gate`)).map((value) => 2 * value),
        ) <= TOLERANCE,
      );
    } finally {
      await file.close();
    }
  });

  it('an expert that no token went to is told, and has no numbers', async () => {
    const target = path.join(folder, 'few.safetensors');
    const { layers } = await calibrated('qwen3_moe', target, { windows: [Int32Array.of(3, 4)] });
    const unreached = layers.filter(({ tokens }) => tokens === 0);
    assert.ok(unreached.length > 0);
    const model = await openModel(path.join(GOLDEN, 'qwen3_moe'));
    const source = await openStatistics(target, model);
    try {
      const { refused } = source.summary;
      assert.match(refused[`${unreached[0]!.layer}.weight`]!, /no token reached it/);
    } finally {
      await source.close();
      await model.close();
    }
  });

  it('keeps to the memory for Gram matrices, the small ones first', async () => {
    const target = path.join(folder, 'small.safetensors');
    const { layers } = await calibrated('llama', target, { gramBytes: 3 * 8 * 16 ** 2 });
    const without = layers.filter(({ gram }) => !gram).map(({ layer }) => layer);
    assert.deepEqual(without, ['model.layers.0.mlp.down_proj', 'model.layers.1.mlp.down_proj']);
  });

  it('leaves nothing behind if it fails in the middle', async () => {
    const target = path.join(folder, 'never', 'x.safetensors');
    await assert.rejects(calibrated('llama', target), /no such folder|folder/);
    const other = path.join(folder, 'half.safetensors');
    await assert.rejects(calibrated('llama', other, { windows: [Int32Array.of(1, 99)] }), /token 2 of window 1 is 99/);
    assert.ok(!existsSync(other));
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes('half')),
      [],
    );
  });
});
