/** Attention kernels with heads as an axis in the terminal: spectra, heads and saved copies, by matrices of known values. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../extension/checkpoint/openModel';
import type { LayerResult } from '../../extension/shared/layers';
import { commandLine } from '../harness/commandLine';
import { safetensorsBytes, type FixtureTensor } from '../harness/checkpoints/safetensorsFixtures';
import { sharedCase } from '../harness/checkpoints/sharedCases';
import { temporaryFolder } from '../harness/temporaryFolder';

const [HIDDEN, HEADS] = [24, 4];
const DIM = HIDDEN / HEADS;

/** A diagonal 1 … 24: λ are the squares. The second of a stack has twice that. */
const graded = (row: number, col: number, factor = 1): number => (row === col ? factor * (row + 1) : 0);

type Element = (...at: number[]) => number;

function made(name: string, shape: number[], element: Element): FixtureTensor {
  const size = (sizes: readonly number[]): number => sizes.reduce((product, length) => product * length, 1);
  const values = Float32Array.from({ length: size(shape) }, (_, at) =>
    element(...shape.map((length, axis) => Math.floor(at / size(shape.slice(axis + 1))) % length)),
  );
  return { name, dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) };
}

/** Each is `graded` as a matrix, kept from its element `from` on; by what the file's axes are. */
const TENSORS: Readonly<Record<string, { shape: number[]; element: (from: number) => Element }>> = {
  'attn/query/kernel': {
    shape: [HIDDEN, HEADS, DIM],
    element: (from) => (i, h, d) => (i >= from ? graded(i, h * DIM + d) : 0),
  },
  'attn/out/kernel': {
    shape: [HEADS, DIM, HIDDEN],
    element: (from) => (h, d, o) => (o >= from ? graded(h * DIM + d, o) : 0),
  },
  'blocks.0.attn.W_Q': {
    shape: [HEADS, HIDDEN, DIM],
    element: (from) => (h, i, d) => (i >= from ? graded(i, h * DIM + d) : 0),
  },
  pos_embed: {
    shape: [1, HIDDEN, HIDDEN],
    element: (from) => (_, i, j) => (i >= from ? graded(i, j) : 0),
  },
};

const stackElement =
  (from: number, kept = 2): Element =>
  (layer, i, h, d) =>
    layer !== kept || i >= from ? graded(i, h * DIM + d, layer + 1) : 0;

describe('kernels with heads as an axis', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  const model = path.join(folder, 'model.safetensors');
  const STACK = 'layers/attn/query/kernel';

  before(() => {
    const tensors = Object.entries(TENSORS).map(([name, { shape, element }]) => made(name, shape, element(0)));
    writeFileSync(model, safetensorsBytes([...tensors, made(STACK, [2, HIDDEN, HEADS, DIM], stackElement(0))]));
  });

  function inspected(...args: string[]): Map<string, LayerResult> {
    const { status, stdout, stderr } = run('inspect', model, '--json', '--no-cache', ...args);
    assert.equal(status, 0, stderr);
    return new Map((JSON.parse(stdout) as { layers: LayerResult[] }).layers.map((layer) => [layer.name, layer]));
  }

  function assertNear(found: number | null | undefined, expected: number): void {
    assert.ok(Math.abs(found! - expected) <= 1e-9 * expected, `${found} is not ${expected}`);
  }

  it('are one matrix each; their shape is the file’s', () => {
    const layers = inspected();
    assert.equal(layers.size, 6);
    for (const [name, { shape }] of Object.entries(TENSORS)) {
      const layer = layers.get(name)!;
      assert.deepEqual([layer.shape, layer.N, layer.M, layer.matrices], [shape, HIDDEN, HIDDEN, 1], name);
      assertNear(layer.metrics.spectral_norm, HIDDEN ** 2);
      assertNear(layer.metrics.norm, (HIDDEN * (HIDDEN + 1) * (2 * HIDDEN + 1)) / 6);
    }
    for (const index of [0, 1]) {
      assertNear(layers.get(`${STACK}[${index}]`)!.metrics.spectral_norm, ((index + 1) * HIDDEN) ** 2);
    }
  });

  it('are read in bands where the memory limit asks for it', () => {
    // 9 MB each; at most an eighth of 64 MB is held.
    const [rows, cols, heads] = [2048, 1100, 4];
    const large = path.join(folder, 'large.safetensors');
    const tensors = [
      made('attn/out/kernel', [heads, rows / heads, cols], (h, d, o) => graded(h * (rows / heads) + d, o)),
      made('blocks.0.attn.W_Q', [heads, rows, cols / heads], (h, i, d) => graded(i, h * (cols / heads) + d)),
    ];
    writeFileSync(large, safetensorsBytes(tensors));
    const { status, stdout, stderr } = run('inspect', large, '--json', '--no-cache', '--no-farms', '--memory', '64');
    assert.equal(status, 0, stderr);
    for (const layer of (JSON.parse(stdout) as { layers: LayerResult[] }).layers) {
      assert.deepEqual([layer.N, layer.M], [rows, cols]);
      assertNear(layer.metrics.spectral_norm, cols ** 2);
      assert.equal(layer.statistics!.zeros, rows * cols - cols);
    }
  });

  it('have their heads for parts, without any configuration', () => {
    const parts = inspected('--split', 'heads');
    for (const name of ['attn/query/kernel', 'attn/out/kernel', 'blocks.0.attn.W_Q']) {
      for (let head = 0; head < HEADS; head++) {
        assertNear(parts.get(`${name}[head${head}]`)!.metrics.spectral_norm, ((head + 1) * DIM) ** 2);
      }
    }
    assertNear(parts.get(`${STACK}[1.head2]`)!.metrics.spectral_norm, (2 * 3 * DIM) ** 2);
    assert.ok(parts.has('pos_embed'));
  });

  async function elementsOf(file: string, name: string): Promise<{ shape: readonly number[]; bytes: Uint8Array }> {
    const checkpoint = await openModel(file);
    try {
      const tensor = checkpoint.tensors.find((each) => each.name === name)!;
      return { shape: tensor.shape, bytes: await checkpoint.read(tensor) };
    } finally {
      await checkpoint.close();
    }
  }

  function assertElements(found: Uint8Array, expected: Uint8Array): void {
    const [a, b] = [found, expected].map((bytes) => new Float32Array(bytes.slice().buffer));
    assert.equal(a!.length, b!.length);
    a!.forEach((value, i) => assert.ok(Math.abs(value - b![i]!) < 1e-4, `element ${i}: ${value}, not ${b![i]!}`));
  }

  for (const [name, { shape, element }] of Object.entries(TENSORS)) {
    it(`${name}, compressed, keeps shape and order, and the directions of its matrix`, async () => {
      const out = path.join(folder, `${name.replaceAll('/', '-')}.safetensors`);
      const args = ['compress', model, '--layer', name, '--rank', '10', '--out', out];
      const { status, stderr } = run(...args, '--output', 'reconstructed');
      assert.equal(status, 0, stderr);
      const found = await elementsOf(out, name);
      assert.deepEqual(found.shape, shape);
      assertElements(found.bytes, made(name, shape, element(HIDDEN - 10)).bytes);
      const refused = run(...args, '--overwrite');
      assert.equal(refused.status, 2);
      assert.match(
        refused.stderr,
        new RegExp(`made of the axes of a tensor ${shape.join('×')}.*save the reconstructed`),
      );
    });
  }

  it('one layer of a scanned stack is compressed in its place', async () => {
    const out = path.join(folder, 'stack.safetensors');
    const args = ['compress', model, '--layer', `${STACK}[1]`, '--rank', '10', '--output', 'reconstructed'];
    const { status, stderr } = run(...args, '--out', out);
    assert.equal(status, 0, stderr);
    const found = await elementsOf(out, STACK);
    const expected = made(STACK, [2, HIDDEN, HEADS, DIM], stackElement(HIDDEN - 10, 1));
    assertElements(found.bytes, expected.bytes);
    assert.notDeepEqual(readFileSync(out), readFileSync(model));
  });

  for (const [file, norms] of [
    [
      'flax_mha.msgpack',
      {
        'params/MultiHeadDotProductAttention_0/query/kernel': 257.3,
        'params/MultiHeadDotProductAttention_0/out/kernel': 253.6,
      },
    ],
    [
      'jax.npz',
      { 'MultiHeadDotProductAttention_1/query/kernel': 257.3, 'MultiHeadDotProductAttention_1/out/kernel': 253.6 },
    ],
    [
      'keras_mha.weights.h5',
      {
        'layers/multi_head_attention/query_dense/vars/0': 257.3,
        'layers/multi_head_attention/output_dense/vars/0': 253.6,
      },
    ],
  ] as const) {
    it(`${file}: the numbers of in × (heads·dim)`, function () {
      const { status, stdout, stderr } = run('inspect', sharedCase(this, 'attn3d', file), '--json', '--no-cache');
      assert.equal(status, 0, stderr);
      const { layers } = JSON.parse(stdout) as { layers: LayerResult[] };
      for (const [name, norm] of Object.entries(norms)) {
        const found = layers.find((layer) => layer.name === name)!.metrics.spectral_norm!;
        assert.ok(Math.abs(found - norm) < 0.05, `${name}: ${found}`);
      }
    });
  }
});
