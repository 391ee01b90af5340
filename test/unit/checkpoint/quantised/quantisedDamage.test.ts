/** Quantised weights whose parts are missing or contradict one another: shown one by one, with the reason. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../../extension/checkpoint/openModel';
import {
  float32Tensor,
  gptqParts,
  halfTensor,
  tensor,
  writeModel,
} from '../../../harness/checkpoints/quantisedFixtures';
import type { FixtureTensor } from '../../../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../../../harness/temporaryFolder';

describe('damaged quantised weights', () => {
  const folder = temporaryFolder();
  let made = 0;

  async function opened<T>(
    tensors: readonly FixtureTensor[],
    config: unknown,
    check: (checkpoint: Checkpoint) => Promise<T>,
  ): Promise<T> {
    const checkpoint = await openModel(writeModel(path.join(folder, `made${made++}`), tensors, config));
    try {
      return await check(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  /** All parts stay, can be read, and one problem says why. */
  async function assertRefused(tensors: readonly FixtureTensor[], reason: RegExp, config?: unknown): Promise<void> {
    await opened(tensors, config, async (checkpoint) => {
      assert.deepEqual(
        checkpoint.tensors.map(({ name }) => name),
        tensors.map(({ name }) => name),
      );
      for (const [i, info] of checkpoint.tensors.entries()) {
        assert.deepEqual(await checkpoint.read(info), tensors[i]!.bytes);
      }
      assert.equal(checkpoint.problems.length, 1, JSON.stringify(checkpoint.problems));
      assert.match(checkpoint.problems[0]!.message, reason);
    });
  }

  const plain = { base: 'a', outputs: 32, inputs: 64, bits: 4, groups: 2, groupOf: (i: number) => Math.floor(i / 32) };

  describe('GPTQ', () => {
    const { tensors } = gptqParts({ ...plain, withIndex: true });
    const [qweight, qzeros, scales, gIdx] = tensors as [FixtureTensor, FixtureTensor, FixtureTensor, FixtureTensor];
    const bytes = (count: number): Uint8Array => new Uint8Array(count);

    it('without a part', async () => {
      await assertRefused([qweight, qzeros], /a\.scales is missing/);
      await assertRefused([qweight, scales], /a\.qzeros is missing/);
    });

    it('whose parts have other shapes or types', async () => {
      const cases: [FixtureTensor[], RegExp][] = [
        [[tensor('a.qweight', 'I32', [8], bytes(32)), qzeros, scales], /a\.qweight has the shape \[8\]/],
        [[tensor('a.qweight', 'I32', [0, 32], bytes(0)), qzeros, scales], /a\.qweight has the shape \[0, 32\]/],
        [[tensor('a.qweight', 'F32', [8, 32], bytes(1024)), qzeros, scales], /type F32, not I32/],
        [[tensor('a.qweight', 'I32', [7, 32], bytes(896)), qzeros, scales, gIdx], /g_idx has the shape \[64\]/],
        [[qweight, tensor('a.qzeros', 'I32', [2, 5], bytes(40)), scales], /no number of bits/],
        [[qweight, tensor('a.qzeros', 'I32', [3, 4], bytes(48)), scales], /\[3, 4\] where \[2, 4\]/],
        [[qweight, qzeros, tensor('a.scales', 'I32', [2, 32], bytes(256))], /not a floating one/],
        [
          [
            qweight,
            tensor('a.qzeros', 'I32', [3, 4], bytes(48)),
            halfTensor('a.scales', [3, 32], Array<number>(96).fill(1)),
          ],
          /evenly/,
        ],
      ];
      for (const [parts, reason] of cases) await assertRefused(parts, reason);
    });

    it('with an input in no group is told when it is read', async () => {
      for (const group of [-1, 2, 2 ** 31 - 1]) {
        const index = Int32Array.from({ length: 64 }, (_, i) => (i === 5 ? group : 0));
        const parts = [qweight, qzeros, scales, tensor('a.g_idx', 'I32', [64], new Uint8Array(index.buffer))];
        await opened(parts, undefined, async (checkpoint) => {
          await assert.rejects(checkpoint.read(checkpoint.tensors[0]!), { code: 'malformed', message: /input 5/ });
        });
      }
    });

    it('beside other parts of the same weight', async () => {
      const others = [
        tensor('a.weight_packed', 'U8', [4, 16], bytes(64)),
        tensor('a.weight_scale', 'F8_E4M3', [4, 2], bytes(8)),
        float32Tensor('a.weight_global_scale', [1], [1]),
      ];
      await opened([...tensors, ...others], undefined, (checkpoint) => {
        const names = checkpoint.tensors.map(({ name }) => name);
        assert.deepEqual(names, ['a.weight', ...others.map(({ name }) => name)]);
        assert.equal(checkpoint.problems.length, 1);
        assert.match(checkpoint.problems[0]!.message, /other parts make up a\.weight, too/);
        return Promise.resolve();
      });
    });

    it('beside a tensor of its own name', async () => {
      await assertRefused([...tensors, float32Tensor('a.weight', [1], [1])], /a\.weight beside its parts/);
    });

    it('with a group size of 0 in the configuration goes by the shapes', async () => {
      for (const size of [0, -1, 1.5, '32', null, 1e300]) {
        const found = await opened(
          tensors,
          { quantization_config: { group_size: size } },
          ({ tensors: shown, problems }) => Promise.resolve([shown.length, problems.length]),
        );
        assert.deepEqual(found, [1, 0], String(size));
      }
    });
  });

  it('a configuration that is no JSON object is told, and what needs none is decoded', async () => {
    const { tensors } = gptqParts(plain);
    for (const config of ['{', '[]', 'null', '['.repeat(100_000)]) {
      await opened(tensors, config, (checkpoint) => {
        assert.deepEqual(
          checkpoint.tensors.map(({ name }) => name),
          ['a.weight'],
        );
        assert.match(checkpoint.problems[0]!.message, /config\.json/);
        return Promise.resolve();
      });
    }
  });

  it('AWQ with codes that do not fit its outputs', async () => {
    const parts = [
      tensor('a.qweight', 'I32', [4, 2], new Uint8Array(32)),
      tensor('a.qzeros', 'I32', [1, 2], new Uint8Array(8)),
      halfTensor('a.scales', [1, 24], Array<number>(24).fill(1)),
    ];
    await assertRefused(parts, /2 columns/);
  });

  describe('bitsandbytes', () => {
    const base = [
      tensor('l.weight', 'U8', [32, 1], new Uint8Array(32)),
      float32Tensor('l.weight.absmax', [1], [1]),
      float32Tensor('l.weight.quant_map', [16], Array<number>(16).fill(1)),
    ];
    const withState = (text: string, parts = base): FixtureTensor[] => {
      const bytes = new Uint8Array(Buffer.from(text));
      return [...parts, tensor('l.weight.quant_state.bitsandbytes__nf4', 'U8', [bytes.length], bytes)];
    };

    it('with a state that is none', async () => {
      for (const [text, reason] of [
        ['', /not JSON/],
        ['{', /not JSON/],
        ['[]', /not a JSON object/],
        ['{}', /no shape/],
        ['{"shape": "8", "blocksize": 64}', /no shape/],
        ['{"shape": [], "blocksize": 64}', /scalar/],
        ['{"shape": [0, 8], "blocksize": 64}', /no shape/],
        ['{"shape": [1e200, 8], "blocksize": 64}', /no shape/],
        ['{"shape": [8, 8]}', /blocksize/],
        ['{"shape": [8, 8], "blocksize": 0}', /blocksize/],
        ['{"shape": [8, 9], "blocksize": 64}', /does not fit/],
        ['{"shape": [8, 7], "blocksize": 64}', /does not fit/],
        ['{"shape": [8, 8], "blocksize": 32}', /absmax has the shape \[1\] where \[2\]/],
        ['{"shape": [8, 8], "blocksize": 64, "nested_blocksize": 0, "nested_offset": 1}', /no nested state/],
        ['{"shape": [8, 8], "blocksize": 64, "nested_blocksize": 256, "nested_offset": 1}', /nested_absmax is missing/],
        [`"${'x'.repeat(5000)}"`, /no state/],
        ['['.repeat(4000), /not JSON/],
      ] as const) {
        await assertRefused(withState(text), reason);
      }
    });

    it('without its scales or its table', async () => {
      const state = '{"shape": [8, 8], "blocksize": 64}';
      await assertRefused(withState(state, [base[0]!, base[2]!]), /absmax is missing/);
      await assertRefused(withState(state, [base[0]!, base[1]!]), /quant_map is missing/);
      await assertRefused(withState(state, base.slice(1)), /l\.weight is missing/);
    });
  });

  it('8-bit weights with scales of another shape', async () => {
    const codes = tensor('l.weight', 'F8_E4M3', [4, 10], new Uint8Array(40));
    for (const shape of [[3], [4, 3], [2, 2], [0], [4, 0], [1, 1, 2]]) {
      const scale = float32Tensor('l.weight_scale', shape, Array<number>(shape.reduce((a, b) => a * b, 1)).fill(1));
      await assertRefused([codes, scale], /no scales of \[4, 10\]/);
    }
  });

  it('MLX rows that are no groups, of a configuration of any kind', async () => {
    const parts = [
      tensor('l.weight', 'U32', [2, 8], new Uint8Array(64)),
      halfTensor('l.scales', [2, 1], [1, 1]),
      halfTensor('l.biases', [2, 1], [1, 1]),
    ];
    const refused: [unknown, RegExp][] = [
      [{ bits: 4, group_size: 48 }, /no groups of 48/],
      [{ bits: 4, group_size: 32 }, /scales has the shape/],
      [{ bits: 7, group_size: 64 }, /7 bits/],
      [{ bits: 4, group_size: 0 }, /config\.json/],
      [{ mode: 'toString', bits: 4, group_size: 64 }, /mode toString|mode tostring/],
      [[], /config\.json/],
    ];
    for (const [quantization, reason] of refused) await assertRefused(parts, reason, { quantization });
    await assertRefused(parts.slice(0, 2), /biases is missing/, { quantization: { bits: 4, group_size: 64 } });
  });

  it('plain tensors whose names merely end as parts do are left alone, without a problem', async () => {
    const parts = [
      float32Tensor('norm.scales', [2], [1, 2]),
      float32Tensor('norm.weight', [2], [1, 2]),
      float32Tensor('attn.k_scale', [1], [1]),
      float32Tensor('x_blocks', [2], [1, 2]),
      float32Tensor('logit_scale', [], [1]),
    ];
    await opened(parts, undefined, (checkpoint) => {
      assert.deepEqual([checkpoint.tensors.length, checkpoint.problems], [5, []]);
      return Promise.resolve();
    });
  });
});
