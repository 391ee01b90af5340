/** The layouts of quantised models: our own decoders and the programs that own the layouts read the reported numbers. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { widen } from '../../../../extension/checkpoint/elements/dtype';
import { decodeRowsOf } from '../../../../extension/checkpoint/quantised/blockCodes';
import { CompressionError } from '../../../../extension/compression/compressionError';
import type { FloatDType } from '../../../../extension/compression/narrow';
import { bitsandbytesLayout } from '../../../../extension/compression/writers/bitsandbytes';
import { compressedTensorsLayout } from '../../../../extension/compression/writers/compressedTensors';
import type { Layout } from '../../../../extension/compression/writers/writer';
import type { QuantisedPart } from '../../../../extension/shared/compression/parts';
import type { LayerChoice } from '../../../../extension/shared/compression/plans';
import { pythonWith } from '../../../harness/python';
import { repositoryRoot } from '../../../harness/shared';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { runLayout } from './layoutRun';
import { writeModel, type ModelFixture } from './modelFixture';

const [HIDDEN, INNER, VOCABULARY] = [64, 128, 40];
const BLOCK = 'model.layers.0.';

const LLAMA: ModelFixture = {
  tensors: {
    'model.embed_tokens.weight': [VOCABULARY, HIDDEN],
    [`${BLOCK}self_attn.q_proj.weight`]: [HIDDEN, HIDDEN],
    [`${BLOCK}self_attn.k_proj.weight`]: [32, HIDDEN],
    [`${BLOCK}self_attn.v_proj.weight`]: [32, HIDDEN],
    [`${BLOCK}self_attn.o_proj.weight`]: [HIDDEN, HIDDEN],
    [`${BLOCK}mlp.gate_proj.weight`]: [INNER, HIDDEN],
    [`${BLOCK}mlp.up_proj.weight`]: [INNER, HIDDEN],
    [`${BLOCK}mlp.down_proj.weight`]: [HIDDEN, INNER],
    [`${BLOCK}input_layernorm.weight`]: [HIDDEN],
    [`${BLOCK}post_attention_layernorm.weight`]: [HIDDEN],
    'model.norm.weight': [HIDDEN],
    'lm_head.weight': [VOCABULARY, HIDDEN],
  },
  config: {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: HIDDEN,
    intermediate_size: INNER,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: VOCABULARY,
    tie_word_embeddings: false,
  },
};

/** One stays dense: it has to be named as such. */
const WEIGHTS = ['self_attn.q_proj', 'self_attn.o_proj', 'mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'].map(
  (name) => `${BLOCK}${name}.weight`,
);

interface Case {
  name: string;
  layout: Layout;
  choice: LayerChoice;
}

const CASES: Case[] = [
  { name: 'bitsandbytes nf4', layout: bitsandbytesLayout, choice: { method: 'quantise', quantiser: 'nf4' } },
  {
    name: 'bitsandbytes int8',
    layout: bitsandbytesLayout,
    choice: { method: 'quantise', quantiser: 'int8', block: 0 },
  },
  ...(['int4', 'int8'] as const).flatMap((quantiser) =>
    [0, 32].map((block) => ({
      name: `compressed-tensors ${quantiser} ${block === 0 ? 'rows' : 'groups'}`,
      layout: compressedTensorsLayout,
      choice: { method: 'quantise', quantiser, block } as const,
    })),
  ),
  {
    name: 'compressed-tensors fp8',
    layout: compressedTensorsLayout,
    choice: { method: 'quantise', quantiser: 'fp8', block: 0 },
  },
  {
    name: 'compressed-tensors mxfp4',
    layout: compressedTensorsLayout,
    choice: { method: 'quantise', quantiser: 'mxfp4' },
  },
];

const positiveZero = (value: number): number => value + 0;

describe('layouts of quantised models', () => {
  const root = temporaryFolder();
  const script = path.join(repositoryRoot, 'test/unit/compression/writers/quantisedPeer.py');
  let models = 0;

  /** Saves, and returns the folder and the numbers of each weight's part. */
  async function save(
    layout: Layout,
    choices: Record<string, LayerChoice>,
    { fixture = LLAMA, dtype }: { fixture?: ModelFixture; dtype?: FloatDType } = {},
  ): Promise<{ folder: string; reported: Map<string, Float64Array> }> {
    const source = writeModel(path.join(root, `model${models}`), fixture);
    const reported = new Map<string, Float64Array>();
    const { files } = await runLayout(layout, source, {
      choices,
      ...(dtype && { dtype }),
      compressed: ({ layer, inputs }, made) => {
        const numbers = new Float64Array((made.parts[0]!.part as QuantisedPart).codes.length);
        decodeRowsOf(made.parts[0]!.part as QuantisedPart, inputs, (row, elements) =>
          numbers.set(elements, row * inputs),
        );
        reported.set(layer, numbers);
        return made;
      },
    });
    const folder = path.join(root, `saved${models++}`);
    mkdirSync(folder);
    for (const [name, content] of files) writeFileSync(path.join(folder, name), content);
    return { folder, reported };
  }

  const all = (choice: LayerChoice): Record<string, LayerChoice> =>
    Object.fromEntries(WEIGHTS.map((name) => [name, choice]));

  for (const { name, layout, choice } of CASES) {
    it(`${name}: our decoders read the reported numbers`, async () => {
      const { folder, reported } = await save(layout, all(choice));
      const model = await openModel(folder);
      try {
        assert.deepEqual(model.problems, []);
        for (const weight of WEIGHTS) {
          const tensor = model.tensors.find((each) => each.name === weight)!;
          assert.ok(tensor.encoding, `${weight} is not read as quantised`);
          assert.deepEqual(tensor.shape, LLAMA.tensors[weight]);
          assert.deepEqual(widen(await model.read(tensor), tensor.dtype), reported.get(weight), weight);
        }
        const kept = model.tensors.find((each) => each.name === `${BLOCK}self_attn.k_proj.weight`)!;
        assert.equal(kept.encoding, undefined);
      } finally {
        await model.close();
      }
    });
  }

  it('their own programs read the reported numbers, and transformers loads the folders', async () => {
    const python = pythonWith('torch', 'transformers', 'accelerate', 'compressed_tensors', 'bitsandbytes');
    if (python === undefined) {
      console.log('        no Python with transformers, compressed-tensors and bitsandbytes: not compared');
      return;
    }
    const saved: Awaited<ReturnType<typeof save>>[] = [];
    for (const { layout, choice } of CASES) saved.push(await save(layout, all(choice)));
    const input = JSON.stringify(saved.map(({ folder }) => ({ folder, weights: WEIGHTS })));
    const { stdout, stderr, status } = spawnSync(python, [script], { input, encoding: 'utf8', maxBuffer: 2 ** 28 });
    assert.equal(status, 0, stderr);
    const results = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
      decoded: Record<string, string>;
      difference: number;
    }[];
    for (const [i, { decoded, difference }] of results.entries()) {
      const { name } = CASES[i]!;
      for (const weight of WEIGHTS) {
        const bytes = new Uint8Array(Buffer.from(decoded[weight]!, 'base64'));
        const numbers = new Float64Array(new Float32Array(bytes.buffer));
        // MXFP4's zeros may be negative there.
        assert.deepEqual(
          numbers.map(positiveZero),
          saved[i]!.reported.get(weight)!.map(positiveZero),
          `${name}: ${weight}`,
        );
      }
      // bitsandbytes rounds the inputs of int8 products to 8 bits; in bfloat16 the order of sums shows.
      const allowed = name === 'bitsandbytes int8' ? 0.05 : name.endsWith('mxfp4') ? 0.01 : 1e-5;
      assert.ok(difference < allowed, `${name}: logits ${difference} apart`);
    }
  }).timeout(300_000);

  it('refuse what they cannot hold, and say what to do', async () => {
    const q = WEIGHTS[0]!;
    const nf4 = { method: 'quantise', quantiser: 'nf4' } as const;
    const int4 = { method: 'quantise', quantiser: 'int4' } as const;
    const { config: _, ...bare } = LLAMA;
    const quantised = { ...LLAMA, config: { ...(LLAMA.config as object), quantization_config: {} } };
    const by32 = { ...LLAMA, tensors: { 'a.weight': [8, 96] } };
    const odd = { ...LLAMA, tensors: { 'a.weight': [8, 60] } };
    const refusals: [RegExp, Layout, Record<string, LayerChoice>, { fixture?: ModelFixture; dtype?: FloatDType }?][] = [
      [/no config\.json|none beside/, bitsandbytesLayout, { [q]: nf4 }, { fixture: bare }],
      [/quantised already/, compressedTensorsLayout, { [q]: int4 }, { fixture: quantised }],
      [/method is svd/, compressedTensorsLayout, { [q]: { method: 'svd', rank: 2 } }],
      [/not the weight of a linear module/, compressedTensorsLayout, { 'model.embed_tokens.weight': int4 }],
      [/choose the same for all/, compressedTensorsLayout, { [q]: int4, [WEIGHTS[1]!]: { ...int4, block: 32 } }],
      [/takes nf4 and int8/, bitsandbytesLayout, { [q]: int4 }],
      [/takes int4, int8, fp8, mxfp4/, compressedTensorsLayout, { [q]: nf4 }],
      [/choose block 0/, bitsandbytesLayout, { [WEIGHTS[4]!]: { method: 'quantise', quantiser: 'int8' } }],
      [/choose block 0/, compressedTensorsLayout, { [q]: { method: 'quantise', quantiser: 'fp8' } }],
      [/no whole nf4 blocks of 64; no block .* divides/, bitsandbytesLayout, { 'a.weight': nf4 }, { fixture: odd }],
      [/no whole nf4 blocks of 64; choose a block of 32$/, bitsandbytesLayout, { 'a.weight': nf4 }, { fixture: by32 }],
      [/no whole blocks of 32/, compressedTensorsLayout, { 'a.weight': { ...int4, block: 32 } }, { fixture: odd }],
      [/do not fill words/, compressedTensorsLayout, { 'a.weight': { ...int4, block: 0 } }, { fixture: odd }],
      [/nf4 blocks of 48/, bitsandbytesLayout, { [q]: { ...nf4, block: 48 } }],
      [/no model computes/, bitsandbytesLayout, { [q]: nf4 }, { dtype: 'F64' }],
    ];
    for (const [message, layout, choices, options] of refusals) {
      await assert.rejects(
        save(layout, choices, options),
        (error: unknown) => {
          assert.ok(error instanceof CompressionError, String(error));
          assert.equal(error.code, 'unsupported');
          assert.match(error.message, message);
          return true;
        },
        String(message),
      );
    }
  });

  it('hold scales in the model’s dtype, exactly', async () => {
    for (const dtype of ['F16', 'BF16', 'F32'] as const) {
      const { folder, reported } = await save(compressedTensorsLayout, all({ method: 'quantise', quantiser: 'int8' }), {
        dtype,
      });
      const model = await openModel(folder);
      try {
        const tensor = model.tensors.find((each) => each.name === WEIGHTS[0]!)!;
        assert.deepEqual(widen(await model.read(tensor), tensor.dtype), reported.get(WEIGHTS[0]!), dtype);
      } finally {
        await model.close();
      }
    }
  });
});
