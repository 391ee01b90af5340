/**
 * Compressed folders and adapters in the programs that they are made for. transformers makes tiny random models of many
 * architectures, Eigenscope compresses them, and transformers and PEFT load the results: they put out what a dense model
 * puts out that has the products of the factors for weights.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../extension/checkpoint/openModel';
import type { MethodName } from '../../extension/shared/compression/methodTable';
import type { LayerChoice } from '../../extension/shared/compression/plans';
import { runInProcess } from '../harness/planRuns';
import { pythonWith } from '../harness/python';
import { repositoryRoot, sharedFolder } from '../harness/shared';
import { planOf } from '../harness/smallModels';
import { temporaryFolder } from '../harness/temporaryFolder';

const SCRIPT = path.join(repositoryRoot, 'test', 'engine', 'transformersPeer.py');
const LOADER = path.join(repositoryRoot, 'media', 'python', 'modeling_eigenscope.py');

/** float32, two products in place of one, through two layers. */
const TOLERANCE = 1e-5;

/** A compressed model is another one; a reconstruction that is not used would be the original. */
const OTHER = 1e-2;

/** Matrices at the ends of a language model, and what is looked up in by position. */
const ENDS = /embed|shared|wte|wpe|lm_head|relative/;

/** Matrices of the blocks; all of them; those of the blocks by methods that look at statistics. */
type Kind = 'blocks' | 'whole' | 'measured';

const PLAIN = ['svd'] as const;
const MEASURED = ['fwsvd', 'asvd', 'svd-llm', 'afm'] as const;
const ADAPTERS = ['pissa', 'olora', 'loftq', 'lq-lora'] as const;

/** Holds its embedding once more as the output matrix. */
const isTwice = (model: string): boolean => /^llama(?:twice|open)/.test(model);
const OUTPUT = 'lm_head.weight';

interface Loaded {
  architecture: string;
  pairs: number;
  pairs_of_base: number;
  problems: string[];
  difference: number;
  from_original: number;
  reloaded: number;
  added_biases: number;
  same_names: boolean;
}

describe('compressed models in transformers and PEFT', function () {
  this.timeout(600_000);
  const folder = temporaryFolder();
  const python = pythonWith('torch', 'transformers', 'safetensors');
  const hasPeft = pythonWith('torch', 'transformers', 'safetensors', 'peft') !== undefined;
  const replaced = new Map<string, number>();

  const peer = (command: string, ...names: string[]): string => {
    const env = {
      ...process.env,
      ...{ EIGENSCOPE_LOADER: LOADER, HF_HOME: path.join(folder, 'home'), HF_HUB_OFFLINE: '1' },
    };
    const { status, stdout, stderr } = spawnSync(python!, [SCRIPT, command, folder, ...names], {
      encoding: 'utf8',
      env,
    });
    assert.equal(status, 0, stderr);
    return stdout;
  };

  /** Every matrix but those of the ends, or every one; half of its rank at most, another rank for the next one. */
  const choices = async (model: string, all: boolean, methods: readonly MethodName[]) => {
    const checkpoint = await openModel(path.join(folder, model));
    const matrices = checkpoint.tensors.filter(
      ({ name, shape }) =>
        shape.length >= 2 &&
        name.endsWith('.weight') &&
        (all ? !(isTwice(model) && name === OUTPUT) : !ENDS.test(name)),
    );
    await checkpoint.close();
    const chosen = matrices.map(({ name, shape }, index): [string, LayerChoice] => {
      const smaller = Math.min(
        shape[0]!,
        shape.slice(1).reduce((a, b) => a * b),
      );
      return [
        name,
        { method: methods[index % methods.length]!, rank: Math.max(1, Math.floor(smaller / 2) - (index % 3)) },
      ];
    });
    return Object.fromEntries(chosen);
  };

  const compressed = async (model: string, layout: 'huggingface' | 'peft', kind: Kind = 'blocks'): Promise<string> => {
    const name = kind === 'blocks' ? model : `${model}${kind}`;
    const from = path.join(folder, name);
    if (kind !== 'blocks') cpSync(path.join(folder, model), from, { recursive: true });
    const methods = layout === 'peft' ? ADAPTERS : kind === 'measured' ? MEASURED : PLAIN;
    const layers = await choices(name, kind === 'whole', methods);
    const { layers: measured } = await runInProcess(from, {
      ...{ plan: planOf(layers), layout, shardBytes: 1e6 },
      target: path.join(folder, `${name}-${layout}`),
      ...(kind === 'measured' && { statistics: path.join(folder, `${model}.statistics.safetensors`) }),
    });
    assert.equal(measured.length, Object.keys(layers).length);
    replaced.set(name, measured.length);
    return name;
  };

  const MODELS = ['llama', 'llamatied', 'qwen2', 'mistral', 'gpt2', 'bert', 't5', 'vit'];
  /** With embeddings, their tied output matrices, and the convolution of patches. */
  const WHOLE = ['llamatied', 'llamatwice', 'llamaopen', 'gpt2', 'bert', 't5', 'vit'];
  /** Modules that share the two weights of a tied embedding; and a head that the base model lacks. */
  const TIED: Readonly<Record<string, number>> = {
    llamatiedwhole: 1,
    llamatwicewhole: 1,
    llamaopenwhole: 1,
    gpt2whole: 1,
    bertwhole: 1,
    t5whole: 3,
  };

  before(() => {
    if (python === undefined) {
      console.log(
        '      No Python with torch, transformers and safetensors (EIGENSCOPE_PYTHON names one): not tried here.',
      );
      return;
    }
    peer('make');
    if (sharedFolder !== undefined) {
      const source = path.join(sharedFolder, 'checkpoints', 'stories260K-llama-derived');
      mkdirSync(path.join(folder, 'stories'));
      for (const name of ['config.json', 'model.safetensors']) {
        cpSync(path.join(source, name), path.join(folder, 'stories', name));
      }
    }
  });

  it('transformers loads every architecture, puts out what the dense products do, and saves it again', async () => {
    if (python === undefined) return;
    const models = sharedFolder === undefined ? MODELS : [...MODELS, 'stories'];
    const names: string[] = [];
    for (const model of models) names.push(await compressed(model, 'huggingface'));
    for (const model of WHOLE) names.push(await compressed(model, 'huggingface', 'whole'));
    // One without biases, to which afm adds them, and one with some.
    for (const model of ['llama', 'qwen2']) names.push(await compressed(model, 'huggingface', 'measured'));
    assert.ok(
      readdirSync(path.join(folder, 'mistral-huggingface')).includes('model.safetensors.index.json'),
      'one of them is in shards',
    );
    const results = JSON.parse(peer('check', ...names)) as Record<string, Loaded>;
    assert.deepEqual(Object.keys(results).sort(), [...names].sort());
    for (const [name, loaded] of Object.entries(results)) {
      assert.deepEqual(loaded.problems, [], `${name}: weights that are missing or left over`);
      assert.equal(loaded.pairs, replaced.get(name)! + (TIED[name] ?? 0), `${name}: modules replaced`);
      assert.ok(loaded.pairs_of_base >= loaded.pairs - 3 && loaded.pairs_of_base > 0, `${name}: in the base model`);
      assert.ok(loaded.difference < TOLERANCE, `${name}: ${loaded.difference}`);
      assert.ok(loaded.from_original > OTHER, `${name}: ${loaded.from_original}`);
      assert.equal(loaded.reloaded, 0, `${name}: saved and loaded again`);
      assert.ok(loaded.same_names, `${name}: the names of its weights`);
    }
    assert.ok(results['llamameasured']!.added_biases > 0 && results['llama']!.added_biases === 0);
    const config = JSON.parse(readFileSync(path.join(folder, 'llama-huggingface', 'config.json'), 'utf8')) as {
      truncation_ranks: Record<string, number>;
    };
    assert.ok(new Set(Object.values(config.truncation_ranks)).size > 3, 'ranks differ from layer to layer');
  });

  it('the loader builds modules of other sizes, with zeros for outputs that went', () => {
    if (python === undefined) return;
    const results = JSON.parse(peer('sizes', 'llama', 'qwen2')) as Record<string, Omit<Loaded, 'pairs'>>;
    for (const [name, loaded] of Object.entries(results)) {
      assert.deepEqual(loaded.problems, [], name);
      assert.ok(loaded.difference < TOLERANCE, `${name}: ${loaded.difference}`);
      assert.ok(loaded.from_original > OTHER, name);
      assert.equal(loaded.reloaded, 0, name);
    }
  });

  it('PEFT loads the adapters onto their bases, and merges them', async () => {
    if (python === undefined || !hasPeft) {
      if (python !== undefined) console.log('      No PEFT in that Python: not tried here.');
      return;
    }
    // Not ViT: transformers 5 has other names for its modules, as the layout's note says.
    const names: string[] = [];
    for (const model of MODELS) if (model !== 'vit') names.push(await compressed(model, 'peft'));
    const results = JSON.parse(peer('adapt', ...names)) as Record<
      string,
      { adapted: number; difference: number; merged: number; base_alone: number }
    >;
    for (const [name, { adapted, difference, merged, base_alone }] of Object.entries(results)) {
      assert.equal(adapted, replaced.get(name)!, name);
      assert.ok(difference < TOLERANCE, `${name}: ${difference}`);
      assert.ok(merged < TOLERANCE, `${name}: ${merged} when merged`);
      assert.ok(base_alone > OTHER, `${name}: the base alone`);
    }
  });
});
