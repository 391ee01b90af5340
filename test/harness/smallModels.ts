/** A small model of every kind of weight that a plan meets, in a folder as Hugging Face has them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CompressionPlan, LayerPlan } from '../../extension/shared/compression/plans';
import { randomMatrix } from './numbers/denseReference';
import { rawSafetensors, type FixtureTensor } from './checkpoints/safetensorsFixtures';

export function floatTensor(name: string, shape: number[], seed: number): FixtureTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from(randomMatrix(1, count, seed));
  return { name, dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) };
}

/** The upper half of each float32: BF16 by truncation. */
export function bf16Tensor(name: string, shape: number[], seed: number): FixtureTensor {
  const { bytes } = floatTensor(name, shape, seed);
  const halves = new Uint16Array(bytes.buffer).filter((_, index) => index % 2 === 1);
  return { name, dtype: 'BF16', shape, bytes: new Uint8Array(halves.buffer) };
}

/** Attention and a feed-forward layer, a convolution, a stack of experts, biases, a norm, integers. */
export function smallTensors(): FixtureTensor[] {
  return [
    bf16Tensor('model.embed_tokens.weight', [400, 64], 1),
    bf16Tensor('model.layers.0.self_attn.q_proj.weight', [64, 64], 2),
    bf16Tensor('model.layers.0.self_attn.q_proj.bias', [64], 3),
    bf16Tensor('model.layers.0.mlp.up_proj.weight', [160, 64], 4),
    bf16Tensor('model.layers.0.mlp.down_proj.weight', [64, 160], 5),
    bf16Tensor('model.layers.0.experts.gate_proj.weight', [3, 32, 48], 6),
    bf16Tensor('model.layers.0.input_layernorm.weight', [64], 7),
    floatTensor('model.conv.weight', [12, 6, 3, 3], 8),
    { name: 'model.position_ids', dtype: 'I64', shape: [5], bytes: new Uint8Array(new BigInt64Array(5).buffer) },
    floatTensor('lm_head.weight', [400, 64], 9),
  ];
}

/** The header is padded, as the reference implementation pads it. */
function alignedSafetensors(tensors: readonly FixtureTensor[]): Buffer {
  let at = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }) => {
    at += bytes.length;
    return [name, { dtype, shape, data_offsets: [at - bytes.length, at] }] as const;
  });
  const json = JSON.stringify(Object.fromEntries(entries));
  const padded = json.padEnd(Math.ceil(json.length / 8) * 8);
  return rawSafetensors(padded, Buffer.concat(tensors.map(({ bytes }) => bytes)));
}

/** @returns the folder */
export function writeSmallModel(
  folder: string,
  tensors = smallTensors(),
  config: object = { model_type: 'made' },
): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'model.safetensors'), alignedSafetensors(tensors));
  writeFileSync(path.join(folder, 'config.json'), `${JSON.stringify(config)}\n`);
  writeFileSync(path.join(folder, 'tokenizer.json'), '{"made": true}');
  writeFileSync(path.join(folder, 'notes.log'), 'not a file that a model needs');
  return folder;
}

/** A plan of these layers; the run looks at nothing else of it. */
export function planOf(layers: Record<string, LayerPlan>): CompressionPlan {
  return {
    ...{ version: 1, checkpoint: { name: 'made', fingerprint: '' }, target: { kind: 'parameters', value: 0.5 } },
    ...{ allocation: 'uniform', method: { method: 'svd' }, exclude: [], multiple: 1, layers },
  };
}
