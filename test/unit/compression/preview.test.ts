import assert from 'node:assert/strict';
import { compressionMatrix } from '../../../extension/compression/compressionMatrix';
import { factorLayout, factorTensors } from '../../../extension/compression/factorLayout';
import { CompressionError } from '../../../extension/compression/compressionError';
import { previewSvd, type PreviewInput } from '../../../extension/compression/svdPreview';
import type { TensorInfo } from '../../../extension/checkpoint/checkpoint';

const linear: PreviewInput = {
  layer: 'fc.weight',
  matrix: compressionMatrix([6, 4], 'OI…'),
  eigenvalues: Float64Array.of(1, 4, 16, 64),
  elementBytes: 2,
};

function tensor(shape: number[], kernelLayout: TensorInfo['kernelLayout'], name = 'conv.weight'): TensorInfo {
  return { name, group: '', shape, dtype: 'F32', byteLength: 4 * shape.reduce((a, b) => a * b, 1), kernelLayout };
}

describe('compression preview', () => {
  it('errors come from the discarded spectrum', () => {
    const preview = previewSvd(linear, { kind: 'rank', rank: 2 });
    assert.equal(preview.relative_error, Math.sqrt(5 / 85));
    assert.equal(preview.sigma_ratio, 2 / 8);
    assert.deepEqual([...preview.singularValues], [8, 4, 2, 1]);
    assert.deepEqual([preview.rank, preview.fullRank, preview.breakEven], [2, 4, 2]);
  });

  it('counts parameters, bytes and multiply-adds of the factor pair', () => {
    const preview = previewSvd(linear, { kind: 'rank', rank: 1 });
    assert.deepEqual(preview.parameters, { before: 24, after: 10 });
    assert.deepEqual(preview.bytes, { before: 48, after: 20 });
    assert.deepEqual(preview.multiply_adds, { before: 24, after: 10 });
    assert.deepEqual(preview.notes, []);
  });

  it('full rank has no error, and says that the factors are larger', () => {
    const preview = previewSvd(linear, { kind: 'rank', rank: 4 });
    assert.equal(preview.relative_error, 0);
    assert.equal(preview.sigma_ratio, 0);
    assert.match(preview.notes.join(), /Above rank 2 \(break-even\)/);
  });

  it('a zero matrix has error 0 at any rank', () => {
    const preview = previewSvd(
      { ...linear, eigenvalues: new Float64Array(4) },
      {
        kind: 'rank',
        rank: 1,
      },
    );
    assert.deepEqual([preview.relative_error, preview.sigma_ratio], [0, 0]);
  });

  it('says what is special about kernels and experts', () => {
    const rank = { kind: 'rank', rank: 1 } as const;
    const eigenvalues = Float64Array.of(3, 2, 1);
    const conv = { ...linear, matrix: compressionMatrix([3, 2, 5, 5], 'OI…'), eigenvalues };
    assert.match(previewSvd(conv, rank).notes.join(), /3 × 50 matrix.*pools 25 kernel positions/);
    const expert = { ...linear, matrix: compressionMatrix([8, 3, 7], 'OI…', 2), eigenvalues };
    assert.match(previewSvd(expert, rank).notes.join(), /Only this expert/);
  });

  it('refuses impossible ranks and spectra that are not finite or not whole', () => {
    const refused = (code: string) => (error: unknown) => error instanceof CompressionError && error.code === code;
    const rank = { kind: 'rank', rank: 1 } as const;
    assert.throws(() => previewSvd(linear, { kind: 'rank', rank: 5 }), refused('invalid-rank'));
    const infinite = { ...linear, eigenvalues: Float64Array.of(1, 2, 3, Infinity) };
    assert.throws(() => previewSvd(infinite, rank), refused('not-finite'));
    const undefinedValue = { ...linear, eigenvalues: Float64Array.of(1, 2, NaN, 1) };
    assert.throws(() => previewSvd(undefinedValue, rank), refused('not-finite'));
    assert.throws(() => previewSvd({ ...linear, eigenvalues: new Float64Array(3) }, rank), RangeError);
  });
});

describe('the matrix a compression factors', () => {
  it('is the stored tensor, the whole kernel, or one expert', () => {
    const is = (shape: number[], layout: TensorInfo['kernelLayout'], expert?: number) => {
      const { kind, rows, cols, offset, positions } = compressionMatrix(shape, layout, expert);
      return [kind, rows, cols, offset, positions];
    };
    assert.deepEqual(is([5, 7], '…IO'), ['matrix', 5, 7, 0, 1]);
    assert.deepEqual(is([16, 8, 3, 5], 'OI…'), ['conv', 16, 120, 0, 15]);
    assert.deepEqual(is([3, 5, 8, 16], '…IO'), ['conv', 120, 16, 0, 15]);
    assert.deepEqual(is([16, 3, 5, 8], 'O…I'), ['conv', 16, 120, 0, 15]);
    assert.deepEqual(is([16, 8, 3], 'OI…'), ['conv', 16, 24, 0, 3]);
    assert.deepEqual(is([16, 3, 5, 8], 'O…I'), ['conv', 16, 120, 0, 15]);
    assert.deepEqual(is([1, 3, 5, 16], '…O'), ['conv', 15, 16, 0, 15]);
    assert.deepEqual(is([4, 6, 10], 'OI…', 3), ['expert', 6, 10, 180, 1]);
  });

  it('refuses tensors without one', () => {
    for (const [shape, expert] of [[[5]], [[]], [[0, 4]], [[4, 6, 10], 4], [[4, 6, 10], -1], [[4, 6], 0]] as [
      number[],
      number?,
    ][]) {
      assert.throws(() => compressionMatrix(shape, 'OI…', expert), { name: 'CompressionError', code: 'unsupported' });
    }
  });

  it('shapes factors so that a narrow convolution is followed by a 1 × 1 convolution', () => {
    const shapes = (info: TensorInfo) => {
      const matrix = compressionMatrix(info.shape, info.kernelLayout);
      return factorTensors(info, matrix, factorLayout(info, matrix, []), 2).map(({ shape, factor }) => [
        factor,
        ...shape,
      ]);
    };
    assert.deepEqual(shapes(tensor([6, 4], 'OI…')), [
      ['right', 2, 4],
      ['left', 6, 2],
    ]);
    assert.deepEqual(shapes(tensor([16, 8, 3, 5], 'OI…')), [
      ['right', 2, 8, 3, 5],
      ['left', 16, 2, 1, 1],
    ]);
    assert.deepEqual(shapes(tensor([3, 5, 8, 16], '…IO')), [
      ['left', 3, 5, 8, 2],
      ['right', 1, 1, 2, 16],
    ]);
    assert.deepEqual(shapes(tensor([16, 3, 5, 8], 'O…I')), [
      ['right', 2, 3, 5, 8],
      ['left', 16, 1, 1, 2],
    ]);
    assert.deepEqual(shapes(tensor([1, 3, 5, 16], '…O')), [
      ['left', 1, 3, 5, 2],
      ['right', 1, 1, 2, 16],
    ]);
    assert.deepEqual(shapes(tensor([6, 4], '…IO', 'dense/kernel')), [
      ['left', 6, 2],
      ['right', 2, 4],
    ]);
  });
});
