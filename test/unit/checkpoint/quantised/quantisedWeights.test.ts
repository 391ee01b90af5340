/** Quantised weights, decoded, against parts made from known codes by each scheme's description. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../../extension/checkpoint/openModel';
import {
  float32Tensor,
  gptqParts,
  halfTensor,
  integers,
  scalesOf,
  tensor,
  Words,
  writeModel,
} from '../../../harness/checkpoints/quantisedFixtures';
import { ramp, writeSharded, type FixtureTensor } from '../../../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../../../harness/temporaryFolder';

const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** Sixteen values in ascending order, as a table of 4 bits has them. */
const TABLE = Array.from({ length: 16 }, (_, code) => (code - 7) / 8);

describe('quantised weights', () => {
  const folder = temporaryFolder();
  let made = 0;

  async function opened(
    tensors: readonly FixtureTensor[],
    config: unknown,
    check: (checkpoint: Checkpoint) => Promise<void>,
  ): Promise<void> {
    const checkpoint = await openModel(writeModel(path.join(folder, `made${made++}`), tensors, config));
    try {
      await check(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  /** The one weight that the parts become: its shape, how it is called, all its elements and those of every band. */
  async function assertWeight(
    tensors: readonly FixtureTensor[],
    config: unknown,
    expected: { name: string; shape: number[]; encoding: string; weight: ArrayLike<number> },
  ): Promise<void> {
    await opened(tensors, config, async (checkpoint) => {
      assert.deepEqual(checkpoint.problems, []);
      assert.deepEqual(
        checkpoint.tensors.map(({ name }) => name),
        [expected.name],
      );
      const [info] = checkpoint.tensors;
      const stored = tensors.reduce((sum, { bytes }) => sum + bytes.length, 0);
      assert.deepEqual([info!.shape, info!.dtype], [expected.shape, 'F32']);
      assert.deepEqual(info!.encoding, { name: expected.encoding, byteLength: stored });
      const all = Float32Array.from(expected.weight);
      assert.equal(info!.byteLength, all.byteLength);
      const read = async (rows?: { start: number; end: number }): Promise<Float32Array> =>
        new Float32Array((await checkpoint.read(info!, rows)).slice().buffer);
      assert.deepEqual(await read(), all);
      const [rows] = expected.shape as [number];
      const perRow = all.length / rows;
      for (const [start, end] of [
        [0, 0],
        [0, 1],
        [rows - 1, rows],
        [Math.floor(rows / 3), Math.ceil(rows / 2)],
        [1, rows],
      ] as const) {
        assert.deepEqual(
          await read({ start, end }),
          all.slice(start * perRow, end * perRow),
          `rows ${start} to ${end}`,
        );
      }
      await assert.rejects(checkpoint.read(info!, { start: 0, end: rows + 1 }), RangeError);
      await assert.rejects(checkpoint.read(info!, undefined, AbortSignal.abort()), { name: 'AbortError' });
    });
  }

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

  /** AWQ's parts: the eight codes of a word are those of the outputs 0, 2, 4, 6, 1, 3, 5, 7 of its eight. */
  function awqParts(outputs: number, inputs: number, groups: number): { tensors: FixtureTensor[]; weight: number[] } {
    const code = integers(inputs * outputs, 16, 2);
    const zero = integers(groups * outputs, 16, 3);
    const scale = scalesOf(groups * outputs);
    const pack = (rows: number, codes: readonly number[]): Uint8Array => {
      const words = new Words((rows * outputs) / 8);
      for (let r = 0; r < rows; r++) {
        for (let o = 0; o < outputs; o++) {
          const place = [0, 2, 4, 6, 1, 3, 5, 7].indexOf(o % 8);
          words.put(codes[r * outputs + o]!, 4, (bit) => ({
            word: r * (outputs / 8) + Math.floor(o / 8),
            bit: 4 * place + bit,
          }));
        }
      }
      return words.bytes;
    };
    const weight = Array.from({ length: outputs * inputs }, (_, at) => {
      const [o, i] = [Math.floor(at / inputs), at % inputs];
      const g = Math.floor(i / (inputs / groups)) * outputs + o;
      return (code[i * outputs + o]! - zero[g]!) * scale[g]!;
    });
    const tensors = [
      tensor('a.qweight', 'I32', [inputs, outputs / 8], pack(inputs, code)),
      tensor('a.qzeros', 'I32', [groups, outputs / 8], pack(groups, zero)),
      halfTensor('a.scales', [groups, outputs], scale),
    ];
    return { tensors, weight };
  }

  describe('AWQ', () => {
    it('version GEMM', async () => {
      const { tensors, weight } = awqParts(40, 48, 3);
      const config = { quantization_config: { quant_method: 'awq', version: 'GEMM' } };
      await assertWeight(tensors, config, { name: 'a.weight', shape: [40, 48], encoding: 'AWQ 4-bit g16', weight });
    });

    it('other versions are listed, with the reason why they are not read', async () => {
      const { tensors } = awqParts(40, 48, 3);
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

  describe('MLX', () => {
    /** Rows of codes as one string of bits each. */
    function packRows(code: readonly number[], rows: number, bits: number): Uint8Array {
      const cols = code.length / rows;
      const perRow = (cols * bits) / 32;
      const words = new Words(rows * perRow);
      for (let at = 0; at < code.length; at++) {
        const row = Math.floor(at / cols);
        words.put(code[at]!, bits, (bit) => {
          const position = (at % cols) * bits + bit;
          return { word: row * perRow + Math.floor(position / 32), bit: position % 32 };
        });
      }
      return words.bytes;
    }

    for (const bits of [2, 3, 4, 5, 6, 8]) {
      it(`${bits} bits, with scales and biases`, async () => {
        const [rows, cols] = [5, 96];
        const code = integers(rows * cols, 2 ** bits, bits);
        const [scale, bias] = [scalesOf(15, 4), scalesOf(15, 5)];
        const tensors = [
          tensor('l.weight', 'U32', [rows, (cols * bits) / 32], packRows(code, rows, bits)),
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
        tensor('l.weight', 'U32', [2, 3, 16], packRows(code, 6, 8)),
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
        tensor('l.weight', 'U32', [1, 8], packRows(code, 1, 4)),
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
