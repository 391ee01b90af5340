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
import {
  awqParts,
  float32Tensor,
  gptqParts,
  halfTensor,
  integers,
  packedRows,
  scalesOf,
  tensor,
  writeModel,
} from '../../harness/checkpoints/quantisedFixtures';
import { E2M1 } from '../../harness/checkpoints/quantisedModels';
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

  /** The dense weight is that of the parts and a little beside it. */
  async function assertAdaptsParts(
    name: string,
    parts: { tensors: readonly FixtureTensor[]; weight: ArrayLike<number> },
    config: object = {},
  ): Promise<void> {
    const quantised = path.dirname(writeModel(at(name), parts.tensors, { ...CONFIG, ...config }));
    const values = Float64Array.from(parts.weight, (value, i) => Math.fround(value + 0.1 * weight[i]!));
    await assertAdapts(model(`dense-${name}`, values), values, quantised, `eora-${name}`);
  }

  const codes = integers(OUT * IN, 16, 9);
  /** Two a byte, the first in the lower bits. */
  const pairs = Uint8Array.from({ length: codes.length / 2 }, (_, i) => codes[2 * i]! + 16 * codes[2 * i + 1]!);
  const exponents = Uint8Array.from(integers((OUT * IN) / 32, 5, 10), (step) => 120 + step);

  it('of AWQ', () =>
    assertAdaptsParts('awq', awqParts({ base: NAME, outputs: OUT, inputs: IN, groups: 2 }), {
      quantization_config: { quant_method: 'awq', version: 'GEMM', bits: 4, group_size: 32 },
    }));

  it('of MLX, 4 bits with biases', () => {
    const groups = (OUT * IN) / 32;
    const [scale, bias] = [scalesOf(groups, 4), scalesOf(groups, 5)];
    const tensors = [
      tensor(`${NAME}.weight`, 'U32', [OUT, IN / 8], packedRows(codes, OUT, 4)),
      halfTensor(`${NAME}.scales`, [OUT, IN / 32], scale),
      halfTensor(`${NAME}.biases`, [OUT, IN / 32], bias),
    ];
    const numbers = codes.map((code, i) => code * scale[Math.floor(i / 32)]! + bias[Math.floor(i / 32)]!);
    return assertAdaptsParts('mlx', { tensors, weight: numbers }, { quantization: { bits: 4, group_size: 32 } });
  });

  it('of MLX, mxfp4', () => {
    const tensors = [
      tensor(`${NAME}.weight`, 'U32', [OUT, IN / 8], packedRows(codes, OUT, 4)),
      tensor(`${NAME}.scales`, 'U8', [OUT, IN / 32], exponents),
    ];
    const config = { quantization: { mode: 'mxfp4', bits: 4, group_size: 32 } };
    return assertAdaptsParts('mlx-mxfp4', { tensors, weight: mxfp4Numbers() }, config);
  });

  it('of NVFP4', () => {
    // E4M3 from 0x30 on: eight steps a binade from 0.5 on.
    const steps = integers((OUT * IN) / 16, 16, 11);
    const whole = Math.fround(2.7);
    const scale = steps.map((step) => Math.fround((2 ** (Math.floor(step / 8) - 1) * (1 + (step % 8) / 8)) / whole));
    const tensors = [
      tensor(`${NAME}.weight_packed`, 'U8', [OUT, IN / 2], pairs),
      tensor(
        `${NAME}.weight_scale`,
        'F8_E4M3',
        [OUT, IN / 16],
        Uint8Array.from(steps, (step) => 0x30 + step),
      ),
      float32Tensor(`${NAME}.weight_global_scale`, [1], [whole]),
    ];
    const numbers = codes.map((code, i) => Math.fround(E2M1[code]! * scale[Math.floor(i / 16)]!));
    return assertAdaptsParts('nvfp4', { tensors, weight: numbers });
  });

  it('of MXFP4', () => {
    const tensors = [
      tensor(`${NAME}.weight_packed`, 'U8', [OUT, IN / 2], pairs),
      tensor(`${NAME}.weight_scale`, 'U8', [OUT, IN / 32], exponents),
    ];
    return assertAdaptsParts('mxfp4', { tensors, weight: mxfp4Numbers() });
  });

  for (const [rows, cols] of [
    [32, 64],
    [32, 32],
  ] as const) {
    it(`of gpt-oss’s experts, which lie the other way round in the dense model, ${rows} × ${cols}`, async () => {
      const stack = 'model.layers.0.mlp.experts.down_proj';
      const [name, count] = [`gpt-oss-${cols}`, 2 * rows * cols];
      const tensors = [
        tensor(`${stack}_blocks`, 'U8', [2, rows, cols / 32, 16], pairs.slice(0, count / 2)),
        tensor(`${stack}_scales`, 'U8', [2, rows, cols / 32], exponents.slice(0, count / 32)),
      ];
      const quantised = path.dirname(writeModel(at(name), tensors, CONFIG));
      const numbers = mxfp4Numbers().slice(0, count);
      const turned = new Float64Array(count);
      numbers.forEach((value, i) => {
        const [expert, row, col] = [Math.floor(i / rows / cols), Math.floor(i / cols) % rows, i % cols];
        turned[(expert * cols + col) * rows + row] = Math.fround(value + 0.1 * weight[i]!);
      });
      const dense = path.dirname(writeModel(at(`dense-${name}`), [inF32(stack, [2, cols, rows], turned)], CONFIG));
      const file = at(`statistics-${name}.safetensors`);
      const gram = Float64Array.from({ length: rows * rows }, (_, i) => (i % (rows + 1) === 0 ? 1 : 0));
      writeFileSync(file, safetensorsBytes([inF32(`${stack}[1].input_gram`, [rows, rows], gram)]));
      const plan = planOf({ [`${stack}[1]`]: { method: 'eora', rank: 4 } });
      const request = { plan, statistics: file, quantised } as const;
      await assert.rejects(runInProcess(dense, { ...request, layout: 'peft', target: at(`peft-${name}`) }), {
        code: 'unsupported',
      });
      const { layers } = await runInProcess(dense, { ...request, layout: 'dense', target: at(`out-${name}`) });
      const own = turned.subarray(count / 2);
      const lost = 0.1 * Math.hypot(...weight.slice(count / 2, count));
      const alone = lost / Math.hypot(...own);
      assert.ok(layers[0]!.relative_error < alone, `${layers[0]!.relative_error} beside ${alone}`);
    });
  }

  function mxfp4Numbers(): number[] {
    return codes.map((code, i) => E2M1[code]! * 2 ** (exponents[Math.floor(i / 32)]! - 127));
  }
});
