import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { symmetricEigenvalues } from '../../../../extension/linalg/eigen/symmetricEigenvalues';
import { safetensorsBytes, type FixtureTensor } from '../../../harness/checkpoints/safetensorsFixtures';
import { randomMatrix } from '../../../harness/numbers/denseReference';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { adapters, nunchaku } from './adapterFixtures.json';

function random(name: string, shape: number[], seed: number): FixtureTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return { name, dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(randomMatrix(1, count, seed)).buffer) };
}

const scalar = (name: string, value: number): FixtureTensor => {
  return { name, dtype: 'F32', shape: [], bytes: new Uint8Array(Float32Array.of(value).buffer) };
};

describe('LoHa, LoKr and low-rank branches', () => {
  const folder = temporaryFolder();
  let count = 0;

  async function opened<T>(
    file: Uint8Array,
    use: (checkpoint: Checkpoint) => Promise<T> | T,
    config?: object | string,
  ): Promise<T> {
    const own = path.join(folder, `adapter${count++}`);
    mkdirSync(own);
    writeFileSync(path.join(own, 'adapter_model.safetensors'), file);
    const text = typeof config === 'string' ? config : JSON.stringify(config);
    if (config !== undefined) writeFileSync(path.join(own, 'adapter_config.json'), text);
    const checkpoint = await openModel(path.join(own, 'adapter_model.safetensors'));
    try {
      return await use(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  async function elements(
    checkpoint: Checkpoint,
    name: string,
    rows?: { start: number; end: number },
  ): Promise<Float32Array> {
    const tensor = checkpoint.tensors.find((each) => each.name === name);
    assert.ok(tensor, `${name} is not there: ${checkpoint.problems.map(({ message }) => message).join('; ')}`);
    return new Float32Array((await checkpoint.read(tensor, rows)).slice().buffer);
  }

  function assertClose(found: Float32Array, expected: readonly number[], tolerance: number): void {
    assert.equal(found.length, expected.length);
    const largest = Math.max(...expected.map(Math.abs));
    found.forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]!) <= tolerance * largest, `${i}: ${value}, not ${expected[i]}`);
    });
  }

  for (const [what, { file, config, weights }] of Object.entries(adapters)) {
    it(`${what}: what PEFT adds to each weight`, async () => {
      await opened(
        Buffer.from(file, 'base64'),
        async (checkpoint) => {
          assert.deepEqual(checkpoint.problems, []);
          for (const [module, { shape, values }] of Object.entries(weights)) {
            const name = `base_model.model.${module}.delta_weight`;
            const found = await elements(checkpoint, name);
            assertClose(found, values, 1e-6);
            const tensor = checkpoint.tensors.find((each) => each.name === name)!;
            assert.equal(tensor.shape[0], shape[0]);
            if (tensor.shape.length > 2) assert.deepEqual(tensor.shape, shape);
            const width = found.length / shape[0]!;
            for (const [start, end] of [
              [1, shape[0]! - 1],
              [3, 4],
              [0, 0],
            ] as const) {
              assert.deepEqual(
                await elements(checkpoint, name, { start, end }),
                found.slice(start * width, end * width),
              );
            }
          }
        },
        config,
      );
    });
  }

  it('a low-rank branch in the tiles of Nunchaku', async () => {
    await opened(Buffer.from(nunchaku.file, 'base64'), async (checkpoint) => {
      const found = await elements(checkpoint, 'blocks.0.qkv.delta_weight');
      assertClose(found, nunchaku.values, 1e-6);
      const rows = await elements(checkpoint, 'blocks.0.qkv.delta_weight', { start: 5, end: 40 });
      assert.deepEqual(rows, found.slice(5 * 64, 40 * 64));
    });
  });

  it('of kohya are scaled by each module’s α over its rank', async () => {
    const loha = [
      random('x.hada_w1_a', [5, 2], 1),
      random('x.hada_w1_b', [2, 7], 2),
      random('x.hada_w2_a', [5, 2], 3),
      random('x.hada_w2_b', [2, 7], 4),
    ];
    const plain = await opened(safetensorsBytes([...loha, scalar('x.alpha', 2)]), (checkpoint) =>
      elements(checkpoint, 'x.delta_weight'),
    );
    await opened(safetensorsBytes([...loha, scalar('x.alpha', 5)]), async (checkpoint) => {
      assertClose(
        await elements(checkpoint, 'x.delta_weight'),
        Array.from(plain, (value) => 2.5 * value),
        1e-6,
      );
    });
    // Nothing of a rank: α is not used.
    const lokr = [random('x.lokr_w1', [2, 3], 1), random('x.lokr_w2', [4, 5], 2)];
    const whole = await opened(safetensorsBytes(lokr), (checkpoint) => elements(checkpoint, 'x.delta_weight'));
    await opened(safetensorsBytes([...lokr, scalar('x.alpha', 5)]), async (checkpoint) => {
      assert.deepEqual(await elements(checkpoint, 'x.delta_weight'), whole);
    });
  });

  it('LoKr has the products of the singular values of its two matrices', async () => {
    const kernels = loadKernels();
    const squares = (values: Float64Array, rows: number, cols: number): Float64Array =>
      symmetricEigenvalues(kernels.gram(values, rows, cols, 'rows'), rows);
    const [w1, w2] = [random('x.lokr_w1', [2, 3], 1), random('x.lokr_w2', [4, 5], 2)];
    const widened = ({ bytes }: FixtureTensor): Float64Array =>
      Float64Array.from(new Float32Array(bytes.slice().buffer));
    await opened(safetensorsBytes([w1, w2]), async (checkpoint) => {
      const found = squares(Float64Array.from(await elements(checkpoint, 'x.delta_weight')), 8, 15);
      const [a, b] = [squares(widened(w1), 2, 3), squares(widened(w2), 4, 5)];
      const products = Array.from(a)
        .flatMap((x) => Array.from(b, (y) => x * y))
        .sort((x, y) => x - y);
      found.forEach((value, i) => assert.ok(Math.abs(value - products[i]!) <= 1e-6 * products.at(-1)!));
    });
  });

  const loha = (change: (tensors: FixtureTensor[]) => FixtureTensor[], module = 'x'): Uint8Array =>
    safetensorsBytes(
      change([
        random(`${module}.hada_w1_a`, [5, 2], 1),
        random(`${module}.hada_w1_b`, [2, 7], 2),
        random(`${module}.hada_w2_a`, [5, 2], 3),
        random(`${module}.hada_w2_b`, [2, 7], 4),
      ]),
    );
  const lokr = (...tensors: FixtureTensor[]): Uint8Array => safetensorsBytes(tensors);
  const tiled = (up: number[], down: number[], dtype = 'BF16'): Uint8Array => {
    const tensor = (name: string, shape: number[]): FixtureTensor => {
      return { name, dtype, shape, bytes: new Uint8Array(shape[0]! * shape[1]! * (dtype === 'F32' ? 4 : 2)) };
    };
    const codes = { name: 'x.qweight', dtype: 'I8', shape: [2, 2], bytes: new Uint8Array(4) };
    return safetensorsBytes([codes, tensor('x.proj_up', up), tensor('x.proj_down', down)]);
  };
  const refused: Readonly<Record<string, [Uint8Array, RegExp, (object | string)?]>> = {
    'a LoHa without one of its four': [loha((all) => all.slice(0, 3)), /not all of hada_w1_a/],
    'a LoHa of two shapes': [
      loha((all) => [...all.slice(0, 3), random('x.hada_w2_b', [2, 8], 4)]),
      /shapes make no product/,
    ],
    'a LoHa of rank 0': [
      loha((all) => [
        { ...all[0]!, shape: [5, 0], bytes: new Uint8Array(0) },
        { ...all[1]!, shape: [0, 7], bytes: new Uint8Array(0) },
        ...all.slice(2),
      ]),
      /shapes make no product/,
    ],
    'a LoHa with one core': [
      loha((all) => [...all, random('x.hada_t1', [2, 2, 3, 3], 4)]),
      /one of hada_t1 and hada_t2/,
    ],
    'a LoHa with DoRA': [loha((all) => [...all, random('x.dora_scale', [5], 4)]), /DoRA/],
    'a LoHa whose α is NaN': [loha((all) => [...all, scalar('x.alpha', NaN)]), /x\.alpha is NaN: its scale is unknown/],
    'a LoHa of PEFT without its configuration': [
      loha((all) => all, 'base_model.model.x'),
      /no adapter_config\.json beside it/,
    ],
    'a LoHa of PEFT whose configuration has no rank': [
      loha((all) => all),
      /the rank null/,
      { peft_type: 'LOHA', alpha: 3, r: null },
    ],
    'a LoHa of PEFT with a pattern': [
      loha((all) => all),
      /the pattern "\.\*x"/,
      { peft_type: 'LOHA', alpha: 3, r: 2, rank_pattern: { '.*x': 3 } },
    ],
    'a LoKr without its second matrix': [
      lokr(random('x.lokr_w1', [2, 3], 1)),
      /a part of lokr_w1 or lokr_w2 is not there/,
    ],
    'a LoKr without a factor': [
      lokr(random('x.lokr_w1', [2, 3], 1), random('x.lokr_w2_a', [4, 1], 1)),
      /a part of lokr_w1 or lokr_w2/,
    ],
    'a LoKr that has both': [
      lokr(random('x.lokr_w1', [2, 3], 1), random('x.lokr_w2', [4, 5], 1), random('x.lokr_w2_a', [4, 1], 1)),
      /as a whole and in factors/,
    ],
    'a LoKr of one axis': [lokr(random('x.lokr_w1', [2], 1), random('x.lokr_w2', [4, 5], 1)), /no Kronecker product/],
    'a LoKr that is too large to exist': [
      lokr(
        ...['lokr_w1', 'lokr_w2'].map((name) => ({
          name: `x.${name}_a`,
          dtype: 'F8_E4M3',
          shape: [2 ** 24, 1],
          bytes: new Uint8Array(2 ** 24),
        })),
        ...['lokr_w1', 'lokr_w2'].map((name) => ({
          name: `x.${name}_b`,
          dtype: 'F8_E4M3',
          shape: [1, 2 ** 12],
          bytes: new Uint8Array(2 ** 12),
        })),
      ),
      /too large to exist/,
    ],
    'a branch of no whole tiles': [tiled([48, 8], [64, 8]), /no tiles of one product/],
    'a branch of two ranks': [tiled([48, 32], [64, 16]), /no tiles of one product/],
    'a branch of float32': [tiled([48, 32], [64, 32], 'F32'), /no tiles of one product/],
  };
  for (const [what, [file, message, config]] of Object.entries(refused)) {
    it(`stay as they are with a problem: ${what}`, async () => {
      await opened(
        file,
        (checkpoint) => {
          assert.ok(!checkpoint.tensors.some(({ madeOf, product }) => madeOf ?? product));
          assert.match(checkpoint.problems.map((problem) => problem.message).join('\n'), message);
        },
        config,
      );
    });
  }

  it('are nothing by a likeness of names alone', async () => {
    const tensors = [
      random('x.proj_up', [16, 16], 1),
      random('x.proj_down', [16, 16], 2),
      random('hada_w1_a', [2, 2], 1),
    ];
    await opened(safetensorsBytes(tensors), ({ tensors: listed, problems }) => {
      assert.deepEqual([listed.length, problems], [3, []]);
    });
  });
});
