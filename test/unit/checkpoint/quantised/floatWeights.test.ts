/** Weights of small floats with scales, decoded, against parts made from known codes by each scheme’s description. */
import assert from 'node:assert/strict';
import {
  float32Tensor,
  halfTensor,
  integers,
  scalesOf,
  tensor,
  Words,
} from '../../../harness/checkpoints/quantisedFixtures';
import { type FixtureTensor } from '../../../harness/checkpoints/safetensorsFixtures';
import { quantisedModels, E2M1 } from '../../../harness/checkpoints/quantisedModels';

describe('quantised weights', () => {
  const { opened, assertWeight } = quantisedModels();

  describe('8-bit floats with scales', () => {
    // Codes of E4M3 from 0x30 on: eight steps a binade from 0.5 on, positive.
    const codes = (count: number): { bytes: Uint8Array; values: number[] } => {
      const steps = integers(count, 32, 5);
      const values = steps.map((step) => 2 ** (Math.floor(step / 8) - 1) * (1 + (step % 8) / 8));
      return { bytes: Uint8Array.from(steps, (step) => 0x30 + step), values };
    };

    it('in blocks that the last row and column of blocks need not fill', async () => {
      const [rows, cols] = [130, 150];
      const { bytes, values } = codes(rows * cols);
      const scale = [1.25, -3, 0.5, 7.75];
      const tensors = [
        tensor('l.weight', 'F8_E4M3', [rows, cols], bytes),
        float32Tensor('l.weight_scale_inv', [2, 2], scale),
      ];
      const weight = values.map((value, at) => {
        const [row, col] = [Math.floor(at / cols), at % cols];
        return value * scale[2 * Math.floor(row / 128) + Math.floor(col / 128)]!;
      });
      const expected = { name: 'l.weight', shape: [rows, cols], encoding: 'F8_E4M3 blocks of 128×128', weight };
      await assertWeight(tensors, undefined, expected);
    });

    it('in blocks of the configured size, of the whole, of a row and of groups of a row', async () => {
      const { bytes, values } = codes(40);
      const cases = [
        [[2, 3], 'blocks of 3×4', (row: number, col: number) => 3 * Math.floor(row / 3) + Math.floor(col / 4)],
        [[], 'per tensor', () => 0],
        [[1], 'per tensor', () => 0],
        [[4], 'per row', (row: number) => row],
        [[4, 1], 'per row', (row: number) => row],
        [[4, 5], 'g2', (row: number, col: number) => 5 * row + Math.floor(col / 2)],
      ] as const;
      for (const [shape, name, scaleOf] of cases) {
        const scale = scalesOf(shape.reduce((a: number, b) => a * b, 1));
        const tensors = [
          tensor('l.weight', 'F8_E4M3', [4, 10], bytes),
          float32Tensor('l.weight_scale', [...shape], scale),
        ];
        const weight = values.map((value, at) => value * scale[scaleOf(Math.floor(at / 10), at % 10)]!);
        const config = { quantization_config: { weight_block_size: [3, 4] } };
        await assertWeight(tensors, config, { name: 'l.weight', shape: [4, 10], encoding: `F8_E4M3 ${name}`, weight });
      }
    });

    it('with scales that are powers of two, as plain bytes', async () => {
      const { bytes, values } = codes(64);
      const tensors = [
        tensor('l.weight', 'F8_E4M3', [1, 64], bytes),
        tensor('l.weight_scale', 'U8', [1, 2], Uint8Array.of(127, 125)),
      ];
      const weight = values.map((value, at) => value * (at < 32 ? 1 : 0.25));
      await assertWeight(tensors, undefined, { name: 'l.weight', shape: [1, 64], encoding: 'F8_E4M3 g32', weight });
    });

    it('and integers with zero points', async () => {
      const stored = integers(12, 256, 5).map((value) => value - 128);
      const [scale, zero] = [
        [0.5, 2, 0.25],
        [3, -4, 0],
      ];
      const int8 = (values: readonly number[]): Uint8Array => new Uint8Array(Int8Array.from(values).buffer);
      const tensors = [
        tensor('l.weight', 'I8', [3, 4], int8(stored)),
        halfTensor('l.weight_scale', [3, 1], scale),
        tensor('l.weight_zero_point', 'I8', [3, 1], int8(zero)),
      ];
      const weight = stored.map((value, at) => (value - zero[Math.floor(at / 4)]!) * scale[Math.floor(at / 4)]!);
      await assertWeight(tensors, undefined, { name: 'l.weight', shape: [3, 4], encoding: 'I8 per row', weight });
    });
  });

  describe('compressed-tensors', () => {
    const config = (bits: number, group?: number): object => ({
      quantization_config: { config_groups: { group_0: { weights: { num_bits: bits, group_size: group ?? null } } } },
    });
    const sizes = (rows: number, cols: number): FixtureTensor =>
      tensor('l.weight_shape', 'I64', [2], new Uint8Array(BigInt64Array.of(BigInt(rows), BigInt(cols)).buffer));

    for (const { bits, asymmetric } of [
      { bits: 4, asymmetric: false },
      { bits: 4, asymmetric: true },
      { bits: 8, asymmetric: true },
      { bits: 3, asymmetric: false },
    ]) {
      it(`${bits} bits in words${asymmetric ? ', with zero points' : ''}`, async () => {
        const [rows, cols, groups] = [11, 36, 3];
        const perWord = Math.floor(32 / bits);
        const code = integers(rows * cols, 2 ** bits, 3);
        const zero = integers(rows * groups, 2 ** bits, 4);
        const scale = scalesOf(rows * groups);
        const perRow = Math.ceil(cols / perWord);
        const words = new Words(rows * perRow);
        for (let at = 0; at < code.length; at++) {
          const [row, col] = [Math.floor(at / cols), at % cols];
          const word = row * perRow + Math.floor(col / perWord);
          words.put(code[at]!, bits, (bit) => ({ word, bit: (col % perWord) * bits + bit }));
        }
        const down = Math.ceil(rows / perWord);
        const zeros = new Words(down * groups);
        for (let at = 0; at < zero.length; at++) {
          const [row, g] = [Math.floor(at / groups), at % groups];
          const word = Math.floor(row / perWord) * groups + g;
          zeros.put(zero[at]!, bits, (bit) => ({ word, bit: (row % perWord) * bits + bit }));
        }
        const tensors = [
          tensor('l.weight_packed', 'I32', [rows, perRow], words.bytes),
          halfTensor('l.weight_scale', [rows, groups], scale),
          sizes(rows, cols),
          ...(asymmetric ? [tensor('l.weight_zero_point', 'I32', [down, groups], zeros.bytes)] : []),
        ];
        const weight = code.map((value, at) => {
          const g = Math.floor(at / cols) * groups + Math.floor((at % cols) / 12);
          return (value - (asymmetric ? zero[g]! : 2 ** (bits - 1))) * scale[g]!;
        });
        const expected = { name: 'l.weight', shape: [rows, cols], encoding: `int${bits} g12`, weight };
        await assertWeight(tensors, config(bits, 12), expected);
      });
    }

    it('a shape among the data that contradicts the parts is told when it is read', async () => {
      const words = new Words(2);
      const scale = halfTensor('l.weight_scale', [2, 1], [1, 1]);
      const tensors = [tensor('l.weight_packed', 'I32', [2, 1], words.bytes), scale, sizes(2, 9)];
      await opened(tensors, config(4), async (checkpoint) => {
        await assert.rejects(checkpoint.read(checkpoint.tensors[0]!), { code: 'malformed', message: /\[2, 9\]/ });
      });
    });
  });

  describe('4-bit floats', () => {
    const code = integers(128, 16, 6);
    const bytes = Uint8Array.from({ length: 64 }, (_, i) => code[2 * i]! + 16 * code[2 * i + 1]!);
    const weightOf = (scale: readonly number[]): number[] =>
      code.map((value, i) => Math.fround(E2M1[value]! * scale[Math.floor(i / (128 / scale.length))]!));

    it('NVFP4, its scales divided by the whole weight’s, or multiplied by it', async () => {
      // E4M3: 1, 1.5, 2, 0.5, 8, 1, 0.25, 3.
      const stored = Uint8Array.of(0x38, 0x3c, 0x40, 0x30, 0x50, 0x38, 0x28, 0x44);
      const scale = [1, 1.5, 2, 0.5, 8, 1, 0.25, 3];
      const whole = Math.fround(2.7);
      const divided = [
        tensor('l.weight_packed', 'U8', [4, 16], bytes),
        tensor('l.weight_scale', 'F8_E4M3', [4, 2], stored),
        float32Tensor('l.weight_global_scale', [1], [whole]),
      ];
      const expected = { name: 'l.weight', shape: [4, 32], encoding: 'NVFP4' };
      const dividedWeight = weightOf(scale.map((value) => Math.fround(value / whole)));
      await assertWeight(divided, undefined, { ...expected, weight: dividedWeight });
      const multiplied = [
        tensor('l.weight', 'U8', [4, 16], bytes),
        tensor('l.weight_scale', 'F8_E4M3', [4, 2], stored),
        float32Tensor('l.weight_scale_2', [], [whole]),
      ];
      const multipliedWeight = weightOf(scale.map((value) => Math.fround(value * whole)));
      await assertWeight(multiplied, undefined, { ...expected, weight: multipliedWeight });
    });

    it('MXFP4 of one matrix, and of a stack of experts', async () => {
      const [exponents, scale] = [Uint8Array.of(127, 130, 120, 128), [1, 8, 2 ** -7, 2]];
      const matrix = [
        tensor('l.weight_packed', 'U8', [4, 16], bytes),
        tensor('l.weight_scale', 'U8', [4, 1], exponents),
      ];
      const weight = weightOf(scale);
      await assertWeight(matrix, undefined, { name: 'l.weight', shape: [4, 32], encoding: 'MXFP4', weight });
      const stack = [
        tensor('mlp.experts.down_proj_blocks', 'U8', [2, 2, 1, 16], bytes),
        tensor('mlp.experts.down_proj_scales', 'U8', [2, 2, 1], exponents),
      ];
      const name = 'mlp.experts.down_proj';
      await assertWeight(stack, undefined, { name, shape: [2, 2, 32], encoding: 'MXFP4', weight });
    });
  });
});
