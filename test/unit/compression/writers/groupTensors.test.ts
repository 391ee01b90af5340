/** Smaller MLPs and attentions in a folder that transformers loads. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { openModel } from '../../../../extension/checkpoint/openModel';
import type { ReducedGroup } from '../../../../extension/compression/groups/reduceGroup';
import { huggingfaceLayout } from '../../../../extension/compression/writers/huggingface';
import type { Piece, SavedGroup, SaveJob } from '../../../../extension/compression/writers/writer';
import type { CompressionPlan, GroupMethodName } from '../../../../extension/shared/compression/plans';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { writeModel } from './modelFixture';
import { numbersOf, parsedFile } from './writtenFiles';
import { writtenBytes } from '../../../harness/writtenBytes';

const signal = new AbortController().signal;

/** Two blocks of a tiny Llama, or of a tiny GPT-2, whose modules hold in × out. */
const LLAMA = {
  tensors: Object.fromEntries(
    [0, 1].flatMap((block): [string, number[]][] => [
      [`model.layers.${block}.mlp.gate_proj.weight`, [6, 4]],
      [`model.layers.${block}.mlp.up_proj.weight`, [6, 4]],
      [`model.layers.${block}.mlp.down_proj.weight`, [4, 6]],
      [`model.layers.${block}.self_attn.v_proj.weight`, [4, 4]],
      [`model.layers.${block}.self_attn.v_proj.bias`, [4]],
    ]),
  ),
  config: '{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "intermediate_size": 6, "theta": 1.0}',
};

describe('smaller blocks in a Hugging Face folder', () => {
  const root = temporaryFolder();
  let models = 0;

  const saved = async (
    fixture: Parameters<typeof writeModel>[1],
    groups: readonly {
      name: string;
      method: GroupMethodName;
      rank: number;
      modules: Record<string, string>;
      reduced: ReducedGroup;
    }[],
  ) => {
    const checkpoint = await openModel(writeModel(path.join(root, `model${models++}`), fixture));
    try {
      const found = groups.map(({ name, method, rank, modules }): SavedGroup => {
        const members = Object.entries(modules).map(([role, module]) => {
          const tensor = checkpoint.tensors.find((each) => each.name === `${module}.weight`)!;
          const bias = checkpoint.tensors.find((each) => each.name === `${module}.bias`);
          const inputsFirst = module.includes('c_');
          const [rows, cols] = tensor.shape as [number, number];
          const [outputs, inputs] = inputsFirst ? [cols, rows] : [rows, cols];
          return { role, module, tensor, outputs, inputs, inputsFirst, ...(bias && { bias }) };
        });
        return { name, plan: { method, rank }, members, dtype: 'F32' };
      });
      const job: SaveJob = {
        ...{ checkpoint, plan: {} as CompressionPlan, weights: [], groups: found, leftOut: new Set<string>() },
        ...{ shardBytes: Infinity, note: {} },
      };
      const prepared = await huggingfaceLayout.prepare(job, signal);
      const contents = new Map<string, Uint8Array>();
      const pieces = found.map((group, index): Piece => {
        const replaced = prepared.replaceGroup!(group, groups[index]!.reduced);
        for (const { name, bytes } of replaced.tensors) contents.set(name, bytes);
        return { ...replaced, of: group.name, measured: [] };
      });
      const files = new Map<string, Buffer>();
      for (const file of await prepared.files(pieces, signal)) {
        const read = (_: string, tensor: string, start?: number, end?: number) =>
          Promise.resolve(contents.get(tensor)!.slice(start, end));
        files.set(file.path, await writtenBytes((append) => file.write(append, { read }, signal)));
      }
      const config = JSON.parse(files.get('config.json')!.toString()) as Record<string, unknown>;
      const notes = prepared.notes(pieces);
      return { files, config, notes, tensors: parsedFile(files.get('model.safetensors')!).tensors };
    } finally {
      await checkpoint.close();
    }
  };

  const counting = (length: number): Float64Array => Float64Array.from({ length }, (_, i) => i + 1);

  const mlp = (block: number, rank: number) => {
    const name = `model.layers.${block}.mlp`;
    const modules = { gate: `${name}.gate_proj`, up: `${name}.up_proj`, down: `${name}.down_proj` };
    const reduced: ReducedGroup = {
      modules: [
        { name: modules.gate, outputs: rank, inputs: 4, w: counting(4 * rank) },
        { name: modules.up, outputs: rank, inputs: 4, w: counting(4 * rank) },
        { name: modules.down, outputs: 4, inputs: rank, w: counting(4 * rank) },
      ],
      ...{ error: 0, notes: [] },
    };
    return { name, method: 'nystrom' as const, rank, modules, reduced };
  };

  it('of equal MLPs change one number of the configuration, and need no code', async () => {
    const { files, config, notes, tensors } = await saved(LLAMA, [mlp(0, 3), mlp(1, 3)]);
    assert.deepEqual(notes, [
      'Load it with AutoModelForCausalLM.from_pretrained(folder): it is a smaller model of the same architecture.',
    ]);
    assert.deepEqual([...files.keys()].sort(), ['config.json', 'model.safetensors']);
    assert.equal(
      files.get('config.json')!.toString(),
      LLAMA.config.replace('"intermediate_size": 6', '"intermediate_size": 3'),
    );
    assert.equal(config['auto_map'], undefined);
    assert.deepEqual(tensors.get('model.layers.1.mlp.down_proj.weight')!.shape, [4, 3]);
    assert.deepEqual([...numbersOf(tensors.get('model.layers.0.mlp.up_proj.weight')!)], [...counting(12)]);
  });

  for (const [what, groups] of [
    ['of different MLPs', [mlp(0, 3), mlp(1, 2)]],
    ['of some MLPs', [mlp(1, 2)]],
  ] as const) {
    it(`${what} are listed with their sizes`, async () => {
      const { files, config, notes } = await saved(LLAMA, groups);
      assert.match(notes[0]!, /trust_remote_code=True/);
      assert.ok(files.has('modeling_eigenscope.py'));
      assert.equal(config['intermediate_size'], 6);
      assert.deepEqual(config['auto_map'], {
        AutoModel: 'modeling_eigenscope.LlamaModel',
        AutoModelForCausalLM: 'modeling_eigenscope.LlamaForCausalLM',
      });
      const expected = groups.flatMap(({ modules, rank }) => [
        [modules.gate, [rank, 4]],
        [modules.up, [rank, 4]],
        [modules.down, [4, rank]],
      ]);
      assert.deepEqual(config['module_sizes'], Object.fromEntries(expected));
      assert.equal(config['truncation_ranks'], undefined);
    });
  }

  it('of heads store which outputs they make', async () => {
    const module = 'model.layers.0.self_attn.v_proj';
    const indices = Uint32Array.of(1, 3);
    const reduced: ReducedGroup = {
      modules: [
        {
          ...{ name: module, outputs: 2, inputs: 4, w: counting(8), bias: Float64Array.of(5, 7) },
          kept: { side: 'outputs', of: 4, indices },
        },
      ],
      ...{ error: 0, notes: [] },
    };
    const group = { name: 'model.layers.0.self_attn', method: 'vo' as const, rank: 1, modules: { v: module }, reduced };
    const { config, tensors } = await saved(LLAMA, [group]);
    assert.deepEqual(config['module_sizes'], { [module]: [2, 4] });
    assert.deepEqual(config['kept_outputs'], { [module]: 4 });
    const kept = tensors.get(`${module}.kept_outputs`)!;
    assert.equal(kept.dtype, 'I64');
    assert.deepEqual(
      [...new BigInt64Array(kept.bytes.buffer.slice(kept.bytes.byteOffset, kept.bytes.byteOffset + 16))],
      [1n, 3n],
    );
    assert.deepEqual([...numbersOf(tensors.get(`${module}.bias`)!)], [5, 7]);
  });

  it('of GPT-2 stay in × out, and its silent n_inner is said', async () => {
    const name = 'h.0.mlp';
    const fixture = {
      tensors: { [`${name}.c_fc.weight`]: [2, 8], [`${name}.c_fc.bias`]: [8], [`${name}.c_proj.weight`]: [8, 2] },
      config: '{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 2}',
    };
    const reduced: ReducedGroup = {
      modules: [
        { name: `${name}.c_fc`, outputs: 3, inputs: 2, w: counting(6), bias: counting(3) },
        { name: `${name}.c_proj`, outputs: 2, inputs: 3, w: counting(6) },
      ],
      ...{ error: 0, notes: [] },
    };
    const modules = { up: `${name}.c_fc`, down: `${name}.c_proj` };
    const { config, tensors } = await saved(fixture, [{ name, method: 'nystrom', rank: 3, modules, reduced }]);
    assert.equal(config['n_inner'], 3);
    assert.deepEqual(tensors.get(`${name}.c_fc.weight`)!.shape, [2, 3]);
    assert.deepEqual([...numbersOf(tensors.get(`${name}.c_fc.weight`)!)], [1, 3, 5, 2, 4, 6]);
  });
});
