import assert from 'node:assert/strict';
import { bandedGram, bandedProjection } from '../../extension/compression/bands';
import { loadKernels } from '../../extension/linalg/kernels';

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
    });
  }
});
