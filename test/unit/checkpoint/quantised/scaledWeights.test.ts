/** Weights of 8 bits and their scales, in every spelling and granularity that programs write, against plain products. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { float32Tensor, integers, scalesOf, tensor, writeModel } from '../../../harness/checkpoints/quantisedFixtures';
import type { FixtureTensor } from '../../../harness/checkpoints/safetensorsFixtures';
import { sharedCase } from '../../../harness/checkpoints/sharedCases';
import { temporaryFolder } from '../../../harness/temporaryFolder';

const size = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** Codes of E4M3 from 0x30 on: eight steps a binade from 0.5 on, positive. */
function codes(name: string, shape: number[]): { stored: FixtureTensor; values: number[] } {
  const steps = integers(size(shape), 32, 5);
  const values = steps.map((step) => 2 ** (Math.floor(step / 8) - 1) * (1 + (step % 8) / 8));
  const bytes = Uint8Array.from(steps, (step) => 0x30 + step);
  return { stored: tensor(name, 'F8_E4M3', shape, bytes), values };
}

function comfyQuant(name: string, settings: unknown): FixtureTensor {
  const bytes = new TextEncoder().encode(typeof settings === 'string' ? settings : JSON.stringify(settings));
  return tensor(name, 'U8', [bytes.length], bytes);
}

describe('scales of weights of 8 bits', () => {
  const folder = temporaryFolder();
  let made = 0;

  async function opened(
    tensors: readonly FixtureTensor[],
    check: (checkpoint: Checkpoint) => Promise<void>,
  ): Promise<void> {
    const checkpoint = await openModel(writeModel(path.join(folder, `made${made++}`), tensors));
    try {
      await check(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  async function assertDecoded(checkpoint: Checkpoint, name: string, expected: readonly number[]): Promise<void> {
    const info = checkpoint.tensors.find((each) => each.name === name)!;
    const read = async (rows?: { start: number; end: number }): Promise<number[]> => [
      ...new Float32Array((await checkpoint.read(info, rows)).slice().buffer),
    ];
    const all = expected.map(Math.fround);
    assert.deepEqual(await read(), all);
    const [count] = info.shape as [number];
    const perRow = all.length / count;
    for (let start = 0; start < count; start++) {
      const rows = { start, end: Math.min(count, start + 2) };
      assert.deepEqual(await read(rows), all.slice(rows.start * perRow, rows.end * perRow), `rows from ${start}`);
    }
  }

  for (const spelling of ['weight_scale', 'weight_scale_inv', 'scale_weight', 'scale']) {
    it(`are multiplied under the name ${spelling}`, async () => {
      const { stored, values } = codes('l.weight', [4, 6]);
      await opened([stored, float32Tensor(`l.${spelling}`, [], [0.25])], async (checkpoint) => {
        assert.deepEqual(checkpoint.problems, []);
        assert.deepEqual(
          checkpoint.tensors.map(({ name }) => name),
          ['l.weight'],
        );
        await assertDecoded(
          checkpoint,
          'l.weight',
          values.map((value) => value / 4),
        );
      });
    });
  }

  for (const shape of [[3, 1], [3], [1, 3, 1]]) {
    it(`a row of a stack of one matrix lie in [${shape.join(', ')}]`, async () => {
      const { stored, values } = codes('l.weight', [1, 3, 4]);
      await opened([stored, float32Tensor('l.weight_scale', shape, [1, 2, 4])], async (checkpoint) => {
        const expected = values.map((value, i) => value * 2 ** Math.floor(i / 4));
        await assertDecoded(checkpoint, 'l.weight', expected);
      });
    });
  }

  it('are no others’: a norm’s scale beside plain weights stays what it is', async () => {
    const plain = [float32Tensor('norm.weight', [2, 2], [1, 2, 3, 4]), float32Tensor('norm.scale', [2], [5, 6])];
    await opened(plain, async (checkpoint) => {
      assert.deepEqual(
        checkpoint.tensors.map(({ name, notModel }) => [name, notModel]),
        [
          ['norm.weight', undefined],
          ['norm.scale', undefined],
        ],
      );
      await Promise.resolve();
    });
  });

  /** Of the weight's shape, the scales' shape, and which scale an element has by its indices. */
  const GRANULARITIES: readonly [
    what: string,
    shape: number[],
    scales: number[],
    encoding: string,
    scaleOf: (...indices: number[]) => number,
  ][] = [
    ['a vector', [6], [], 'per tensor', () => 0],
    ['a convolution', [4, 2, 3, 3], [1], 'per tensor', () => 0],
    ['a convolution, by output', [4, 2, 3, 3], [4, 1, 1, 1], 'per row', (o) => o],
    ['a matrix, by column', [4, 6], [1, 6], 'per column', (_, col) => col],
    ['experts', [3, 4, 6], [3], 'per matrix', (e) => e],
    ['experts, with axes of 1', [3, 4, 6], [3, 1, 1], 'per matrix', (e) => e],
    ['experts, by row', [3, 4, 6], [3, 4, 1], 'per row', (e, row) => 4 * e + row],
    ['experts, by column', [3, 4, 6], [3, 1, 6], 'per column', (e, _, col) => 6 * e + col],
    [
      'experts, in blocks',
      [2, 130, 150],
      [2, 2, 2],
      'blocks of 128×128',
      (e, row, col) => 4 * e + 2 * +(row > 127) + +(col > 127),
    ],
  ];
  for (const [what, shape, scaleShape, encoding, scaleOf] of GRANULARITIES) {
    it(`of ${what}: ${encoding}`, async () => {
      const { stored, values } = codes('l.weight', shape);
      const scales = scalesOf(size(scaleShape));
      const weight = values.map((value, at) => {
        const indices = shape.map((length, axis) => Math.floor(at / size(shape.slice(axis + 1))) % length);
        return value * scales[scaleOf(...indices)]!;
      });
      await opened([stored, float32Tensor('l.weight_scale', scaleShape, scales)], async (checkpoint) => {
        assert.deepEqual(checkpoint.problems, []);
        assert.equal(checkpoint.tensors[0]!.encoding!.name, `F8_E4M3 ${encoding}`);
        await assertDecoded(checkpoint, 'l.weight', weight);
      });
    });
  }

  it('that do not fit any granularity are told, and nothing is shown scaled', async () => {
    const { stored } = codes('l.weight', [3, 4, 6]);
    await opened([stored, float32Tensor('l.weight_scale', [2], [1, 2])], async (checkpoint) => {
      assert.equal(checkpoint.tensors.length, 2);
      assert.match(checkpoint.problems[0]!.message, /has the shape \[2\], which are no scales of \[3, 4, 6\]/);
      await Promise.resolve();
    });
  });

  it('of activations and caches are in no weight and count as none, as marks of ComfyUI do not', async () => {
    const { stored, values } = codes('l.weight', [4, 6]);
    const others = [
      tensor('scaled_fp8', 'F8_E4M3', [0], new Uint8Array(0)),
      float32Tensor('l.scale_input', [], [3]),
      float32Tensor('l.input_scale', [1], [3]),
      float32Tensor('attn.k_scale', [1], [3]),
      comfyQuant('l.comfy_quant', { format: 'float8_e4m3fn' }),
    ];
    const outside = float32Tensor('m.input_scale', [2], [3, 4]);
    await opened([stored, float32Tensor('l.scale_weight', [], [2]), ...others, outside], async (checkpoint) => {
      assert.deepEqual(checkpoint.problems, []);
      const kinds = new Map(checkpoint.tensors.map(({ name, notModel }) => [name, notModel]));
      for (const { name } of others) assert.equal(kinds.get(name), 'quantisation setting', name);
      assert.equal(kinds.get('l.weight'), undefined);
      assert.equal(kinds.get('m.input_scale'), undefined);
      await assertDecoded(
        checkpoint,
        'l.weight',
        values.map((value) => 2 * value),
      );
    });
  });

  for (const [settings, reason] of [
    [{ format: 'nvfp4' }, /says "nvfp4", a format that is not read/],
    [{ format: 'mxfp8' }, /says "mxfp8", a format that is not read/],
    ['{', /is no JSON/],
  ] as const) {
    it(`are not guessed where ComfyUI names another format: ${JSON.stringify(settings)}`, async () => {
      const { stored } = codes('l.weight', [4, 6]);
      const parts = [stored, float32Tensor('l.weight_scale', [], [2]), comfyQuant('l.comfy_quant', settings)];
      await opened(parts, async (checkpoint) => {
        assert.equal(checkpoint.tensors.length, 3);
        assert.match(checkpoint.problems[0]!.message, reason);
        await Promise.resolve();
      });
    });
  }

  for (const [file, name] of [
    ['t5xxl_fp8_e4m3fn_scaled', 'encoder.block.0.layer.0.SelfAttention.q.weight'],
    ['new_comfy_quant', 'blocks.0.q.weight'],
  ] as const) {
    it(`${file}: the numbers that ComfyUI computes with`, async function () {
      const checkpoint = await openModel(sharedCase(this, 'comfyfp8', `${file}.safetensors`));
      try {
        const npy = readFileSync(sharedCase(this, 'comfyfp8', 'ref.npy'));
        const start = npy.length - 8 * 64 * 48;
        const expected = new Float64Array(npy.buffer.slice(npy.byteOffset + start, npy.byteOffset + npy.length));
        const info = checkpoint.tensors.find((each) => each.name === name)!;
        const found = new Float32Array((await checkpoint.read(info)).slice().buffer);
        assert.equal(found.length, expected.length);
        found.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) <= 1e-7 * Math.abs(expected[i]!)));
        assert.deepEqual(checkpoint.problems, []);
        assert.deepEqual(
          checkpoint.tensors.filter(({ notModel }) => !notModel),
          [info],
        );
      } finally {
        await checkpoint.close();
      }
    });
  }
});
