import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint, TensorInfo } from '../../../../extension/checkpoint/checkpoint';
import { guessArchitecture } from '../../../../extension/engine/document/architecture';
import { readModelConfig } from '../../../../extension/checkpoint/modelConfig';
import { temporaryFolder } from '../../../harness/temporaryFolder';

const tensor = (name: string, shape: readonly number[] = [64, 64]): TensorInfo => ({
  ...{ name, group: '', shape, dtype: 'F32', kernelLayout: 'OI…' },
  byteLength: 4 * shape.reduce((product, size) => product * size, 1),
});

describe('the guess of what a checkpoint is', () => {
  const folder = temporaryFolder();

  it('goes by the config.json beside it: its architecture, its class, or its type', async () => {
    for (const [config, name] of [
      [{ architectures: ['LlamaForCausalLM'], model_type: 'llama' }, 'LlamaForCausalLM (2 blocks)'],
      [{ _class_name: 'UNet2DConditionModel', _diffusers_version: '0.30.0' }, 'UNet2DConditionModel (2 blocks)'],
      [{ model_type: 'llama' }, 'llama (2 blocks)'],
      [{ architectures: 'none', model_type: 7 }, 'LLaMA-style transformer (2 blocks)'],
    ] as const) {
      writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
      const tensors = [0, 1].flatMap((block) => [
        tensor(`model.layers.${block}.self_attn.q_proj.weight`),
        tensor(`model.layers.${block}.mlp.gate_proj.weight`),
      ]);
      const files = [path.join(folder, 'model.safetensors')];
      const { fields } = await readModelConfig({ format: 'safetensors', files } as unknown as Checkpoint);
      assert.equal(guessArchitecture(tensors, fields), name);
    }
  });

  it('calls a network convolutional for one kernel, however many dense layers follow', () => {
    const dense = [1, 2, 3].map((i) => tensor(`dense${i}.weight`));
    const guess = (...tensors: TensorInfo[]): string => guessArchitecture([...dense, ...tensors], {});
    assert.equal(guess(tensor('conv1.weight', [32, 3, 3, 3])), 'convolutional network');
    assert.equal(guess(tensor('conv1d.weight', [32, 3, 5])), 'convolutional network');
    assert.equal(guess(tensor('k', [8, 3, 3, 3, 3])), 'convolutional network');
    assert.equal(guess(), 'dense network');
    assert.equal(guess(tensor('mask', [1, 1, 64, 64])), 'dense network');
    assert.equal(guess(tensor('experts.w1', [8, 64, 64])), 'dense network');
  });

  it('counts all blocks of a model of 90 000 tensors', () => {
    const tensors = Array.from({ length: 90_000 }, (_, index) => {
      const part = ['self_attn.q_proj', 'mlp.gate_proj', 'mlp.experts.0.up_proj'][index % 3]!;
      return tensor(`model.layers.${Math.floor(index / 1500)}.${part}.weight`);
    });
    assert.equal(guessArchitecture(tensors, {}), 'mixture-of-experts transformer (60 blocks)');
  });
});
