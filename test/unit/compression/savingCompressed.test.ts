/** A layer compressed and saved, from the bytes of one file to the bytes of the other. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { widen } from '../../../extension/checkpoint/elements/dtype';
import { openModel } from '../../../extension/checkpoint/openModel';
import { compressionNote } from '../../../extension/compression/compressionNote';
import { compressPair, type CompressedTensor } from '../../../extension/compression/pairCompression';
import { narrow, type FloatDType } from '../../../extension/compression/narrow';
import { saveCheckpointWith } from '../../../extension/compression/safetensorsWriter';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import type { RankRequest } from '../../../extension/shared/compressions';
import type { DType } from '../../../extension/shared/tensors';
import { sharedFolder } from '../../harness/shared';
import { memoryCheckpoint, parseSafetensors, type MadeTensor, type ParsedTensor } from './savingFixture';

const kernels = loadKernels();

/** Reproducible values in (−1, 1) with a decaying spectrum: the smaller side's directions shrink geometrically. */
function weights(shape: number[], dtype: FloatDType, seed: number): MadeTensor {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const count = shape.reduce((a, b) => a * b, 1);
  const width = shape.at(-1)!;
  const values = Float64Array.from({ length: count }, (_, i) => random() * 0.8 ** (i % width));
  return { name: 'fc.weight', dtype, shape, bytes: narrow(values, dtype).bytes };
}

const valuesOf = (tensor: ParsedTensor) => widen(new Uint8Array(tensor.bytes), tensor.dtype as DType);

function relativeDistance(w: Float64Array, approximation: Float64Array): number {
  const squares = (x: Float64Array) => x.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(squares(w.map((value, i) => value - approximation[i]!)) / squares(w));
}

/** A (rows × k) · B (k × cols) by the definition. */
function product(a: Float64Array, b: Float64Array, rows: number, cols: number): Float64Array {
  const k = a.length / rows;
  return Float64Array.from({ length: rows * cols }, (_, at) => {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += a[Math.floor(at / cols) * k + j]! * b[j * cols + (at % cols)]!;
    return sum;
  });
}

describe('compressing and saving a layer', () => {
  let folder: string;
  let target: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-compressed-'));
    target = path.join(folder, 'out.safetensors');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const compressed = (
    tensor: MadeTensor,
    request: RankRequest,
    output: 'factors' | 'reconstructed',
    expert?: number,
  ): CompressedTensor => {
    const { name, shape, dtype, bytes, kernelLayout = 'OI…' } = tensor;
    const input = { tensor: { name, shape, dtype, kernelLayout }, bytes, ...(expert !== undefined && { expert }) };
    return compressPair(input, 'svd', request, output, { kernels });
  };

  const saved = async (tensor: MadeTensor, { replacement }: CompressedTensor) => {
    await saveCheckpointWith(memoryCheckpoint([tensor]), new Map([[tensor.name, replacement]]), { target, note: {} });
    return parseSafetensors(target).tensors;
  };

  for (const dtype of ['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2'] satisfies FloatDType[]) {
    it(`${dtype}: the error reported is the error of the saved factors`, async () => {
      const tensor = weights([20, 12], dtype, 1);
      const result = compressed(tensor, { kind: 'rank', rank: 5 }, 'factors');
      const tensors = await saved(tensor, result);
      assert.deepEqual([...tensors.keys()], ['fc.0.weight', 'fc.1.weight']);
      const [first, second] = [tensors.get('fc.0.weight')!, tensors.get('fc.1.weight')!];
      assert.deepEqual([first.dtype, first.shape, second.dtype, second.shape], [dtype, [5, 12], dtype, [20, 5]]);
      assert.deepEqual(result.factors, { left: 'fc.1.weight', right: 'fc.0.weight' });
      const error = relativeDistance(widen(tensor.bytes, dtype), product(valuesOf(second), valuesOf(first), 20, 12));
      assert.ok(Math.abs(error / result.measured_error - 1) < 1e-10, `${error}, not ${result.measured_error}`);
      const roundingOf = { F64: 1e-14, F32: 1e-7, F16: 2e-3, BF16: 1e-2, F8_E4M3: 0.1, F8_E5M2: 0.2 };
      assert.ok(Math.abs(result.measured_error - result.relative_error) < roundingOf[dtype]);
    });

    it(`${dtype}: the error reported is the error of the saved product`, async () => {
      const tensor = weights([12, 20], dtype, 2);
      const result = compressed(tensor, { kind: 'energy', energy: 0.9 }, 'reconstructed');
      const tensors = await saved(tensor, result);
      const [only] = [...tensors];
      assert.deepEqual([only![0], only![1].dtype, only![1].shape], ['fc.weight', dtype, [12, 20]]);
      const error = relativeDistance(widen(tensor.bytes, dtype), valuesOf(only![1]));
      assert.ok(Math.abs(error / result.measured_error - 1) < 1e-10);
      assert.ok(result.relative_error <= Math.sqrt(0.1) && result.relative_error > 0);
      assert.equal(result.factors, undefined);
    });
  }

  it('a narrow convolution and a 1 × 1 convolution do what the kernel did', async () => {
    const [outs, ins, height, width] = [6, 5, 3, 3];
    const kernel = { ...weights([outs, ins, height, width], 'F64', 3), name: 'conv.weight' };
    const tensors = await saved(kernel, compressed(kernel, { kind: 'rank', rank: outs }, 'factors'));
    const [narrowConv, pointwise] = [tensors.get('conv.0.weight')!, tensors.get('conv.1.weight')!];
    assert.deepEqual(narrowConv.shape, [6, ins, height, width]);
    assert.deepEqual(pointwise.shape, [outs, 6, 1, 1]);
    const patch = weights([ins, height, width], 'F64', 4);
    const dot = (filters: Float64Array, o: number, x: Float64Array) =>
      x.reduce((sum, value, i) => sum + value * filters[o * x.length + i]!, 0);
    const x = widen(patch.bytes, 'F64');
    const hidden = Float64Array.from({ length: 6 }, (_, k) => dot(valuesOf(narrowConv), k, x));
    for (let o = 0; o < outs; o++) {
      const direct = dot(widen(kernel.bytes, 'F64'), o, x);
      assert.ok(Math.abs(dot(valuesOf(pointwise), o, hidden) - direct) < 1e-13);
    }
  });

  it('the same for TensorFlow’s axis order', async () => {
    const [height, width, ins, outs] = [3, 1, 4, 7];
    const kernel: MadeTensor = {
      ...weights([height, width, ins, outs], 'F64', 5),
      name: 'conv/kernel',
      kernelLayout: '…IO',
    };
    const result = compressed(kernel, { kind: 'rank', rank: 7 }, 'factors');
    const tensors = await saved(kernel, result);
    const [narrowConv, pointwise] = [tensors.get('conv/0/kernel')!, tensors.get('conv/1/kernel')!];
    assert.deepEqual(
      [narrowConv.shape, pointwise.shape],
      [
        [height, width, ins, 7],
        [1, 1, 7, outs],
      ],
    );
    assert.deepEqual(result.factors, { left: 'conv/0/kernel', right: 'conv/1/kernel' });
    const whole = product(valuesOf(narrowConv), valuesOf(pointwise), height * width * ins, outs);
    assert.ok(relativeDistance(widen(kernel.bytes, 'F64'), whole) < 1e-14);
  });

  it('the same for TFLite’s axis order, with the errors of the same kernel in PyTorch’s', async () => {
    const [height, width, ins, outs] = [3, 2, 4, 7];
    const torch = { ...weights([outs, ins, height, width], 'F64', 5), name: 'conv.weight' };
    const values = widen(torch.bytes, 'F64');
    const turned = Float64Array.from(values, (_, at) => {
      const [o, p, i] = [Math.floor(at / (6 * ins)), Math.floor(at / ins) % 6, at % ins];
      return values[(o * ins + i) * 6 + p]!;
    });
    const shape = [outs, height, width, ins];
    const kernel: MadeTensor = { ...torch, shape, bytes: new Uint8Array(turned.buffer), kernelLayout: 'O…I' };
    const result = compressed(kernel, { kind: 'rank', rank: 3 }, 'factors');
    const tensors = await saved(kernel, result);
    assert.deepEqual(tensors.get('conv.0.weight')!.shape, [3, height, width, ins]);
    assert.deepEqual(tensors.get('conv.1.weight')!.shape, [outs, 1, 1, 3]);
    const { measured_error } = compressed(torch, { kind: 'rank', rank: 3 }, 'factors');
    assert.ok(Math.abs(result.measured_error / measured_error - 1) < 1e-10);
  });

  it('one expert is replaced in its stack, the others stay bit for bit; from the stack’s bytes or its own', async () => {
    const stack = { ...weights([3, 8, 6], 'BF16', 6), name: 'experts' };
    const result = compressed(stack, { kind: 'rank', rank: 2 }, 'reconstructed', 1);
    const tensors = await saved(stack, result);
    const bytes = tensors.get('experts')!.bytes;
    const one = 8 * 6 * 2;
    assert.ok(bytes.subarray(0, one).equals(stack.bytes.subarray(0, one)));
    assert.ok(bytes.subarray(2 * one).equals(stack.bytes.subarray(2 * one)));
    const original = widen(stack.bytes.slice(one, 2 * one), 'BF16');
    const error = relativeDistance(original, widen(new Uint8Array(bytes.subarray(one, 2 * one)), 'BF16'));
    assert.ok(Math.abs(error / result.measured_error - 1) < 1e-10);
    const alone = { ...stack, bytes: stack.bytes.slice(one, 2 * one) };
    assert.deepEqual(compressed(alone, { kind: 'rank', rank: 2 }, 'reconstructed', 1), result);
    assert.throws(() => compressed(stack, { kind: 'rank', rank: 2 }, 'factors', 1), { code: 'unsupported' });
  });

  it('tells what a person should know: zero directions, rounding, values out of range', () => {
    const rankOne: MadeTensor = {
      name: 'one.weight',
      dtype: 'F32',
      shape: [4, 4],
      bytes: narrow(new Float64Array(16).fill(0.5), 'F32').bytes,
    };
    const [note, ...none] = compressed(rankOne, { kind: 'rank', rank: 3 }, 'factors').notes;
    assert.match(note!, /numerical rank 1: the other 2 of the 3 directions .* zeros\. Rank 1 is enough/);
    assert.deepEqual(none, []);

    const rounded = compressed(weights([20, 12], 'BF16', 1), { kind: 'rank', rank: 12 }, 'factors');
    assert.match(rounded.notes.join(), /Rounding to BF16 raises the relative error from \S+ to 0\.00\d+/);

    // One column of F16's largest value: the factors and their product stay in range.
    const large = new Float64Array(900).map((_, i) => (i % 30 === 0 ? 65504 : 0));
    const tensor = { name: 'x.weight', dtype: 'F16' as const, shape: [30, 30], bytes: narrow(large, 'F16').bytes };
    const result = compressed(tensor, { kind: 'rank', rank: 1 }, 'reconstructed');
    assert.ok(result.measured_error < 1e-3 && !result.notes.join().includes('beyond the range'));
    // Without its smaller directions some entries of this matrix are above 448, the largest E4M3 value.
    const peaked = Float64Array.of(448, 448, 448, -448, 448, 448, -448, 448, 448);
    const e4m3 = { name: 'y.weight', dtype: 'F8_E4M3' as const, shape: [3, 3], bytes: narrow(peaked, 'F8_E4M3').bytes };
    const saturated = compressed(e4m3, { kind: 'rank', rank: 1 }, 'reconstructed');
    assert.match(saturated.notes.join(), /values were beyond the range of F8_E4M3/);
  });

  it('refuses NaN with its place, integers and impossible ranks', () => {
    const tensor = weights([6, 4], 'F32', 7);
    new DataView(tensor.bytes.buffer).setFloat32(4 * (2 * 4 + 3), NaN, true);
    const rank = { kind: 'rank', rank: 1 } as const;
    assert.throws(() => compressed(tensor, rank, 'factors'), {
      code: 'not-finite',
      message: /layer fc\.weight: holds NaN at row 2, column 3/,
    });
    assert.throws(() => compressed({ ...tensor, dtype: 'I32' }, rank, 'factors'), { code: 'unsupported' });
    assert.throws(() => compressed(weights([6, 4], 'F32', 7), { kind: 'rank', rank: 5 }, 'factors'), {
      code: 'invalid-rank',
    });
  });

  it('stops while the elements are widened, which is before everything else', () => {
    const tensor = weights([600, 500], 'F32', 8);
    tensor.bytes.fill(0xff, tensor.bytes.length - 4); // a NaN at the end, which is not reached
    const input = { tensor: { ...tensor, kernelLayout: 'OI…' as const }, bytes: tensor.bytes };
    let polls = 0;
    const cancelled = (): boolean => ++polls === 2;
    const rank = { kind: 'rank', rank: 5 } as const;
    assert.throws(() => compressPair(input, 'svd', rank, 'factors', { kernels, cancelled }), { name: 'AbortError' });
  });

  it('progress never goes back, and cancelling stops it', () => {
    const tensor = weights([300, 200], 'F32', 8);
    const input = { tensor: { ...tensor, kernelLayout: 'OI…' as const }, bytes: tensor.bytes };
    const seen: number[] = [];
    const request = { kind: 'rank', rank: 50 } as const;
    compressPair(input, 'svd', request, 'factors', { kernels, onProgress: (fraction) => seen.push(fraction) });
    assert.deepEqual(
      seen,
      seen.slice().sort((a, b) => a - b),
    );
    assert.equal(seen.at(-1), 1);
    assert.throws(() => compressPair(input, 'svd', request, 'factors', { kernels, cancelled: () => true }), {
      name: 'AbortError',
    });
  });
});

if (sharedFolder) {
  const original = path.join(sharedFolder, 'checkpoints/stories260K-llama-derived/model.safetensors');

  describe('compressing a layer of a trained model', () => {
    let folder: string;
    before(() => {
      folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-llama-'));
    });
    after(() => rmSync(folder, { recursive: true }));

    it('changes that layer only, keeps the metadata, and opens again', async () => {
      const source = path.join(folder, 'model.safetensors');
      copyFileSync(original, source);
      const target = path.join(folder, 'small.safetensors');
      const checkpoint = await openModel(source);
      const layer = 'model.layers.2.mlp.down_proj.weight';
      const tensor = checkpoint.tensors.find(({ name }) => name === layer)!;
      const bytes = await checkpoint.read(tensor);
      const result = compressPair({ tensor, bytes }, 'svd', { kind: 'budget', budget: 0.5 }, 'factors', { kernels });
      const request = { layer, method: 'svd', output: 'factors' } as const;
      const note = compressionNote(request, result, { source, version: '9.9.9', date: new Date(0) });
      await saveCheckpointWith(checkpoint, new Map([[layer, result.replacement]]), { target, note });
      await checkpoint.close();
      assert.ok(readFileSync(source).equals(readFileSync(original)), 'the source is as it was');

      const [before, after] = [parseSafetensors(source), parseSafetensors(target)];
      const factorNames = ['model.layers.2.mlp.down_proj.0.weight', 'model.layers.2.mlp.down_proj.1.weight'];
      assert.deepEqual(
        after.names,
        before.names.flatMap((name) => (name === layer ? factorNames : [name])),
      );
      for (const [name, { dtype, shape, bytes: stored }] of before.tensors) {
        if (name === layer) continue;
        const copy = after.tensors.get(name)!;
        assert.deepEqual([copy.dtype, copy.shape], [dtype, shape]);
        assert.ok(copy.bytes.equals(stored), name);
      }
      const { eigenscope, ...kept } = after.metadata;
      assert.deepEqual(kept, { ...before.metadata, format: 'pt' });
      assert.deepEqual(JSON.parse(eigenscope!), {
        version: '9.9.9',
        source: 'model.safetensors',
        ...request,
        rank: result.rank,
        relative_error: result.relative_error,
        measured_error: result.measured_error,
        weight: { product: [factorNames[1], factorNames[0]] },
        date: '1970-01-01T00:00:00.000Z',
      });
      const reopened = await openModel(target);
      assert.deepEqual(reopened.problems, []);
      const shown = before.names.flatMap((name) => (name === layer ? [...factorNames, layer] : [name]));
      assert.deepEqual(
        reopened.tensors.map(({ name }) => name),
        shown,
        'the factors, and what they stand for',
      );
      await reopened.close();
    });
  });
} else {
  console.log('    The reference checkpoints are not beside the repository: saving one of them is not tried here.');
}
