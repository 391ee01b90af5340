/** Quantised weights, decoded, against parts made from known codes by each scheme’s description. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { openModel } from '../../../../extension/checkpoint/openModel';
import {
  awqParts,
  float32Tensor,
  gptqParts,
  halfTensor,
  integers,
  packedRows,
  scalesOf,
  tensor,
} from '../../../harness/checkpoints/quantisedFixtures';
import { ramp, writeSharded } from '../../../harness/checkpoints/safetensorsFixtures';
import { quantisedModels, E2M1, TABLE } from '../../../harness/checkpoints/quantisedModels';

describe('quantised weights', () => {
  const { folder, opened, assertWeight } = quantisedModels();

  describe('GPTQ', () => {
    for (const bits of [2, 3, 4, 8]) {
      it(`${bits} bits, in groups`, async () => {
        const { tensors, weight } = gptqParts({
          ...{ base: 'a.q', outputs: 64, inputs: 96, bits, groups: 3 },
          groupOf: (i) => Math.floor(i / 32),
        });
        const config = { quantization_config: { quant_method: 'gptq', bits, group_size: 32 } };
        const expected = { name: 'a.q.weight', shape: [64, 96], encoding: `GPTQ ${bits}-bit g32`, weight };
        await assertWeight(tensors, config, expected);
      });
    }

    it('inputs in any group, as g_idx has them', async () => {
      const group = integers(64, 4, 9);
      const parts = { base: 'a', outputs: 32, inputs: 64, bits: 4, groups: 4, withIndex: true };
      const { tensors, weight } = gptqParts({ ...parts, groupOf: (i) => group[i]! });
      const expected = { name: 'a.weight', shape: [32, 64], encoding: 'GPTQ 4-bit g16', weight };
      await assertWeight(tensors, undefined, expected);
    });

    it('a last group that is shorter than the others', async () => {
      const parts = { base: 'a', outputs: 32, inputs: 80, bits: 4, groups: 3 };
      const { tensors, weight } = gptqParts({ ...parts, groupOf: (i) => Math.floor(i / 32) });
      const config = { quantization_config: { bits: 4, group_size: 32 } };
      const expected = { name: 'a.weight', shape: [32, 80], encoding: 'GPTQ 4-bit g32', weight };
      await assertWeight(tensors, config, expected);
    });

    it('zero points of version 2 as they are', async () => {
      const parts = { base: 'a', outputs: 32, inputs: 32, bits: 4, groups: 1, version: 2 } as const;
      const { tensors, weight } = gptqParts({ ...parts, groupOf: () => 0 });
      const config = { quantization_config: { checkpoint_format: 'gptq_v2', group_size: -1 } };
      await assertWeight(tensors, config, { name: 'a.weight', shape: [32, 32], encoding: 'GPTQ 4-bit', weight });
    });
  });

  describe('AWQ', () => {
    it('version GEMM', async () => {
      const { tensors, weight } = awqParts({ base: 'a', outputs: 40, inputs: 48, groups: 3 });
      const config = { quantization_config: { quant_method: 'awq', version: 'GEMM' } };
      await assertWeight(tensors, config, { name: 'a.weight', shape: [40, 48], encoding: 'AWQ 4-bit g16', weight });
    });

    it('other versions are listed, with the reason why they are not read', async () => {
      const { tensors } = awqParts({ base: 'a', outputs: 40, inputs: 48, groups: 3 });
      await opened(tensors, { quantization_config: { version: 'gemv_fast' } }, async (checkpoint) => {
        const [info] = checkpoint.tensors;
        assert.match(info!.unreadable!, /version gemv_fast/);
        await assert.rejects(checkpoint.read(info!), { code: 'unsupported' });
      });
    });
  });

  describe('bitsandbytes', () => {
    const shape = [6, 50];
    const count = 300;
    const code = integers(count, 16, 4);
    const bytes = Uint8Array.from({ length: count / 2 }, (_, i) => 16 * code[2 * i]! + code[2 * i + 1]!);
    const state = (fields: object): Uint8Array => Buffer.from(JSON.stringify({ quant_type: 'nf4', shape, ...fields }));

    it('4 bits with a scale for every block, which may end amid a row', async () => {
      const scale = scalesOf(5);
      const tensors = [
        tensor('l.weight', 'U8', [count / 2, 1], bytes),
        float32Tensor('l.weight.absmax', [5], scale),
        float32Tensor('l.weight.quant_map', [16], TABLE),
        tensor('l.weight.quant_state.bitsandbytes__nf4', 'U8', [0], state({ blocksize: 64 })),
      ].map((part) => ({
        ...part,
        shape: part.dtype === 'U8' && part.shape[0] === 0 ? [part.bytes.length] : part.shape,
      }));
      const weight = code.map((value, i) => Math.fround(TABLE[value]! * scale[Math.floor(i / 64)]!));
      await assertWeight(tensors, undefined, { name: 'l.weight', shape, encoding: 'bitsandbytes nf4', weight });
    });

    it('scales that are codes themselves', async () => {
      const [absmax, outer] = [integers(5, 256, 7), scalesOf(2)];
      const map = Array.from({ length: 256 }, (_, i) => Math.fround(i / 300));
      const stored = state({ blocksize: 64, nested_blocksize: 4, nested_offset: 0.0421, nested_dtype: 'float32' });
      const tensors = [
        tensor('l.weight', 'U8', [count / 2, 1], bytes),
        tensor('l.weight.absmax', 'U8', [5], Uint8Array.from(absmax)),
        float32Tensor('l.weight.nested_absmax', [2], outer),
        float32Tensor('l.weight.nested_quant_map', [256], map),
        float32Tensor('l.weight.quant_map', [16], TABLE),
        tensor('l.weight.quant_state.bitsandbytes__fp4', 'U8', [stored.length], stored),
      ];
      const scale = absmax.map((value, i) =>
        Math.fround(Math.fround(map[value]! * outer[Math.floor(i / 4)]!) + Math.fround(0.0421)),
      );
      const weight = code.map((value, i) => Math.fround(TABLE[value]! * scale[Math.floor(i / 64)]!));
      await assertWeight(tensors, undefined, { name: 'l.weight', shape, encoding: 'bitsandbytes fp4', weight });
    });

    it('8 bits with the value of 127 for every row', async () => {
      const codes = integers(24, 255, 8).map((value) => value - 127);
      const scb = [0.5, 3.25, 0.1, 7].map(Math.fround);
      const tensors = [
        tensor('l.weight', 'I8', [4, 6], new Uint8Array(Int8Array.from(codes).buffer)),
        float32Tensor('l.SCB', [4], scb),
        tensor('l.weight_format', 'U8', [], Uint8Array.of(0)),
      ];
      const weight = codes.map((value, i) =>
        Math.fround(Math.fround(value * scb[Math.floor(i / 6)]!) * Math.fround(1 / 127)),
      );
      const expected = { name: 'l.weight', shape: [4, 6], encoding: 'bitsandbytes int8', weight };
      await assertWeight(tensors, undefined, expected);
    });
  });

  describe('MLX', () => {
    for (const bits of [2, 3, 4, 5, 6, 8]) {
      it(`${bits} bits, with scales and biases`, async () => {
        const [rows, cols] = [5, 96];
        const code = integers(rows * cols, 2 ** bits, bits);
        const [scale, bias] = [scalesOf(15, 4), scalesOf(15, 5)];
        const tensors = [
          tensor('l.weight', 'U32', [rows, (cols * bits) / 32], packedRows(code, rows, bits)),
          halfTensor('l.scales', [rows, 3], scale),
          halfTensor('l.biases', [rows, 3], bias),
        ];
        const weight = code.map((value, at) => value * scale[Math.floor(at / 32)]! + bias[Math.floor(at / 32)]!);
        const expected = { name: 'l.weight', shape: [rows, cols], encoding: `MLX ${bits}-bit g32`, weight };
        await assertWeight(tensors, { quantization: { bits, group_size: 32 } }, expected);
      });
    }

    it('stacks of experts, with settings of their own', async () => {
      const code = integers(2 * 3 * 64, 256, 1);
      const [scale, bias] = [scalesOf(6, 4), scalesOf(6, 5)];
      const tensors = [
        tensor('l.weight', 'U32', [2, 3, 16], packedRows(code, 6, 8)),
        halfTensor('l.scales', [2, 3, 1], scale),
        halfTensor('l.biases', [2, 3, 1], bias),
      ];
      const weight = code.map((value, at) => value * scale[Math.floor(at / 64)]! + bias[Math.floor(at / 64)]!);
      const config = { quantization: { bits: 4, group_size: 32, l: { bits: 8, group_size: 64 } } };
      await assertWeight(tensors, config, { name: 'l.weight', shape: [2, 3, 64], encoding: 'MLX 8-bit g64', weight });
    });

    it('small floats with scales of 8 bits', async () => {
      const code = integers(64, 16, 1);
      const tensors = [
        tensor('l.weight', 'U32', [1, 8], packedRows(code, 1, 4)),
        tensor('l.scales', 'U8', [1, 2], Uint8Array.of(126, 129)),
      ];
      const weight = code.map((value, at) => E2M1[value]! * (at < 32 ? 0.5 : 4));
      const config = { quantization: { mode: 'mxfp4', bits: 4, group_size: 32 } };
      await assertWeight(tensors, config, { name: 'l.weight', shape: [1, 64], encoding: 'MLX mxfp4', weight });
    });

    it('without a configuration stay as they are, and it is said why', async () => {
      const tensors = [
        tensor('l.weight', 'U32', [1, 8], new Uint8Array(32)),
        halfTensor('l.scales', [1, 1], [1]),
        halfTensor('l.biases', [1, 1], [1]),
      ];
      await opened(tensors, undefined, async ({ tensors: shown, problems }) => {
        assert.equal(shown.length, 3);
        assert.match(problems[0]!.message, /config\.json/);
        await Promise.resolve();
      });
    });
  });

  describe('in a checkpoint', () => {
    const parts = { outputs: 32, inputs: 32, bits: 4, groups: 1, groupOf: () => 0 };

    it('stand where their first part stood, beside plain tensors', async () => {
      const one = gptqParts({ ...parts, base: 'one' }).tensors;
      const two = gptqParts({ ...parts, base: 'two' }).tensors;
      const all = [ramp('embed', [2, 2]), ...one, ramp('one.bias', [32]), ...two, ramp('head', [2, 2])];
      await opened(all, undefined, async (checkpoint) => {
        assert.deepEqual(
          checkpoint.tensors.map(({ name }) => name),
          ['embed', 'one.weight', 'one.bias', 'two.weight', 'head'],
        );
        const head = await checkpoint.read(checkpoint.tensors[4]!);
        assert.deepEqual([...new Float32Array(head.slice().buffer)], [0.5, 1.5, 2.5, 3.5]);
      });
    });

    it('may have their parts in several shards', async () => {
      const { tensors, weight } = gptqParts({ ...parts, base: 'a' });
      const shards = {
        'model-00001-of-00002.safetensors': tensors.slice(0, 1),
        'model-00002-of-00002.safetensors': tensors.slice(1),
      };
      const checkpoint = await openModel(writeSharded(path.join(folder, 'shards'), shards));
      assert.deepEqual(checkpoint.problems, []);
      const bytes = await checkpoint.read(checkpoint.tensors[0]!);
      assert.deepEqual(new Float32Array(bytes.slice().buffer), weight);
      await checkpoint.close();
    });
  });
});
