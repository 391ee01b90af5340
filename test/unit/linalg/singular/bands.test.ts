import assert from 'node:assert/strict';
import { bandedGram, bandedImage, bandedProjection } from '../../../../extension/linalg/singular/bands';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';

const LONG = 1000;
const SHORT = 5;
/** Five bands, the last of them shorter. */
const BAND_ELEMENTS = 1100;

describe('products with a matrix handed over in bands', () => {
  for (const tall of [true, false]) {
    it(`${tall ? 'tall' : 'wide'}: equal the plain sums`, () => {
      const [rows, cols] = tall ? [LONG, SHORT] : [SHORT, LONG];
      // Small integers, so that every sum is exact in whatever order it is made.
      const entry = (long: number, short: number) => ((long * 7 + short * 13 + ((long * short) % 11)) % 9) - 4;
      const w = new Float64Array(LONG * SHORT);
      for (let long = 0; long < LONG; long++) {
        for (let short = 0; short < SHORT; short++) {
          w[tall ? long * SHORT + short : short * LONG + long] = entry(long, short);
        }
      }
      const gram = new Float64Array(SHORT * SHORT);
      for (let long = 0; long < LONG; long++) {
        for (let a = 0; a < SHORT; a++)
          for (let b = 0; b < SHORT; b++) gram[a * SHORT + b]! += entry(long, a) * entry(long, b);
      }
      const polled: number[] = [];
      const matrix = { w, rows, cols, kernels: loadKernels(), bandElements: BAND_ELEMENTS };
      assert.deepEqual(
        bandedGram(matrix, (fraction) => polled.push(fraction)),
        gram,
      );
      assert.deepEqual(polled, [0.22, 0.44, 0.66, 0.88, 1]);

      const vectors = Float64Array.of(1, 0, 2, -1, 0, 0, 3, 0, 1, 1);
      const projection = bandedProjection(matrix, vectors, 2, () => undefined);
      assert.equal(projection.length, 2 * LONG);
      for (let long = 0; long < LONG; long++) {
        for (const k of [0, 1]) {
          let expected = 0;
          for (let short = 0; short < SHORT; short++) expected += vectors[k * SHORT + short]! * entry(long, short);
          assert.equal(projection[tall ? long * 2 + k : k * LONG + long], expected, `row ${long}, vector ${k}`);
        }
      }

      const longVectors = Float64Array.from({ length: 3 * LONG }, (_, i) => ((i * 5) % 7) - 3);
      for (const block of [128, 2]) {
        const image = bandedImage({ ...matrix, block }, longVectors, 3, () => undefined);
        assert.equal(image.length, 3 * SHORT);
        image.forEach((value, at) => {
          let expected = 0;
          for (let long = 0; long < LONG; long++) {
            expected += longVectors[Math.floor(at / SHORT) * LONG + long]! * entry(long, at % SHORT);
          }
          assert.equal(value, expected, `element ${at}`);
        });
      }
    });
  }

  for (const tall of [true, false]) {
    it(`${tall ? 'tall' : 'wide'}: in blocks of both sides equal the plain sums, with a poll after each product`, () => {
      const [rows, cols] = tall ? [40, 11] : [11, 40];
      const w = Float64Array.from({ length: 440 }, (_, i) => ((i * 31) % 17) - 8);
      const polled: number[] = [];
      const poll = (fraction: number): number => polled.push(fraction);
      const kernels = loadKernels();
      const matrix = { w, rows, cols, kernels, bandElements: 11 * 25, block: 4 };
      assert.deepEqual(bandedGram(matrix, poll), kernels.gram(w, rows, cols, tall ? 'columns' : 'rows'));
      // Two bands of three blocks a side, of which the lower triangle is made.
      assert.equal(polled.length, 2 * 6);
      const vectors = Float64Array.from({ length: 5 * 11 }, (_, i) => ((i * 7) % 5) - 2);
      const expected = tall
        ? kernels.multiply(w, vectors, rows, 5, cols, false, true)
        : kernels.multiply(vectors, w, 5, cols, rows, false, false);
      assert.deepEqual(bandedProjection(matrix, vectors, 5, poll), expected);
      assert.equal(polled.length, 2 * 6 + 2 * 2);
      assert.equal(polled.at(-1), 1);
    });
  }
});
