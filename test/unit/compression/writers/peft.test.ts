/** The adapter that PEFT loads and the model beside it: their files, and that they add up. test/engine loads them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CompressionError } from '../../../../extension/compression/compressionError';
import { peftLayout } from '../../../../extension/compression/writers/peft';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { runLayout, type LayoutRun } from './layoutRun';
import { writeModel, type ModelFixture } from './modelFixture';
import { numbersOf, parsedFile } from './writtenFiles';

const GPT2: ModelFixture = {
  tensors: {
    'transformer.wte.weight': [9, 4],
    'transformer.h.0.mlp.c_fc.weight': [4, 7],
    'transformer.h.0.mlp.c_fc.bias': [7],
    'transformer.h.0.mlp.c_proj.weight': [7, 4],
    'transformer.h.0.mlp.c_proj.bias': [4],
    'lm_head.weight': [9, 4],
  },
  config: '{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "a": 1.0, "tie_word_embeddings": false}',
  files: { 'tokenizer.json': '{}' },
};

const PREFIX = 'base_model.model.';

function widenedBfloat16({ bytes }: { bytes: Uint8Array }): Float32Array {
  const words = new Uint32Array(bytes.length / 2).map((_, i) => (bytes[2 * i]! | (bytes[2 * i + 1]! << 8)) << 16);
  return new Float32Array(words.buffer);
}

describe('the PEFT adapter', () => {
  const root = temporaryFolder();
  let models = 0;
  const modelFolder = (): string => path.join(root, `model${models}`);
  const saved = (fixture: ModelFixture, run: LayoutRun) => {
    models++;
    return runLayout(peftLayout, writeModel(modelFolder(), fixture), run);
  };
  const sourceTensors = () => parsedFile(readFileSync(path.join(modelFolder(), 'model.safetensors'))).tensors;

  for (const method of ['pissa', 'olora'] as const) {
    it(`${method}: with its base it is the weight, of GPT-2’s modules, a table and an output matrix`, async () => {
      const choices = {
        'transformer.wte.weight': { method, rank: 3 },
        'transformer.h.0.mlp.c_fc.weight': { method, rank: 2 },
        'transformer.h.0.mlp.c_proj.weight': { method, rank: 2 },
        'lm_head.weight': { method, rank: 1 },
      };
      const { files } = await saved(GPT2, { choices });
      const source = sourceTensors();
      const base = parsedFile(files.get('base/model.safetensors')!).tensors;
      const adapter = parsedFile(files.get('adapter_model.safetensors')!);
      assert.deepEqual([...base.keys()].sort(), [...source.keys()].sort());
      assert.equal(adapter.metadata['format'], 'pt');
      for (const name of Object.keys(choices)) {
        const module = `${PREFIX}${name.slice(0, -'.weight'.length)}`;
        const isTable = name.includes('wte');
        const [a, b] = ['A', 'B'].map((side) =>
          adapter.tensors.get(isTable ? `${module}.lora_embedding_${side}` : `${module}.lora_${side}.weight`),
        );
        const [outputs, rank] = b!.shape as [number, number];
        const inputs = a!.shape[1]!;
        const [right, left] = [numbersOf(a!), numbersOf(b!)];
        const stored = numbersOf(base.get(name)!);
        const whole = numbersOf(source.get(name)!);
        // The table and GPT-2's modules hold in × out.
        const lies = name !== 'lm_head.weight';
        for (let i = 0; i < outputs; i++) {
          for (let j = 0; j < inputs; j++) {
            let sum = 0;
            for (let k = 0; k < rank; k++) sum += left[i * rank + k]! * right[k * inputs + j]!;
            const at = lies ? j * outputs + i : i * inputs + j;
            assert.ok(Math.abs(stored[at]! + sum - whole[at]!) < 1e-6, `${name} ${i},${j}`);
          }
        }
        assert.notDeepEqual(stored, whole);
      }
      const bias = 'transformer.h.0.mlp.c_fc.bias';
      assert.deepEqual(base.get(bias)!.bytes, source.get(bias)!.bytes);
      assert.deepEqual(JSON.parse(files.get('adapter_config.json')!.toString()), {
        ...{ peft_type: 'LORA', task_type: 'CAUSAL_LM', base_model_name_or_path: './base' },
        ...{ r: 2, lora_alpha: 2, lora_dropout: 0, bias: 'none', fan_in_fan_out: true, init_lora_weights: true },
        ...{ use_rslora: false, use_dora: false, inference_mode: true },
        rank_pattern: { 'transformer.wte': 3, lm_head: 1 },
        alpha_pattern: { 'transformer.wte': 3, lm_head: 1 },
        target_modules: ['transformer.wte', 'transformer.h.0.mlp.c_fc', 'transformer.h.0.mlp.c_proj', 'lm_head'],
      });
      assert.equal(files.get('base/config.json')!.toString(), GPT2.config, 'the model’s own configuration');
      assert.ok(files.has('base/tokenizer.json'));
    });
  }

  it('lq-lora: the base holds the decoded blocks', async () => {
    const choices = { 'a.weight': { method: 'lq-lora', rank: 2, quantiser: 'nf4', block: 16 } } as const;
    const { files } = await saved({ tensors: { 'a.weight': [12, 16] } }, { choices });
    const base = numbersOf(parsedFile(files.get('base/model.safetensors')!).tensors.get('a.weight')!);
    const source = numbersOf(sourceTensors().get('a.weight')!);
    // The sixteen values of NF4 (QLoRA, appendix E).
    const grid = [
      ...[-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635],
      ...[-0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634],
      ...[0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1],
    ];
    for (let row = 0; row < 12; row++) {
      const block = [...base.subarray(row * 16, (row + 1) * 16)];
      const scale = Math.max(...block.map(Math.abs));
      for (const value of block) {
        assert.ok(grid.some((level) => [scale, -scale].some((s) => Math.abs(value - s * level) < 1e-6 * scale)));
      }
    }
    assert.notDeepEqual(base, source);
    const config = JSON.parse(files.get('adapter_config.json')!.toString()) as Record<string, unknown>;
    assert.equal(config['task_type'], null);
  });

  it('eora: the adapter alone, which is what the quantised checkpoint lost', async () => {
    const choices = { 'a.weight': { method: 'eora', rank: 4 } } as const;
    const rounded = (w: Float64Array): Float64Array => w.map((value) => Math.round(4 * value) / 4);
    const { files, notes } = await saved({ tensors: { 'a.weight': [4, 6] } }, { choices, quantised: rounded });
    assert.deepEqual([...files.keys()].sort(), ['adapter_config.json', 'adapter_model.safetensors']);
    assert.ok(notes[0]!.startsWith('The adapter belongs to the quantised checkpoint'));
    const config = JSON.parse(files.get('adapter_config.json')!.toString()) as Record<string, unknown>;
    assert.equal(config['base_model_name_or_path'], null);
    const { tensors } = parsedFile(files.get('adapter_model.safetensors')!);
    const [a, b] = ['A', 'B'].map((side) => numbersOf(tensors.get(`${PREFIX}a.lora_${side}.weight`)!));
    const w = Float64Array.from(numbersOf(sourceTensors().get('a.weight')!));
    const base = rounded(w);
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 6; j++) {
        let sum = 0;
        for (let k = 0; k < 4; k++) sum += b![i * 4 + k]! * a![k * 6 + j]!;
        assert.ok(Math.abs(base[i * 6 + j]! + sum - w[i * 6 + j]!) < 1e-6);
      }
    }
  });

  for (const method of ['loftq', 'lq-lora'] as const) {
    it(`${method}: the error is that of the base as it is rounded to 16 bits, and the adapter`, async () => {
      const choices = { 'a.weight': { method, rank: 2, quantiser: 'int8' } } as const;
      const run = { choices, dtype: 'BF16' } as const;
      const { files, notes, measured } = await saved({ tensors: { 'a.weight': [12, 16] } }, run);
      assert.ok(notes.some((note) => note.includes('saved decoded')));
      const { tensors } = parsedFile(files.get('adapter_model.safetensors')!);
      const base = widenedBfloat16(parsedFile(files.get('base/model.safetensors')!).tensors.get('a.weight')!);
      const [a, b] = ['A', 'B'].map((side) => widenedBfloat16(tensors.get(`${PREFIX}a.lora_${side}.weight`)!));
      const whole = numbersOf(sourceTensors().get('a.weight')!);
      let [lost, total] = [0, 0];
      for (let i = 0; i < 12; i++) {
        for (let j = 0; j < 16; j++) {
          const sum = base[i * 16 + j]! + b![i * 2]! * a![j]! + b![i * 2 + 1]! * a![16 + j]!;
          lost += (whole[i * 16 + j]! - sum) ** 2;
          total += whole[i * 16 + j]! ** 2;
        }
      }
      const error = Math.sqrt(lost / total);
      const [{ relative_error }] = measured as [(typeof measured)[number]];
      assert.ok(Math.abs(relative_error - error) < 1e-9 * error, `${relative_error}, and the files give ${error}`);
    });
  }

  it('shards the base, not the adapter', async () => {
    const choices = { 'lm_head.weight': { method: 'pissa', rank: 2 } } as const;
    const { files } = await saved(GPT2, { choices, shardBytes: 200 });
    const names = [...files.keys()].sort();
    assert.ok(names.includes('base/model.safetensors.index.json'));
    assert.ok(names.includes('base/model-00001-of-00004.safetensors'), names.join());
    assert.ok(names.includes('adapter_model.safetensors'));
  });

  const refused = async (fixture: ModelFixture, run: LayoutRun, message: RegExp): Promise<void> => {
    await assert.rejects(saved(fixture, run), (error: unknown) => {
      assert.ok(error instanceof CompressionError && error.code === 'unsupported', String(error));
      assert.match(error.message, message);
      return true;
    });
  };

  it('refuses methods that make no adapter, naming the layout for them', async () => {
    const one = (method: 'svd' | 'dct') => ({ choices: { 'lm_head.weight': { method, rank: 2 } } });
    await refused(GPT2, one('svd'), /layer lm_head\.weight: the method svd makes no adapter; save it as huggingface/);
    await refused(GPT2, one('dct'), /dct makes no adapter; save it as safetensors/);
  });

  it('refuses tied weights, and adapters of two bases', async () => {
    const choices = { 'transformer.wte.weight': { method: 'pissa', rank: 2 } } as const;
    const tied = { ...GPT2, config: { model_type: 'gpt2' } };
    await refused(tied, { choices }, /tied weights/);
    const twins = { 'transformer.wte.weight': ['lm_head.weight'] };
    await refused(GPT2, { choices, twins }, /is one matrix with lm_head\.weight \(tied weights\)/);
    const mixed = {
      'transformer.h.0.mlp.c_fc.weight': { method: 'eora', rank: 2 },
      'transformer.h.0.mlp.c_proj.weight': { method: 'pissa', rank: 2 },
    } as const;
    await refused(
      GPT2,
      { choices: mixed },
      /\(eora\) belongs to a quantised checkpoint, and that of .*c_proj.*\(pissa\)/,
    );
  });
});
