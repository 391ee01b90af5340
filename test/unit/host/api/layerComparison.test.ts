import assert from 'node:assert/strict';
import { comparedMetrics, spectralDistance } from '../../../../extension/host/api/layerComparison';
import { publicNumbers } from '../../../../extension/host/api/layerNumbers';
import type { LayerNumbers } from '../../../../extension/host/api/eigenscope';
import type { LayerResult } from '../../../../extension/shared/layers';

/** Eigenvalues of MᵀM for a 2 × 2 matrix, ascending, by the quadratic formula. */
function eigenvalues([a, b, c, d]: readonly [number, number, number, number]): Float64Array {
  const trace = a * a + b * b + c * c + d * d;
  const root = Math.sqrt(Math.max(0, trace * trace - 4 * (a * d - b * c) ** 2));
  return Float64Array.of((trace - root) / 2, (trace + root) / 2);
}

describe('the distance of two spectra', () => {
  it('is that of the matrices where they are diagonal in the same order', () => {
    const { absolute, relative } = spectralDistance(Float64Array.of(1, 9), Float64Array.of(4, 4));
    assert.equal(absolute, Math.hypot(2 - 1, 2 - 3));
    assert.equal(relative, absolute / Math.sqrt(10));
  });

  it('is never larger than the distance of the matrices', () => {
    for (let i = 0; i < 200; i++) {
      const entry = (k: number): number => Math.sin(12.9898 * (8 * i + k)) * 3;
      const [a, b] = [0, 4].map((from) => [entry(from), entry(from + 1), entry(from + 2), entry(from + 3)] as const);
      const distance = Math.hypot(...a!.map((value, k) => value - b![k]!));
      const { absolute } = spectralDistance(eigenvalues(a!), eigenvalues(b!));
      assert.ok(absolute <= distance * (1 + 1e-9), `${absolute} against ${distance}`);
    }
  });

  it('has no share of a matrix of zeros, and is refused for other sizes', () => {
    assert.deepEqual(spectralDistance(Float64Array.of(0), Float64Array.of(4)), { absolute: 2, relative: null });
    assert.throws(() => spectralDistance(Float64Array.of(1), Float64Array.of(1, 2)), RangeError);
  });
});

describe('metrics that are compared', () => {
  const numbers = (metrics: Record<string, number | null>): LayerNumbers => ({ metrics }) as unknown as LayerNumbers;

  it('are those that both layers have', () => {
    const a = numbers({ alpha: 4, norm: 0, D: null });
    const b = numbers({ alpha: 3, norm: 2, D: 1, xmin: 1 });
    assert.deepEqual(comparedMetrics(a, b), {
      alpha: { a: 4, b: 3, difference: -1, ratio: 0.75 },
      norm: { a: 0, b: 2, difference: 2, ratio: null },
    });
  });
});

describe('numbers as other programs get them', () => {
  it('are copies, with problems as sentences', () => {
    const result: LayerResult = {
      ...{ name: 'w', tensor: 'w', shape: [4, 3], dtype: 'F32', encoding: 'Q4_0', matrices: 0 },
      ...{ metrics: { alpha: null }, missing: { alpha: 'too few' }, fits: {}, farms: null, statistics: null },
      ranks: { 'energy_0.95': { rank: 2, error: 0.1, parameters: 14, ratio: 0.5 } },
      problems: [{ code: 'not-finite', message: 'w has a NaN.' }],
    };
    const numbers = publicNumbers(result);
    assert.deepEqual(numbers, {
      ...{ layer: 'w', tensor: 'w', shape: [4, 3], dtype: 'Q4_0', metrics: { alpha: null } },
      ...{ missing: { alpha: 'too few' }, problems: ['w has a NaN.'] },
      ranks: { 'energy_0.95': { rank: 2, error: 0.1, parameters: 14, ratio: 0.5 } },
      suggestion: { rank: 2, error: 0.1, parameters: 14, ratio: 0.5, energy: 0.95 },
    });
    assert.notEqual(numbers.shape, result.shape);
    assert.notEqual(numbers.ranks['energy_0.95'], result.ranks['energy_0.95']);
  });
});
