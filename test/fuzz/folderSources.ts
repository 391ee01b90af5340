/** Checkpoints of several files that the fuzzer damages: shards, pipelines, adapters, quantised weights, a download cache. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { float32Tensor, gptqParts, tensor as tensorOf, writeModel } from '../harness/checkpoints/quantisedFixtures';
import { pipelineFiles, writeFiles } from '../harness/checkpoints/pipelineFixture';
import { ramp, safetensorsBytes, writeSharded } from '../harness/checkpoints/safetensorsFixtures';
import { sharedFolder } from '../harness/shared';
import { partsFileBytes, partsOfAllKinds } from '../unit/checkpoint/parts/partsFiles';
import { made, type Source } from './source';

/** A weight of each of three schemes, whose configuration and states are damaged, too. */
export function quantised(): Source {
  const lay = (folder: string): void => {
    const state = Buffer.from('{"quant_type": "nf4", "blocksize": 64, "shape": [8, 8], "dtype": "float16"}');
    const parts = { outputs: 32, inputs: 64, bits: 4, groups: 2, groupOf: (i: number) => Math.floor(i / 32) };
    const tensors = [
      ...gptqParts({ ...parts, base: 'gptq', withIndex: true }).tensors,
      tensorOf('bnb.weight', 'U8', [32, 1], new Uint8Array(32).fill(0x5a)),
      float32Tensor('bnb.weight.absmax', [1], [2]),
      float32Tensor('bnb.weight.quant_map', [16], Array<number>(16).fill(0.5)),
      tensorOf('bnb.weight.quant_state.bitsandbytes__nf4', 'U8', [state.length], state),
      tensorOf('mlx.weight', 'U32', [2, 8], new Uint8Array(64).fill(0x21)),
      float32Tensor('mlx.scales', [2, 2], [1, 2, 3, 4]),
      float32Tensor('mlx.biases', [2, 2], [4, 3, 2, 1]),
      tensorOf('fp8.weight', 'F8_E4M3', [2, 4], new Uint8Array(8).fill(0x38)),
      float32Tensor('fp8.weight_scale', [2, 1], [1, 2]),
    ];
    writeModel(folder, tensors, { quantization_config: { group_size: 32, bits: 4 } });
  };
  const file = 'model.safetensors';
  return { name: 'quantised weights', open: file, damage: [file, file, 'config.json'], lay };
}

/** A LoRA adapter beside the model that it adapts. */
export function lora(): Source {
  const [adapter, config] = ['adapter/adapter_model.safetensors', 'adapter/adapter_config.json'];
  const module = 'base_model.model.h.0.attn';
  return {
    name: 'LoRA adapter',
    open: adapter,
    damage: [adapter, config, 'base/model.safetensors'],
    lay: (folder) => {
      writeModel(path.join(folder, 'base'), [ramp('h.0.attn.weight', [5, 7])]);
      mkdirSync(path.join(folder, 'adapter'));
      const factors = [ramp(`${module}.lora_A.weight`, [2, 7]), ramp(`${module}.lora_B.weight`, [5, 2])];
      writeFileSync(path.join(folder, adapter), safetensorsBytes(factors));
      const configuration = { peft_type: 'LORA', lora_alpha: 6, r: 2, base_model_name_or_path: 'base' };
      writeFileSync(path.join(folder, config), JSON.stringify(configuration));
    },
  };
}

/** Weights in parts, pairs of factors and a LoHa in one file. */
export function parts(): Source {
  const { tensors, weights } = partsOfAllKinds('F32');
  const factors = [
    ...[ramp('p.ALinear.weight', [5, 2]), ramp('p.BLinear.weight', [2, 7])],
    ...[ramp('x.lora_up.weight', [5, 2]), ramp('x.lora_down.weight', [2, 7]), ramp('x.alpha', [])],
    ...[
      ramp('y.hada_w1_a', [5, 2]),
      ramp('y.hada_w1_b', [2, 7]),
      ramp('y.hada_w2_a', [5, 2]),
      ramp('y.hada_w2_b', [2, 7]),
    ],
    ...[ramp('z.lokr_w1', [2, 3]), ramp('z.lokr_w2', [2, 2, 3, 3])],
  ];
  const bytes = partsFileBytes({ tensors: [...tensors, ...factors], weights });
  return { ...made('parts.safetensors', () => bytes), name: 'weights in parts' };
}

export function smallShards(): Source {
  return {
    name: 'small shards',
    open: 'model.safetensors.index.json',
    damage: ['model.safetensors.index.json', 'model-00001-of-00002.safetensors'],
    lay: (folder) => {
      writeSharded(folder, {
        'model-00001-of-00002.safetensors': [ramp('a.weight', [4, 3]), ramp('b.weight', [2, 6])],
        'model-00002-of-00002.safetensors': [ramp('c.weight', [3, 3], 5)],
      });
    },
  };
}

export function smallPipeline(): Source {
  return {
    name: 'small pipeline',
    open: '.',
    damage: ['model_index.json', 'unet/diffusion_pytorch_model.safetensors'],
    lay: (folder) => void writeFiles(folder, pipelineFiles()),
  };
}

/** A model of the download cache with one snapshot, opened by its folder. */
export function cachedModel(): Source {
  const model = 'models--me--net';
  return {
    name: 'model in the download cache',
    open: model,
    damage: [`${model}/refs/main`, `${model}/blobs/1`],
    lay: (folder) => {
      const root = path.join(folder, model);
      writeFiles(root, { 'refs/main': '0f1e', 'blobs/1': safetensorsBytes([ramp('w', [2])]) });
      mkdirSync(path.join(root, 'snapshots', '0f1e'), { recursive: true });
      symlinkSync('../../blobs/1', path.join(root, 'snapshots', '0f1e', 'model.safetensors'));
    },
  };
}

/** The index of a real checkpoint is damaged; its large shards are linked, not copied. */
export function referenceShards(): Source[] {
  if (sharedFolder === undefined) return [];
  const from = path.join(sharedFolder, 'checkpoints', 'use-lite-sharded-derived');
  const index = 'model.safetensors.index.json';
  const lay = (folder: string) => {
    writeFileSync(path.join(folder, index), readFileSync(path.join(from, index)));
    for (const shard of [1, 2, 3]) {
      const name = `model-0000${shard}-of-00003.safetensors`;
      symlinkSync(path.join(from, name), path.join(folder, name));
    }
  };
  return [{ name: 'use-lite-sharded-derived', open: index, damage: [index], lay }];
}
