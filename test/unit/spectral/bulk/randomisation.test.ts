/** The randomisation test: what shuffling keeps, and what the metrics say of random, trained and planted matrices. */
import assert from 'node:assert/strict';
import { gram } from '../../../../extension/linalg/gram/gram';
import { kernelTwin } from '../../../../extension/linalg/kernels/kernelTwin';
import { symmetricEigenvalues } from '../../../../extension/linalg/eigen/symmetricEigenvalues';
import { entryPlaces, extractMatrix, type LayerGeometry } from '../../../../extension/spectral/matrices';
import {
  jensenShannonDistance,
  randomEdge,
  randomisationMetrics,
  shuffleEntries,
  studentQuantile,
} from '../../../../extension/spectral/bulk/randomisation';
import { uniform } from '../../../harness/numbers/hardSpectra';

const [ROWS, COLS] = [120, 80] as const;

function gaussian(seed: number): Float64Array {
  const random = uniform(seed);
  return Float64Array.from(
    { length: ROWS * COLS },
    () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random()),
  );
}

function spectrum(matrix: Float64Array): Float64Array {
  const { matrix: product, n } = gram(matrix, ROWS, COLS, kernelTwin);
  return symmetricEigenvalues(product, n, { kernels: kernelTwin });
}

function shuffled(matrix: Float64Array, seed = 5): Float64Array {
  const bytes = new Uint8Array(matrix.slice().buffer);
  const places = [{ start: 0, rows: ROWS, cols: COLS, rowStep: COLS, colStep: 1 }];
  return new Float64Array(shuffleEntries(bytes, 8, places, seed).buffer);
}

function tested(matrix: Float64Array): Partial<Record<string, number>> {
  const shuffles = [5, 6, 7, 8, 9].map((seed) => spectrum(shuffled(matrix, seed)));
  const found = Object.entries(randomisationMetrics(spectrum(matrix), shuffles, ROWS, COLS));
  return Object.fromEntries(found.filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}

describe('randomisation test', () => {
  it('stops shuffling when its check throws', () => {
    let checks = 0;
    const check = (): void => {
      if (++checks === 3) throw new Error('cancelled');
    };
    const places = [{ start: 0, rows: 2 ** 10, cols: 2 ** 11, rowStep: 2 ** 11, colStep: 1 }];
    assert.throws(() => shuffleEntries(new Uint8Array(2 ** 21), 1, places, 1, check), /cancelled/);
    assert.equal(checks, 3);
  });

  it('finds nothing in a random matrix', () => {
    const found = tested(gaussian(1));
    assert.ok(found.rand_distance! < 0.03, `${found.rand_distance!}`);
    assert.equal(found.num_above_rand, 0);
    assert.equal(found.rand_num_spikes, 0);
    assert.ok(found.rand_edge_sd! > 0 && found.rand_edge_sd! < 0.1 * found.rand_edge_mean!);
  });

  it('has the same numbers in any unit that is a power of two, to the ends of the range of a double', () => {
    const values = spectrum(gaussian(1));
    const shuffles = [5, 6].map((seed) => spectrum(shuffled(gaussian(1), seed)));
    const one = randomisationMetrics(values, shuffles, ROWS, COLS);
    const largest = Math.max(...values, ...shuffles.map((shuffle) => shuffle.at(-1)!));
    // One unit is so large that the sum of the eigenvalues is beyond a double, one so small that their squares are 0.
    for (const unit of [2 ** (1023 - Math.ceil(Math.log2(largest))), 2 ** -900]) {
      const scale = (spectrum: Float64Array): Float64Array => spectrum.map((value) => value * unit);
      const other = randomisationMetrics(scale(values), shuffles.map(scale), ROWS, COLS);
      assert.equal(other.rand_distance, one.rand_distance);
      assert.equal(other.num_above_rand, one.num_above_rand);
      for (const key of ['max_rand_eval', 'rand_edge_mean', 'rand_edge_sd'] as const) {
        assert.equal(other[key] / unit, one[key], key);
      }
    }
  });

  it('takes few of random edges for more than chance, however few shuffles there are', () => {
    // Edges of random matrices follow Tracy and Widom's law, which is all but this gamma law (Chiani 2014).
    const random = uniform(17);
    const gamma = (): number => {
      for (;;) {
        const z = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
        const v = (1 + z / Math.sqrt(9 * 46.113)) ** 3;
        if (v > 0 && Math.log(random()) < z ** 2 / 2 + 46.113 * (1 - v + Math.log(v))) return 46.113 * v;
      }
    };
    for (const shuffles of [2, 3, 5, 10, 30]) {
      let above = 0;
      for (let trial = 0; trial < 4000; trial++) {
        const { threshold } = randomEdge(Array.from({ length: shuffles }, gamma));
        if (gamma() > threshold) above++;
      }
      // Four standard deviations of a count at 5 % are 1.4 %.
      assert.ok(above / 4000 < 0.05 + 0.014 && above > 0, `${shuffles} shuffles: ${above} of 4000`);
    }
  });

  it('has Student’s quantiles of tables', () => {
    for (const [chance, freedom, value] of [
      [0.025, 1, 12.7062],
      [0.025, 2, 4.3027],
      [0.05, 3, 2.3534],
      [0.025, 4, 2.7764],
      [0.01, 9, 2.8214],
      [0.025, 60, 2.0003],
    ] as const) {
      assert.ok(Math.abs(studentQuantile(chance, freedom) - value) < 1e-4, `${chance}, ${freedom}`);
    }
  });

  it('finds directions that were planted, and none of them in the shuffled matrix', () => {
    const matrix = gaussian(2);
    const [left, right] = [gaussian(3), gaussian(4)];
    for (let i = 0; i < matrix.length; i++) {
      for (let k = 0; k < 3; k++)
        matrix[i]! += 1.2 * left[k * ROWS + Math.floor(i / COLS)]! * right[k * COLS + (i % COLS)]!;
    }
    const found = tested(matrix);
    assert.equal(found.num_above_rand, 3);
    assert.ok(found.rand_num_spikes! <= 1);
    assert.ok(found.rand_distance! > 0.2, `${found.rand_distance!}`);
    assert.ok(found.max_rand_eval! < 0.5 * spectrum(matrix).at(-1)!);
  });

  it('sees single entries that stand out in any order', () => {
    const matrix = gaussian(6);
    for (const place of [11, 4000, 9000]) matrix[place] = 60;
    const found = tested(matrix);
    assert.equal(found.rand_num_spikes, 3);
    assert.equal(found.num_above_rand! <= 1, true);
  });

  it('the distance of λ/Σλ: 0 of equal spectra, √ln 2 of disjoint ones, by hand between', () => {
    assert.equal(jensenShannonDistance(Float64Array.of(1, 2, 5), Float64Array.of(2, 4, 10)), 0);
    const far = jensenShannonDistance(Float64Array.of(0, 3), Float64Array.of(7, 0));
    assert.ok(Math.abs(far - Math.sqrt(Math.LN2)) < 1e-15);
    // p = (¼, ¾), q = (½, ½), mean (⅜, ⅝).
    const divergence =
      (0.25 * Math.log(0.25 / 0.375) + 0.75 * Math.log(0.75 / 0.625)) / 2 +
      (0.5 * Math.log(0.5 / 0.375) + 0.5 * Math.log(0.5 / 0.625)) / 2;
    const between = jensenShannonDistance(Float64Array.of(1, 3), Float64Array.of(1, 1));
    assert.ok(Math.abs(between - Math.sqrt(divergence)) < 1e-15);
  });

  for (const bytes of [1, 2, 4, 8]) {
    it(`keeps every entry of ${bytes} bytes, in another order that the seed alone decides`, () => {
      const stored = Uint8Array.from({ length: 600 * bytes }, (_, i) => (i * 31 + (i >> 8)) & 255);
      const entries = (from: Uint8Array): string[] =>
        Array.from({ length: 600 }, (_, i) => from.subarray(i * bytes, (i + 1) * bytes).join());
      const run = (seed: number): string[] => {
        // One byte further on than its type may lie.
        const held = new Uint8Array(stored.length + 1).subarray(1);
        held.set(stored);
        return entries(shuffleEntries(held, bytes, [{ start: 0, rows: 1, cols: 600, rowStep: 600, colStep: 1 }], seed));
      };
      assert.deepEqual(run(1).sort(), entries(stored).sort());
      assert.notDeepEqual(run(1), entries(stored));
      assert.deepEqual(run(1), run(1));
      assert.notDeepEqual(run(1), run(2));
    });
  }

  for (const kernelLayout of ['OI…', '…IO', 'O…I'] as const) {
    it(`keeps each kernel position to itself: ${kernelLayout}`, () => {
      const shape = { 'OI…': [6, 5, 2, 2], '…IO': [2, 2, 5, 6], 'O…I': [6, 2, 2, 5] }[kernelLayout];
      const [rows, cols] = kernelLayout === '…IO' ? [5, 6] : [6, 5];
      const layer: LayerGeometry = { name: 'conv', tensor: 'conv', kind: 'conv', rows, cols, count: 4 };
      const elements = Float64Array.from({ length: 120 }, (_, i) => i);
      const places = [0, 1, 2, 3].map((index) => entryPlaces(kernelLayout, layer, index));
      const bytes = shuffleEntries(new Uint8Array(elements.slice().buffer), 8, places, 3);
      const after = new Float64Array(bytes.buffer);
      for (const index of [0, 1, 2, 3]) {
        const [was, is] = [elements, after].map((from) => extractMatrix(from, shape, kernelLayout, layer, index));
        assert.notDeepEqual(is, was);
        assert.deepEqual(is!.sort(), was!.sort());
      }
    });
  }
});
