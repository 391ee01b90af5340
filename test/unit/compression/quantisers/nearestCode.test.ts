/** The nearest code against a search through all numbers. */
import assert from 'node:assert/strict';
import { codeNumbers } from '../../../../extension/checkpoint/quantised/blockCodes';
import { nearestCode } from '../../../../extension/compression/quantisers/nearestCode';
import { QUANTISERS } from '../../../../extension/shared/compression/methodOptions';
import { seededRandom } from '../../../harness/numbers/denseReference';

/** Of the nearest numbers the even code; NaN and −0 are no numbers to choose. */
function searched(numbers: Float64Array, x: number): number {
  const codes = [...numbers.keys()].filter((code) => !Number.isNaN(numbers[code]!) && !Object.is(numbers[code]!, -0));
  const distance = (code: number): number => Math.abs(numbers[code]! - x);
  const least = codes.reduce((best, code) => Math.min(best, distance(code)), Infinity);
  const near = codes.filter((code) => distance(code) === least);
  return near.length === 1 ? near[0]! : near.find((code) => code % 2 === 0)!;
}

describe('the nearest code', () => {
  for (const quantiser of QUANTISERS) {
    for (const bits of quantiser === 'bipolar' ? [1, 2, 5, 8] : [0]) {
      it(`of ${quantiser}${bits > 0 ? ` of ${bits} bits` : ''} is the one that a search through all of them finds`, () => {
        const numbers = codeNumbers(quantiser, bits);
        const nearest = nearestCode(numbers);
        const known = [...numbers].filter((number) => !Number.isNaN(number)).sort((a, b) => a - b);
        const random = seededRandom(7);
        const reach = 1.2 * known.at(-1)!;
        const tried = [...known, ...Array.from({ length: 2000 }, () => reach * (2 * random() - 1))];
        // What rounds to even, and its neighbours, where the table's cells are most likely to be off by one.
        for (const [i, number] of known.slice(1).entries()) {
          const middle = (number + known[i]!) / 2;
          // Halves of two float32 are exact, and so are the distances to them.
          tried.push(middle, middle + 1e-9 * reach, middle - 1e-9 * reach);
        }
        for (const x of tried) assert.equal(nearest(x), searched(numbers, x), `of ${x}`);
        assert.equal(numbers[nearest(Infinity)], known.at(-1));
        assert.equal(numbers[nearest(-Infinity)], known[0]);
      });
    }
  }
});
