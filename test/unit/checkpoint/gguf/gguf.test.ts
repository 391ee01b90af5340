import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint, TensorInfo } from '../../../../extension/checkpoint/checkpoint';
import { ggufFormat } from '../../../../extension/checkpoint/gguf/gguf';
import { huggingFaceName } from '../../../../extension/checkpoint/gguf/ggufNames';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { readModelConfig } from '../../../../extension/checkpoint/modelConfig';
import { summarise } from '../../../../extension/engine/document/summary';
import { floats, floatTensor, ggufFiles, GgufWriter, VALUE } from '../../../harness/checkpoints/ggufWriter';
import { sharedFolder } from '../../../harness/shared';
import nameFixtures from './ggufNameFixtures.json';

const little = new GgufWriter();
const { ARRAY, TEXT } = VALUE;

async function values(checkpoint: Checkpoint, tensor: TensorInfo, rows?: { start: number; end: number }) {
  return [...new Float32Array((await checkpoint.read(tensor, rows)).slice().buffer)];
}

describe('GGUF', () => {
  const { save, opened, outcome } = ggufFiles();

  it('shows shapes as PyTorch has them: GGUF lists the axis of neighbours first', async () => {
    const tensors = [floatTensor('w', [2, 3]), floatTensor('kernel', [4, 3, 2, 2]), floatTensor('b', [5])];
    await opened(little.file({ tensors }), ({ tensors: shown, format, problems }) => {
      assert.deepEqual(problems, []);
      assert.equal(format, 'gguf');
      assert.deepEqual(
        shown.map(({ name, shape, dtype, byteLength, kernelLayout }) => [name, shape, dtype, byteLength, kernelLayout]),
        [
          ['w', [2, 3], 'F32', 24, 'OI…'],
          ['kernel', [4, 3, 2, 2], 'F32', 192, 'OI…'],
          ['b', [5], 'F32', 20, 'OI…'],
        ],
      );
    });
  });

  for (const version of [2, 3]) {
    for (const bigEndian of [false, true]) {
      it(`reads version ${version}, ${bigEndian ? 'big' : 'little'}-endian: metadata and every plain type`, async () => {
        const writer = new GgufWriter(bigEndian);
        const swapped = (bytes: Uint8Array, size: number): Uint8Array => {
          const copy = Buffer.from(bytes);
          if (bigEndian) for (let at = 0; at < copy.length; at += size) copy.subarray(at, at + size).reverse();
          return copy;
        };
        const plain: [string, number, Uint8Array, number][] = [
          ['F32', 0, floats(4), 4],
          ['F16', 1, new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 1, 0x7bff).buffer), 2],
          ['BF16', 30, new Uint8Array(Uint16Array.of(0x3f80, 0xc000, 1, 0x7f7f).buffer), 2],
          ['F64', 28, new Uint8Array(Float64Array.of(1, -2, 1e300, 5e-324).buffer), 8],
          ['I8', 24, new Uint8Array(Int8Array.of(1, -2, 127, -128).buffer), 1],
          ['I16', 25, new Uint8Array(Int16Array.of(1, -2, 32767, -32768).buffer), 2],
          ['I32', 26, new Uint8Array(Int32Array.of(1, -2, 2 ** 31 - 1, -(2 ** 31)).buffer), 4],
          ['I64', 27, new Uint8Array(BigInt64Array.of(1n, -2n, 2n ** 62n, -(2n ** 63n)).buffer), 8],
        ];
        const tensors = plain.map(([name, type, bytes, size]) => ({
          ...{ name, dims: [2, 2], type, bytes: swapped(bytes, size) },
        }));
        const pairs = [writer.pair('general.architecture', TEXT, 'lla🦙'), writer.pair('n', VALUE.I64, -5n)];
        await opened(writer.file({ version, pairs, tensors }), async (checkpoint) => {
          assert.deepEqual(checkpoint.metadata, { 'general.architecture': 'lla🦙', n: '-5' });
          assert.deepEqual(checkpoint.problems, []);
          for (const [i, [name, , bytes, size]] of plain.entries()) {
            const tensor = checkpoint.tensors[i]!;
            assert.deepEqual([tensor.name, tensor.dtype, tensor.encoding], [name, name, undefined]);
            assert.deepEqual(Buffer.from(await checkpoint.read(tensor)), Buffer.from(bytes), name);
            const second = await checkpoint.read(tensor, { start: 1, end: 2 });
            assert.deepEqual(Buffer.from(second), Buffer.from(bytes.subarray(2 * size)), name);
          }
        });
      });
    }
  }

  it('reads bands of rows, and none outside', async () => {
    const tensors = [floatTensor('before', [5]), floatTensor('w', [4, 3]), floatTensor('none', [0, 3])];
    await opened(little.file({ tensors }), async (checkpoint) => {
      const [, w, none] = checkpoint.tensors;
      assert.deepEqual(await values(checkpoint, w!, { start: 1, end: 3 }), [3.5, 4.5, 5.5, 6.5, 7.5, 8.5]);
      assert.deepEqual(await values(checkpoint, w!, { start: 4, end: 4 }), []);
      assert.deepEqual(await values(checkpoint, none!), []);
      await assert.rejects(checkpoint.read(w!, { start: 0, end: 5 }), RangeError);
      await assert.rejects(checkpoint.read(w!, undefined, AbortSignal.abort()), { name: 'AbortError' });
    });
  });

  it('decodes tensors of several slices', async () => {
    // 2.5 slices of 2²⁰ elements.
    const blocks = (2.5 * 2 ** 20) / 32;
    const bytes = new Uint8Array(34 * blocks);
    for (let block = 0; block < blocks; block++) {
      bytes.set([0x00, 0x3c], 34 * block);
      bytes[34 * block + 2] = block % 100;
    }
    const tensors = [{ name: 'w', dims: [32, blocks], type: 8, bytes }];
    await opened(little.file({ tensors }), async (checkpoint) => {
      const decoded = new Float32Array((await checkpoint.read(checkpoint.tensors[0]!)).slice().buffer);
      const expected = new Float32Array(32 * blocks);
      for (let block = 0; block < blocks; block++) expected[32 * block] = block % 100;
      assert.ok(Buffer.from(decoded.buffer).equals(Buffer.from(expected.buffer)));
    });
  });

  it('finds tensors behind any alignment', async () => {
    for (const alignment of [1, 8, 64, 4096]) {
      const pairs = [little.pair('general.alignment', VALUE.U32, alignment)];
      const tensors = [floatTensor('a', [3]), floatTensor('b', [1], 7)];
      await opened(little.file({ pairs, tensors, alignment }), async (checkpoint) => {
        assert.deepEqual(await values(checkpoint, checkpoint.tensors[1]!), [7.5], String(alignment));
      });
    }
  });

  describe('metadata', () => {
    const shown = (type: number, value: Uint8Array): Promise<string> =>
      opened(little.file({ pairs: [{ key: 'k', type, value }] }), ({ metadata }) => metadata['k']!);
    const number = (type: number, value: number | bigint): Promise<string> => shown(type, little.number(type, value));

    it('shows numbers of every type', async () => {
      assert.equal(await number(VALUE.U8, 255), '255');
      assert.equal(await number(VALUE.I8, -1), '-1');
      assert.equal(await number(VALUE.U16, 65535), '65535');
      assert.equal(await number(VALUE.I16, -2), '-2');
      assert.equal(await number(VALUE.U32, 2 ** 32 - 1), '4294967295');
      assert.equal(await number(VALUE.I32, -3), '-3');
      assert.equal(await number(VALUE.F32, 1e-5), '0.00001');
      assert.equal(await number(VALUE.F32, 500_000), '500000');
      assert.equal(await number(VALUE.F32, Infinity), 'Infinity');
      assert.equal(await number(VALUE.F64, 0.1), '0.1');
      assert.equal(await number(VALUE.U64, 2n ** 64n - 1n), '18446744073709551615');
      assert.equal(await number(VALUE.I64, -(2n ** 63n)), '-9223372036854775808');
      assert.equal(await number(VALUE.BOOL, 1), 'true');
      assert.equal(await number(VALUE.BOOL, 0), 'false');
    });

    it('shows short arrays whole, and of long ones the first items and their number', async () => {
      const texts = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => little.text(`t${i}`));
      assert.equal(await shown(ARRAY, little.array(TEXT, texts(2))), '["t0", "t1"]');
      assert.equal(await shown(ARRAY, little.array(TEXT, [])), '[]');
      const heads = Array.from({ length: 80 }, () => little.number(VALUE.I32, 8));
      assert.equal(await shown(ARRAY, little.array(VALUE.I32, heads)), `[${heads.map(() => 8).join(', ')}]`);
      const words = '["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", … 300 in all]';
      assert.equal(await shown(ARRAY, little.array(TEXT, texts(300))), words);
      const long = little.array(TEXT, [little.text('x'.repeat(1000))]);
      assert.equal(await shown(ARRAY, long), `["${'x'.repeat(100)}… (1000 bytes)"]`);
      const nested = little.array(ARRAY, [
        little.array(VALUE.U8, [Buffer.of(1), Buffer.of(2)]),
        little.array(TEXT, []),
      ]);
      assert.equal(await shown(ARRAY, nested), '[[1, 2], []]');
    });

    it('finds what comes after a vocabulary of 50 000 words, and keeps none of them', async () => {
      const words = little.array(
        TEXT,
        Array.from({ length: 50_000 }, (_, i) => little.text(`token ${i}`)),
      );
      const scores = little.array(VALUE.F32, [new Uint8Array(200_000)], 50_000);
      const pairs = [
        { key: 'tokens', type: ARRAY, value: words },
        { key: 'scores', type: ARRAY, value: scores },
        little.pair('last', VALUE.U32, 7),
      ];
      await opened(little.file({ pairs, tensors: [floatTensor('w', [2])] }), async (checkpoint) => {
        assert.match(checkpoint.metadata['tokens']!, /^\["token 0", .*"token 7", … 50000 in all\]$/);
        assert.equal(checkpoint.metadata['scores'], '[0, 0, 0, 0, 0, 0, 0, 0, … 50000 in all]');
        assert.equal(checkpoint.metadata['last'], '7');
        assert.deepEqual(await values(checkpoint, checkpoint.tensors[0]!), [0.5, 1.5]);
      });
    });

    it('cuts texts that are books', async () => {
      const text = await shown(TEXT, little.text('x'.repeat(100_000)));
      assert.ok(text.length < 66_000 && text.endsWith('… (100000 bytes)'));
    });

    it('keeps the first of two values of a key, and keys that are special to JavaScript', async () => {
      const pairs = ['__proto__', 'k', 'k'].map((key, i) => little.pair(key, VALUE.U8, i));
      await opened(little.file({ pairs }), ({ metadata, problems }) => {
        assert.deepEqual(Object.entries(metadata), [
          ['__proto__', '0'],
          ['k', '1'],
        ]);
        assert.match(problems[0]!.message, /key k occurs twice/);
      });
    });
  });

  describe('types that are not decoded', () => {
    it('are listed from the header alone, and say why they cannot be read', async () => {
      const bytes = new Uint8Array(64);
      const tensors = [
        { name: 'old', dims: [32, 2], type: 31, bytes },
        { name: 'new', dims: [32, 2], type: 99, bytes },
        floatTensor('w', [2]),
      ];
      const file = save(little.file({ tensors }));
      const checkpoint = await ggufFormat.open(file);
      assert.deepEqual(checkpoint.problems, []);
      const [old, unknown, w] = checkpoint.tensors;
      assert.deepEqual([old!.shape, old!.encoding], [[2, 32], { name: 'Q4_0_4_4', byteLength: 64 }]);
      assert.match(old!.unreadable!, /^type Q4_0_4_4, /);
      assert.match(unknown!.unreadable!, /^type 99, /);
      await assert.rejects(checkpoint.read(old!), {
        code: 'unsupported',
        message: /tensor old: type Q4_0_4_4/,
      });
      assert.deepEqual(await values(checkpoint, w!), [0.5, 1.5]);
      const summary = summarise(checkpoint, 'd', [], await readModelConfig(checkpoint));
      assert.match(summary.tensors[0]!.noSpectrum!, /Q4_0_4_4/);
      await checkpoint.close();
    });
  });

  it('says which versions it reads', async () => {
    for (const version of [0, 1, 4, 2 ** 31]) {
      await assert.rejects(outcome(little.file({ version })), { code: 'unsupported', message: /2 and 3 are read/ });
    }
  });

  it('offers Hugging Face’s names where the architecture’s are known', async () => {
    const tensors = ['token_embd.weight', 'blk.11.attn_q.bias', 'blk.3.ffn_gate_exps.weight'].map((name) =>
      floatTensor(name, [2, 2]),
    );
    const aliases = async (architecture: string): Promise<unknown[]> =>
      opened(
        little.file({ pairs: [little.pair('general.architecture', TEXT, architecture)], tensors }),
        async (checkpoint) =>
          summarise(checkpoint, 'd', [], await readModelConfig(checkpoint)).tensors.map(({ alias }) => alias),
      );
    assert.deepEqual(await aliases('llama'), [
      'model.embed_tokens.weight',
      'model.layers.11.self_attn.q_proj.bias',
      undefined,
    ]);
    assert.deepEqual(await aliases('bert'), [
      'embeddings.word_embeddings.weight',
      'encoder.layer.11.attention.self.query.bias',
      undefined,
    ]);
    assert.deepEqual(await aliases('nobody knows'), [undefined, undefined, undefined]);
  });

  it('spells them as each architecture does', () => {
    const spelled: readonly [string, string, string][] = [
      ['llama', 'blk.2.ffn_gate_inp.weight', 'model.layers.2.block_sparse_moe.gate.weight'],
      ['gpt-oss', 'blk.2.ffn_gate_inp.bias', 'model.layers.2.mlp.router.bias'],
      ['gpt-oss', 'blk.2.post_attention_norm.weight', 'model.layers.2.post_attention_layernorm.weight'],
      ['glm4', 'blk.2.ffn_up.weight', 'model.layers.2.mlp.gate_up_proj.weight'],
      ['glm4', 'blk.2.post_attention_norm.weight', 'model.layers.2.post_self_attn_layernorm.weight'],
      ['glm4', 'blk.2.ffn_norm.weight', 'model.layers.2.post_attention_layernorm.weight'],
      ['cohere2', 'blk.2.attn_k.weight', 'model.layers.2.self_attn.k_proj.weight'],
      ['phi2', 'blk.2.attn_output.weight', 'model.layers.2.self_attn.dense.weight'],
      ['phi2', 'output_norm.bias', 'model.final_layernorm.bias'],
      ['falcon', 'blk.2.attn_qkv.weight', 'transformer.h.2.self_attention.query_key_value.weight'],
      ['falcon', 'token_embd.weight', 'transformer.word_embeddings.weight'],
    ];
    for (const [architecture, name, expected] of spelled) {
      assert.equal(huggingFaceName(name, architecture), expected, `${architecture}, ${name}`);
    }
    assert.equal(huggingFaceName('blk.2.attn_norm.weight', 'falcon'), undefined);
  });

  it('spells them as llama.cpp’s own table reads them', () => {
    let checked = 0;
    for (const [architecture, names] of Object.entries(nameFixtures.names)) {
      for (const [name, gguf] of Object.entries(names)) {
        assert.equal(huggingFaceName(gguf, architecture), name, `${architecture}, ${gguf}`);
        checked++;
      }
    }
    assert.ok(checked > 400, String(checked));
  });

  it('takes the architecture from the metadata, and blocks and width from the names', async () => {
    const tensors = [floatTensor('token_embd.weight', [9, 4]), floatTensor('blk.0.attn_q.weight', [4, 4])];
    const described = (pairs: ReturnType<GgufWriter['pair']>[]): Promise<string> =>
      opened(
        little.file({ pairs, tensors }),
        async (checkpoint) => summarise(checkpoint, 'd', [], await readModelConfig(checkpoint)).architecture,
      );
    assert.equal(await described([little.pair('general.architecture', TEXT, 'qwen3')]), 'qwen3 (1 block, hidden 4)');
    assert.equal(await described([]), 'llama.cpp transformer (1 block, hidden 4)');
  });
});

if (sharedFolder === undefined) console.log('GGUF: reference checkpoints not found, those tests are left out');
else describeReferences(path.join(sharedFolder, 'checkpoints'));

function describeReferences(folder: string): void {
  describe('GGUF, on the reference checkpoints', () => {
    const derived = path.join(folder, 'stories260K-llama-derived');

    /** Of each tensor by Hugging Face's name: the float32 numbers. */
    async function contents(file: string): Promise<Map<string, { tensor: TensorInfo; values: Float32Array }>> {
      const checkpoint = await openModel(file);
      assert.deepEqual(checkpoint.problems, []);
      const found = new Map<string, { tensor: TensorInfo; values: Float32Array }>();
      for (const tensor of checkpoint.tensors) {
        const bytes = (await checkpoint.read(tensor)).slice();
        found.set(tensor.alias ?? tensor.name, { tensor, values: new Float32Array(bytes.buffer) });
      }
      await checkpoint.close();
      return found;
    }

    it('has the names, shapes and bits of the same model in safetensors', async () => {
      const gguf = await contents(path.join(folder, 'stories260K-llama', 'stories260K.gguf'));
      const safetensors = await contents(path.join(derived, 'model.safetensors'));
      assert.deepEqual([...gguf.keys()].sort(), [...safetensors.keys()].sort());
      for (const [name, { tensor, values: ours }] of gguf) {
        const other = safetensors.get(name)!;
        assert.deepEqual(tensor.shape, other.tensor.shape, name);
        assert.ok(Buffer.from(ours.buffer).equals(Buffer.from(other.values.buffer)), name);
      }
    });

    for (const { file, levels } of [
      { file: 'stories260K-Q8_0.gguf', levels: 127 },
      { file: 'stories260K-Q4_0.gguf', levels: 8 },
    ]) {
      it(`decodes ${file} within half a step of its ${levels} levels`, async () => {
        const exact = await contents(path.join(derived, 'model.safetensors'));
        let quantised = 0;
        for (const [name, { tensor, values: ours }] of await contents(path.join(derived, file))) {
          const reference = exact.get(name)!.values;
          if (!tensor.encoding) {
            assert.deepEqual(ours, reference, name);
            continue;
          }
          quantised++;
          for (let block = 0; block < ours.length; block += 32) {
            const largest = Math.max(...reference.subarray(block, block + 32).map(Math.abs));
            // One step where the range of Q4_0 ends before its 8th level; the scale itself is rounded to float16.
            const bound = (levels === 8 ? 1.01 : 0.51) * (largest / levels) + largest * 2 ** -10;
            for (let i = block; i < block + 32; i++) {
              assert.ok(Math.abs(ours[i]! - reference[i]!) <= bound, `${name} ${i}: ${ours[i]!} and ${reference[i]!}`);
            }
          }
        }
        assert.ok(quantised > 30, String(quantised));
      });
    }

    it('decodes Q8_0 as the description of its blocks says', async () => {
      const file = path.join(derived, 'stories260K-Q8_0.gguf');
      const bytes = readFileSync(file);
      const checkpoint = await ggufFormat.open(file);
      const tensor = checkpoint.tensors.find(({ name }) => name === 'blk.4.ffn_up.weight')!;
      const elements = new DataView((await checkpoint.read(tensor)).slice().buffer);
      await checkpoint.close();
      // Where the format's own Python reader finds it.
      const start = 477_216;
      for (let i = 0; i < 172 * 64; i++) {
        const block = start + 34 * Math.floor(i / 32);
        const bits = bytes.readUInt16LE(block);
        const exponent = (bits >> 10) & 31;
        const scale = (1 + (bits & 1023) / 1024) * 2 ** (exponent - 15) * (bits >> 15 ? -1 : 1);
        const value = scale * bytes.readInt8(block + 2 + (i % 32));
        assert.equal(elements.getFloat32(4 * i, true), Math.fround(value), String(i));
      }
    });
  });
}
