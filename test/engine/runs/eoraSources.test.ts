/**
 * Adapters for each kind of quantised checkpoint, end to end: the decoded weight and the adapter add up to the dense weight.
 * The quantised checkpoints are Eigenscope's own, in the layouts of bitsandbytes and compressed-tensors, and made ones.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../extension/checkpoint/openModel';
import { widen } from '../../../extension/checkpoint/elements/dtype';
import type { LayerPlan } from '../../../extension/shared/compression/plans';
import { gptqParts, writeModel } from '../../harness/checkpoints/quantisedFixtures';
import { safetensorsBytes, type FixtureTensor } from '../../harness/checkpoints/safetensorsFixtures';
import { naiveProduct, randomMatrix } from '../../harness/numbers/denseReference';
import { runInProcess } from '../../harness/planRuns';
import { planOf } from '../../harness/smallModels';
import { temporaryFolder } from '../../harness/temporaryFolder';
import { parseSafetensors } from '../../unit/compression/savingFixture';

const NAME = 'model.layers.0.mlp.up_proj';
const [OUT, IN] = [96, 64];
const CONFIG = { model_type: 'llama', architectures: ['LlamaForCausalLM'] };

function inF32(name: string, shape: number[], values: Float64Array): FixtureTensor {
  return { name, dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

describe('eora over a quantised checkpoint', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const at = (name: string): string => path.join(folder, name);
  const weight = randomMatrix(OUT, IN, 1);
  const statistics = at('statistics.safetensors');
  const model = (name: string, values: Float64Array): string =>
    path.dirname(writeModel(at(name), [inF32(`${NAME}.weight`, [OUT, IN], values)], CONFIG));

  before(() => {
    const inputs = randomMatrix(IN, 3 * IN, 5);
    const gram = naiveProduct(inputs, inputs, IN, IN, 3 * IN, false, true);
    writeFileSync(statistics, safetensorsBytes([inF32(`${NAME}.input_gram`, [IN, IN], gram)]));
  });

  async function decoded(checkpoint: string): Promise<Float64Array> {
    const opened = await openModel(checkpoint);
    try {
      const tensor = opened.tensors.find(({ name }) => name === `${NAME}.weight`)!;
      assert.ok(tensor.encoding ?? tensor.dtype !== 'F32', 'it is quantised');
      return widen(await opened.read(tensor), tensor.dtype);
    } finally {
      await opened.close();
    }
  }

  /** Runs eora; the adapter and the decoded weight are the dense one at full rank, and nearer to it at a small one. */
  async function assertAdapts(dense: string, values: Float64Array, quantised: string, name: string): Promise<void> {
    const base = await decoded(quantised);
    const distances = [];
    for (const rank of [IN, 8]) {
      const layers = { [`${NAME}.weight`]: { method: 'eora', rank } } satisfies Record<string, LayerPlan>;
      const target = at(`${name}-${rank}`);
      const request = { plan: planOf(layers), layout: 'peft', target, statistics, quantised } as const;
      const { layers: measured } = await runInProcess(dense, request);
      const { tensors } = parseSafetensors(path.join(target, 'adapter_model.safetensors'));
      const [a, b] = ['A', 'B'].map((side) =>
        widen(tensors.get(`base_model.model.${NAME}.lora_${side}.weight`)!.bytes, 'F32'),
      );
      const sum = naiveProduct(b!, a!, OUT, IN, rank, false, false).map((value, i) => value + base[i]!);
      const distance = Math.hypot(...sum.map((value, i) => value - values[i]!)) / Math.hypot(...values);
      assert.ok(Math.abs(measured[0]!.relative_error - distance) < 1e-6, `${measured[0]!.relative_error}, ${distance}`);
      distances.push(distance);
      const config = JSON.parse(readFileSync(path.join(target, 'adapter_config.json'), 'utf8')) as object;
      assert.equal((config as { base_model_name_or_path: string }).base_model_name_or_path, path.resolve(quantised));
    }
    const alone = Math.hypot(...base.map((value, i) => value - values[i]!)) / Math.hypot(...values);
    assert.ok(alone > 1e-4, `what was quantised lost ${alone}`);
    assert.ok(distances[0]! < 1e-6 && distances[1]! < alone, `${distances.join(', ')} beside ${alone}`);
  }

  for (const [layout, quantiser, block] of [
    ['bitsandbytes', 'nf4', 64],
    ['bitsandbytes', 'int8', 0],
    ['compressed-tensors', 'int4', 32],
    ['compressed-tensors', 'int8', 0],
    ['compressed-tensors', 'fp8', 0],
  ] as const) {
    it(`in ${layout}’s layout, ${quantiser}`, async () => {
      const name = `${layout}-${quantiser}`;
      const dense = model(`dense-${name}`, weight);
      const plan = planOf({ [`${NAME}.weight`]: { method: 'quantise', quantiser, block } });
      const { path: quantised } = await runInProcess(dense, { plan, layout, target: at(name) });
      await assertAdapts(dense, Float64Array.from(weight, Math.fround), quantised, `eora-${name}`);
    });
  }

  it('of GPTQ, in the order of activations', async () => {
    const parts = { base: NAME, outputs: OUT, inputs: IN, bits: 4, groups: 2, groupOf: (input: number) => input % 2 };
    const made = gptqParts({ ...parts, withIndex: true });
    const config = { ...CONFIG, quantization_config: { quant_method: 'gptq', bits: 4, group_size: 32 } };
    const quantised = path.dirname(writeModel(at('gptq'), made.tensors, config));
    const values = Float64Array.from(made.weight, (value, i) => Math.fround(value + 0.1 * weight[i]!));
    await assertAdapts(model('dense-gptq', values), values, quantised, 'eora-gptq');
  });

  it('of FP8 with an inverse scale for each block, as DeepSeek-V3 has it', async () => {
    const codes = Uint8Array.from({ length: OUT * IN }, (_, i) => (i * 37) % 126);
    const scales = Float64Array.from({ length: 6 }, (_, i) => 2 ** -(i + 6));
    const tensors = [
      { name: `${NAME}.weight`, dtype: 'F8_E4M3', shape: [OUT, IN], bytes: codes },
      inF32(`${NAME}.weight_scale_inv`, [3, 2], scales),
    ];
    const config = { ...CONFIG, quantization_config: { quant_method: 'fp8', weight_block_size: [32, 32] } };
    const quantised = path.dirname(writeModel(at('fp8'), tensors, config));
    const numbers = widen(codes, 'F8_E4M3');
    const values = Float64Array.from(weight, (value, i) => {
      const block = 2 * Math.floor(i / IN / 32) + Math.floor((i % IN) / 32);
      return Math.fround(numbers[i]! * scales[block]! + 0.01 * value);
    });
    await assertAdapts(model('dense-fp8', values), values, quantised, 'eora-fp8');
  });
});
