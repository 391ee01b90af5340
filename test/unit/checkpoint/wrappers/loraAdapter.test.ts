import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { saveCheckpointWith } from '../../../../extension/compression/safetensorsWriter';
import { readModelConfig } from '../../../../extension/checkpoint/modelConfig';
import { summarise } from '../../../../extension/engine/document/summary';
import { naiveProduct, randomMatrix } from '../../../harness/numbers/denseReference';
import { safetensorsBytes, type FixtureTensor } from '../../../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../../../harness/temporaryFolder';

const WRAPPED = 'base_model.model.';

function floats(name: string, shape: number[], values: Float64Array): FixtureTensor {
  return { name, dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** A module's A (rank × inner) and B (rows × rank). */
function pair(module: string, [rows, rank, inner]: [number, number, number], seed: number): FixtureTensor[] {
  return [
    floats(`${WRAPPED}${module}.lora_A.weight`, [rank, inner], randomMatrix(rank, inner, seed)),
    floats(`${WRAPPED}${module}.lora_B.weight`, [rows, rank], randomMatrix(rows, rank, seed + 1)),
  ];
}

function values({ bytes }: FixtureTensor): Float64Array {
  return Float64Array.from(new Float32Array(bytes.slice().buffer));
}

describe('LoRA adapters', () => {
  const folder = temporaryFolder();
  let count = 0;

  function made(tensors: readonly FixtureTensor[], config: object | string | undefined): string {
    const own = path.join(folder, `parent${count++}`, 'adapter');
    mkdirSync(own, { recursive: true });
    const file = path.join(own, 'adapter_model.safetensors');
    writeFileSync(file, safetensorsBytes(tensors));
    const text = typeof config === 'string' ? config : JSON.stringify({ peft_type: 'LORA', lora_alpha: 6, ...config });
    if (config !== undefined) writeFileSync(path.join(own, 'adapter_config.json'), text);
    return file;
  }

  async function opened(file: string, check: (checkpoint: Checkpoint) => Promise<void> | void): Promise<void> {
    const checkpoint = await openModel(file);
    try {
      await check(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  const products = ({ tensors }: Checkpoint): (readonly [string, number])[] =>
    tensors.flatMap(({ name, product }) => (product ? [[name, product.scale] as const] : []));

  it('show what a pair adds to its weight, after the pair, and read it band by band', async () => {
    const [a, b] = pair('h.0.attn', [5, 2, 7], 1) as [FixtureTensor, FixtureTensor];
    await opened(made([a, b, floats('x', [2], randomMatrix(1, 2, 9))], {}), async (checkpoint) => {
      assert.deepEqual(
        checkpoint.tensors.map(({ name }) => name),
        [a.name, b.name, `${WRAPPED}h.0.attn.delta_weight`, 'x'],
      );
      assert.deepEqual(checkpoint.problems, []);
      const delta = checkpoint.tensors[2]!;
      assert.deepEqual([delta.shape, delta.dtype, delta.encoding?.name], [[5, 7], 'F32', 'LoRA r=2']);
      const expected = naiveProduct(values(b), values(a), 5, 7, 2).map((value) => Math.fround(3 * value));
      const read = async (rows?: { start: number; end: number }): Promise<Float64Array> =>
        Float64Array.from(new Float32Array((await checkpoint.read(delta, rows)).slice().buffer));
      const whole = await read();
      assert.ok(whole.every((value, i) => Math.abs(value - expected[i]!) <= 1e-7));
      assert.deepEqual(await read({ start: 1, end: 4 }), whole.slice(7, 28));
      assert.deepEqual(await read({ start: 2, end: 2 }), new Float64Array(0));
    });
  });

  it('count parameters and bytes of what is stored alone', async () => {
    await opened(made(pair('m', [5, 2, 7], 1), {}), async (checkpoint) => {
      const summary = summarise(checkpoint, 'd', [], await readModelConfig(checkpoint));
      assert.deepEqual([summary.parameters, summary.bytes], [24, 96]);
      assert.deepEqual(summary.dtypes, [{ dtype: 'F32', parameters: 24 }]);
    });
  });

  it('scale by α/r, α/√r and a module’s own α, as PEFT does', async () => {
    const tensors = [...pair('a.q_proj', [3, 4, 5], 1), ...pair('a.v_proj', [3, 4, 5], 3)];
    const scales = async (config: object): Promise<number[]> => {
      let found: number[] = [];
      await opened(made(tensors, config), (checkpoint) => {
        found = products(checkpoint).map(([, scale]) => scale);
      });
      return found;
    };
    assert.deepEqual(await scales({}), [1.5, 1.5]);
    assert.deepEqual(await scales({ use_rslora: true }), [3, 3]);
    assert.deepEqual(await scales({ alpha_pattern: { v_proj: 8 } }), [1.5, 2]);
    assert.deepEqual(await scales({ alpha_pattern: { q_pro: 8 } }), [1.5, 1.5]);
  });

  it('know embeddings, whose product is transposed, and convolutions', async () => {
    const A = randomMatrix(2, 6, 1);
    const B = randomMatrix(4, 2, 2);
    const C = randomMatrix(2, 3 * 9, 3);
    const tensors = [
      floats(`${WRAPPED}wte.lora_embedding_A`, [2, 6], A),
      floats(`${WRAPPED}wte.lora_embedding_B`, [4, 2], B),
      floats(`${WRAPPED}conv.lora_A.default.weight`, [2, 3, 3, 3], C),
      floats(`${WRAPPED}conv.lora_B.default.weight`, [4, 2, 1, 1], B),
    ];
    await opened(made(tensors, {}), async (checkpoint) => {
      const [embedding, conv] = checkpoint.tensors.filter(({ product }) => product);
      assert.deepEqual(
        [embedding!.shape, conv!.shape],
        [
          [6, 4],
          [4, 3, 3, 3],
        ],
      );
      const close = async (tensor: typeof embedding, expected: Float64Array): Promise<void> => {
        const found = new Float32Array((await checkpoint.read(tensor!)).slice().buffer);
        assert.ok(found.every((value, i) => Math.abs(value - 3 * expected[i]!) <= 1e-6));
        assert.equal(found.length, expected.length);
      };
      await close(embedding, naiveProduct(A, B, 6, 4, 2, true, true));
      await close(conv, naiveProduct(B, C, 4, 27, 2));
    });
  });

  it('find the weight they add to in a base model beside them, and nowhere else', async () => {
    const tensors = pair('transformer.h.0.attn', [4, 2, 6], 1);
    const base = safetensorsBytes([floats('h.0.attn.weight', [6, 4], randomMatrix(6, 4, 8))]);
    const found = async (place: (adapter: string) => string, name = 'org/gpt2'): Promise<string | undefined> => {
      const file = made(tensors, { base_model_name_or_path: name });
      const target = place(path.dirname(file));
      mkdirSync(target, { recursive: true });
      writeFileSync(path.join(target, 'model.safetensors'), base);
      let weight: string | undefined;
      await opened(file, ({ tensors: all, files, weightFiles }) => {
        assert.equal(weightFiles, 1, 'neither its configuration nor the base model');
        weight = all.find(({ product }) => product)?.product?.base?.tensor.name;
        assert.equal(files.includes(path.join(target, 'model.safetensors')), weight !== undefined);
      });
      return weight;
    };
    assert.equal(await found((adapter) => adapter), 'h.0.attn.weight');
    assert.equal(await found((adapter) => path.dirname(adapter)), 'h.0.attn.weight');
    assert.equal(await found((adapter) => path.join(adapter, '../gpt2')), 'h.0.attn.weight');
    assert.equal(await found((adapter) => path.join(adapter, '../../elsewhere'), '../../elsewhere'), undefined);
    assert.equal(await found((adapter) => path.join(adapter, 'below')), undefined);
    // Whatever the name says, it is a folder beside the adapter's own.
    const elsewhere = path.join(folder, 'elsewhere');
    for (const name of [
      elsewhere,
      `${elsewhere}/`,
      '../../elsewhere/.',
      '..\\..\\elsewhere',
      'elsewhere\0',
      '.. ',
      '..',
    ]) {
      assert.equal(await found(() => elsewhere, name), undefined, JSON.stringify(name));
    }
    assert.equal(await found((adapter) => path.join(adapter, '../base'), '/srv/models/base/'), 'h.0.attn.weight');
    assert.equal(await found((adapter) => path.join(adapter, '../base'), 'C:\\models\\base'), 'h.0.attn.weight');
  });

  if (process.platform !== 'win32') {
    it('follow a link to the base model, which the person laid, and wait for no pipe', async () => {
      const tensors = pair('h.0.attn', [4, 2, 6], 1);
      const base = safetensorsBytes([floats('h.0.attn.weight', [6, 4], randomMatrix(6, 4, 8))]);
      const file = made(tensors, { base_model_name_or_path: 'org/linked' });
      const disk = path.join(folder, 'other-disk');
      mkdirSync(disk);
      writeFileSync(path.join(disk, 'model.safetensors'), base);
      const link = path.join(path.dirname(file), '..', 'linked');
      symlinkSync(disk, link);
      await opened(file, (checkpoint) => {
        const { product } = checkpoint.tensors.find((tensor) => tensor.product)!;
        assert.equal(product!.base!.checkpoint.path, path.join(link, 'model.safetensors'));
      });
      unlinkSync(link);
      mkdirSync(link);
      execFileSync('mkfifo', [path.join(link, 'model.safetensors')]);
      await opened(file, ({ problems }) => {
        assert.match(problems.map(({ message }) => message).join(), /linked.model\.safetensors: is not a regular file/);
      });
    });
  }

  it('are shown as plain tensors, with the reason, where the product is not known', async () => {
    const tensors = pair('m.q_proj', [3, 2, 4], 1);
    const reasons: [object | string | undefined, RegExp][] = [
      [undefined, /adapter_config\.json: is not there.*; put it beside the adapter$/],
      ['{"peft_type": ', /is not JSON/],
      [{ lora_alpha: 'much' }, /no number "lora_alpha"/],
      [{ use_qalora: true }, /QA-LoRA/],
      [{ alpha_pattern: { '.*q_proj': 3 } }, /"alpha_pattern" "\.\*q_proj"/],
      [{ alpha_pattern: { q_proj: null } }, /"alpha_pattern" "q_proj"/],
      [{ use_dora: true }, /DoRA.*merge_and_unload/],
      [{ target_parameters: ['experts.gate_up_proj'] }, /several experts/],
    ];
    for (const [config, reason] of reasons) {
      await opened(made(tensors, config), (checkpoint) => {
        assert.deepEqual(products(checkpoint), []);
        assert.equal(checkpoint.tensors.length, 2);
        assert.deepEqual(checkpoint.problems.length, 1);
        assert.match(checkpoint.problems[0]!.message, reason);
      });
    }
  });

  it('of one module are each shown under a name of its own', async () => {
    const A = randomMatrix(2, 4, 1);
    const B = randomMatrix(3, 2, 2);
    const tensors = ['default', 'second'].flatMap((adapter) => [
      floats(`m.lora_A.${adapter}.weight`, [2, 4], A),
      floats(`m.lora_B.${adapter}.weight`, [3, 2], B),
    ]);
    await opened(made(tensors, {}), (checkpoint) => {
      assert.deepEqual(
        products(checkpoint).map(([name]) => name),
        ['m.default.delta_weight', 'm.second.delta_weight'],
      );
      assert.deepEqual(checkpoint.problems, []);
    });
    const both = [...pair('m', [3, 2, 4], 1), floats(`${WRAPPED}m.lora_embedding_A`, [2, 4], A)];
    await opened(made([...both, floats(`${WRAPPED}m.lora_embedding_B`, [3, 2], B)], {}), (checkpoint) => {
      assert.equal(products(checkpoint).length, 1);
      assert.match(checkpoint.problems[0]!.message, /a tensor .*m\.delta_weight of its own/);
    });
  });

  it('in shards without an index have their configuration beside them', async () => {
    const [a, b] = pair('m', [3, 2, 4], 1) as [FixtureTensor, FixtureTensor];
    const own = path.dirname(made([a], {}));
    unlinkSync(path.join(own, 'adapter_model.safetensors'));
    writeFileSync(path.join(own, 'adapter_model-00001-of-00002.safetensors'), safetensorsBytes([a]));
    writeFileSync(path.join(own, 'adapter_model-00002-of-00002.safetensors'), safetensorsBytes([b]));
    await opened(own, (checkpoint) => {
      assert.deepEqual([products(checkpoint).length, checkpoint.problems], [1, []]);
    });
  });

  it('leave a factor alone, or of another rank, as it is, and say so', async () => {
    const [alone] = pair('a', [3, 2, 4], 1) as [FixtureTensor];
    const [A] = pair('b', [3, 2, 4], 1) as [FixtureTensor];
    const [, B] = pair('b', [3, 5, 4], 1) as [FixtureTensor, FixtureTensor];
    await opened(made([alone, A, B, ...pair('c', [3, 2, 4], 5)], {}), (checkpoint) => {
      assert.deepEqual(
        products(checkpoint).map(([name]) => name),
        [`${WRAPPED}c.delta_weight`],
      );
      const messages = checkpoint.problems.map(({ message }) => message).join('\n');
      assert.match(messages, /a\.lora_A\.weight has no lora_B beside it/);
      assert.match(messages, /b\.lora_A\.weight is no factor of a LoRA pair: A \[2, 4\] and B \[3, 5\]/);
    });
  });

  it('leave other PEFT methods and checkpoints without such tensors alone', async () => {
    await opened(made(pair('a', [3, 2, 4], 1), { peft_type: 'LOHA' }), (checkpoint) => {
      assert.deepEqual(products(checkpoint), []);
    });
    await opened(made([floats('w', [2, 2], randomMatrix(2, 2, 1))], 'not read'), (checkpoint) => {
      assert.deepEqual(checkpoint.problems, []);
    });
  });

  it('are saved without what is not stored', async () => {
    const tensors = pair('m', [3, 2, 4], 1);
    await opened(made(tensors, {}), async (checkpoint) => {
      const target = path.join(folder, 'saved.safetensors');
      await saveCheckpointWith(checkpoint, new Map(), { target, note: {} });
      await opened(target, (saved) => {
        assert.deepEqual(
          saved.tensors.map(({ name }) => name),
          tensors.map(({ name }) => name),
        );
      });
    });
  });
});
