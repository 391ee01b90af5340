import assert from 'node:assert/strict';
import { drawByScore, leverageScores, lewisWeights } from '../../../../extension/compression/decomposition/leverage';
import { thinLq } from '../../../../extension/compression/decomposition/thinLq';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { mulberry32 } from '../../../../extension/spectral/seededRandom';

const [k, n] = [3, 12];
const next = mulberry32(11);
const { rows: vectors } = thinLq(
  Float64Array.from({ length: k * n }, () => next() - 0.5),
  k,
  () => undefined,
);

describe('thinLq', () => {
  it('is orthonormal, multiplies to the matrix and marks a dependent row', () => {
    const a = Float64Array.from([1, 2, 2, 0, 3, 6, 6, 0, 0, 0, 3, 4]);
    const { triangle, rows } = thinLq(a, 3, () => undefined);
    assert.equal(triangle[4], 0);
    for (let i = 0; i < 3; i++) {
      for (let c = 0; c < 4; c++) {
        let sum = 0;
        for (let j = 0; j < 3; j++) sum += triangle[i * 3 + j]! * rows[j * 4 + c]!;
        assert.ok(Math.abs(sum - a[i * 4 + c]!) < 1e-14);
      }
    }
    const dot = rows.subarray(0, 4).reduce((sum, value, c) => sum + value * rows[8 + c]!, 0);
    assert.ok(Math.abs(dot) < 1e-15);
  });
});

describe('scores of rows', () => {
  it('add up to the number of vectors', () => {
    const total = leverageScores(vectors, k).reduce((sum, score) => sum + score, 0);
    assert.ok(Math.abs(total - k) < 1e-12);
  });

  it('of Lewis are the leverage scores of the rows over the roots of the weights', () => {
    const weights = lewisWeights(vectors, k, { kernels: loadKernels(), poll: () => undefined });
    const scaled = vectors.map((value, at) => value / Math.sqrt(weights[at % n]!));
    // Orthonormalised, its squared column norms are the leverage scores.
    const scores = leverageScores(thinLq(scaled, k, () => undefined).rows, k);
    for (let j = 0; j < n; j++) assert.ok(Math.abs(scores[j]! - weights[j]!) < 1e-7, `${scores[j]} ${weights[j]}`);
  });
});

describe('Lewis weights', () => {
  it('do not change with vectors of zeros beside the others', () => {
    const tools = { kernels: loadKernels(), poll: () => undefined };
    const padded = new Float64Array((k + 1) * n);
    padded.set(vectors.subarray(0, n));
    padded.set(vectors.subarray(n), 2 * n);
    assert.deepEqual(lewisWeights(padded, k + 1, tools), lewisWeights(vectors, k, tools));
    assert.deepEqual(lewisWeights(new Float64Array(n), 1, tools), new Float64Array(n));
  });
});

describe('drawByScore', () => {
  it('draws each index as often as its score says', () => {
    const scores = Float64Array.of(1, 2, 5, 0);
    const counts = new Float64Array(4);
    for (let seed = 0; seed < 8000; seed++) counts[drawByScore(scores, 1, seed)[0]!]!++;
    assert.ok(Math.abs(counts[0]! - 1000) < 150 && Math.abs(counts[1]! - 2000) < 200 && counts[3] === 0, counts.join());
  });

  it('draws what has no score last', () => {
    assert.deepEqual([...drawByScore(Float64Array.of(0, 3, 0, 1), 3, 1)], [0, 1, 3]);
  });
});
