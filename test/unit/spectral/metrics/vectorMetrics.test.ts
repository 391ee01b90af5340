import assert from 'node:assert/strict';
import { sharingElements, vectorMetrics } from '../../../../extension/spectral/metrics/vectorMetrics';
import { seededRandom } from '../../../harness/numbers/denseReference';

const unit = (length: number, element: (i: number) => number): Float64Array => {
  const v = Float64Array.from({ length }, (_, i) => element(i));
  const norm = Math.hypot(...v);
  return v.map((x) => x / norm);
};

/** Printed by `localization_ratio`, `participation_ratio` and `discrete_entropy` of WeightWatcher 0.7.5.5 (numpy 2.4). */
const references = [
  {
    name: 'decaying sines',
    vector: unit(97, (i) => Math.sin(i + 1) * Math.exp(-i / 20)),
    expected: [15.295770087622554, 1.9137100878827211, 3.1416028272153462],
  },
  {
    name: 'cosines of squares',
    vector: unit(1000, (i) => Math.cos(0.37 * i * i)),
    expected: [618.8730205011459, 5.034062400120564, 4.366071613507673],
  },
  {
    name: 'cubes in disorder',
    vector: unit(211, (i) => (((i * 7919) % 211) - 105) ** 3),
    expected: [53.5047619047619, 2.735499852561439, 3.6676672992414736],
  },
  {
    name: 'one element',
    vector: unit(50, (i) => (i === 7 ? -1 : 0)),
    expected: [1, 1, 0.09803911607970113],
  },
  {
    name: 'equal magnitudes',
    vector: unit(64, (i) => (-1) ** i),
    expected: [64, 2.82842712474619, 2.834471675715649e-9],
  },
] as const;

describe('vector metrics', () => {
  for (const { name, vector, expected } of references) {
    it(`${name}: as WeightWatcher prints them`, () => {
      const found = vectorMetrics(vector);
      const numbers = [found.localization_ratio, found.participation_ratio, found.discrete_entropy];
      numbers.forEach((number, i) =>
        assert.ok(
          Math.abs(number - expected[i]!) <= 1e-12 * Math.max(1, expected[i]!),
          `${number} and not ${expected[i]!}`,
        ),
      );
    });
  }

  it('counts the elements that share a vector', () => {
    const sharing = (v: Float64Array): number => sharingElements(vectorMetrics(v));
    assert.ok(Math.abs(sharing(unit(500, (i) => Number(i < 20))) - 20) < 1e-10);
    assert.ok(Math.abs(sharing(unit(300, () => 1)) - 300) < 1e-9);
    // A random direction: ⟨v⁴⟩ = 3⟨v²⟩², so a third of all. Twelve uniform numbers summed are normal enough.
    const random = seededRandom(11);
    const normal = unit(30_000, () => Array.from({ length: 12 }, random).reduce((sum, x) => sum + x, 0));
    assert.ok(Math.abs(sharing(normal) / 30_000 - 1 / 3) < 0.02);
  });
});
