/** One convolution in the axis orders of several formats, in the terminal: the numbers of its layer are the same. */
import assert from 'node:assert/strict';
import type { MetricKey } from '../../extension/shared/metricTable';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { LayerResult } from '../../extension/shared/layers';
import { commandLine } from '../harness/commandLine';
import { randomMatrix } from '../harness/numbers/denseReference';
import { safetensorsBytes } from '../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../harness/temporaryFolder';
import { floatTensor, OPERATOR, tfliteFile } from '../harness/checkpoints/tfliteWriter';

const [O, I, H, W] = [14, 12, 3, 2];

/** Outputs, inputs, positions. */
type Axis = 'o' | 'i' | 'p';
type Axes = readonly [outer: Axis, middle: Axis, inner: Axis];

describe('a convolution in every axis order', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  const file = (name: string): string => path.join(folder, name);
  const values = Float32Array.from(randomMatrix(O, I * H * W, 7));
  const spatial = Float32Array.from(randomMatrix(O, H * W, 8));

  /** Elements of (o, i, p) in an order of these axes. */
  function ordered(from: Float32Array, ins: number, [outer, middle, inner]: Axes): Float32Array {
    const sizes = { o: O, i: ins, p: H * W };
    return Float32Array.from({ length: from.length }, (_, at) => {
      const c = at % sizes[inner];
      const b = Math.floor(at / sizes[inner]) % sizes[middle];
      const a = Math.floor(at / sizes[inner] / sizes[middle]);
      const { o, i, p } = { [outer]: a, [middle]: b, [inner]: c } as Record<Axis, number>;
      return from[(o * ins + i) * H * W + p]!;
    });
  }

  function layers(name: string): Map<string, LayerResult> {
    const { status, stdout, stderr } = run('inspect', file(name), '--json', '--randomise');
    assert.equal(status, 0, stderr);
    return new Map((JSON.parse(stdout) as { layers: LayerResult[] }).layers.map((layer) => [layer.name, layer]));
  }

  const bytes = (array: Float32Array): Uint8Array => new Uint8Array(array.buffer);
  let torch: Map<string, LayerResult>;
  let tflite: Map<string, LayerResult>;

  before(() => {
    const kernels = [
      { name: 'conv', dtype: 'F32', shape: [O, I, H, W], bytes: bytes(values) },
      { name: 'depthwise', dtype: 'F32', shape: [O, 1, H, W], bytes: bytes(spatial) },
    ];
    writeFileSync(file('torch.safetensors'), safetensorsBytes(kernels, { format: 'pt' }));
    const tensors = [
      floatTensor('conv', [O, H, W, I], ordered(values, I, ['o', 'p', 'i'])),
      floatTensor('depthwise', [1, H, W, O], ordered(spatial, 1, ['p', 'i', 'o'])),
    ];
    const operators = [
      { code: OPERATOR.CONV_2D, inputs: [9, 0] },
      { code: OPERATOR.DEPTHWISE_CONV_2D, inputs: [9, 1] },
    ];
    writeFileSync(file('lite.tflite'), tfliteFile({ subgraphs: [{ tensors, operators }] }));
    torch = layers('torch.safetensors');
    tflite = layers('lite.tflite');
  });

  for (const name of ['conv', 'depthwise']) {
    it(`${name}: spectrum, fits and ranks of TFLite's order are those of PyTorch's`, () => {
      const [found, expected] = [tflite.get(name)!, torch.get(name)!];
      assert.deepEqual([found.matrices, found.N, found.M], [expected.matrices, expected.N, expected.M]);
      assert.equal(found.matrices, H * W);
      for (const [key, value] of Object.entries(expected.metrics)) {
        // Only the order in which entries are shuffled differs.
        if (/rand/.test(key)) continue;
        const other = found.metrics[key as MetricKey]!;
        assert.ok(value === other || Math.abs(other / value! - 1) < 1e-9, `${key}: ${other} for ${value}`);
      }
      assert.deepEqual(Object.keys(found.metrics), Object.keys(expected.metrics));
      for (const [key, { rank, error }] of Object.entries(expected.ranks)) {
        assert.equal(found.ranks[key]!.rank, rank, key);
        assert.ok(Math.abs(found.ranks[key]!.error - error) < 1e-9, key);
      }
    });
  }

  it('compresses the whole kernel to the same error, into factors in the order of its axes', () => {
    const errors = ['torch.safetensors', 'lite.tflite'].map((name) => {
      const out = file(`${name}.out.safetensors`);
      const { status, stdout, stderr } = run(
        ...['compress', file(name), '--layer', 'conv', '--rank', '4', '--out', out],
      );
      assert.equal(status, 0, stderr);
      return /error [\d.]+ \(as stored [\d.]+\)/.exec(stdout)?.[0];
    });
    assert.ok(errors[0] !== undefined && errors[0] === errors[1], String(errors));
    const listed = run('tensors', file('lite.tflite.out.safetensors'), '--json');
    const { tensors } = JSON.parse(listed.stdout) as { tensors: { name: string; shape: number[] }[] };
    const shapes = Object.fromEntries(tensors.map(({ name, shape }) => [name, shape]));
    assert.deepEqual(
      [shapes['conv.0'], shapes['conv.1']],
      [
        [4, H, W, I],
        [O, 1, 1, 4],
      ],
    );
  });
});
