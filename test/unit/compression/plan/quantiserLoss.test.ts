/** Estimated losses of quantisers, beside what the quantisers lose of random matrices, and beside closed forms. */
import assert from 'node:assert/strict';
import { decodeRowsOf } from '../../../../extension/checkpoint/quantised/blockCodes';
import { quantiserLoss } from '../../../../extension/compression/plan/quantiserLoss';
import { quantiseBlocks } from '../../../../extension/compression/quantisers/quantiseBlocks';
import { QUANTISERS, type MethodOptions } from '../../../../extension/shared/compression/methodOptions';
import { seededRandom } from '../../../harness/numbers/denseReference';

const BLOCKS = [16, 64, 256, 1024, 4096];
const [ROWS, INPUTS] = [48, 4096];

/** A sample of 2·10⁵ entries; the table's digits add some 10⁻⁴. */
const SAMPLING = 0.02;

type Quantiser = Pick<MethodOptions, 'quantiser' | 'bits' | 'block'>;

const quantisers = QUANTISERS.flatMap((quantiser): Omit<Quantiser, 'block'>[] =>
  quantiser === 'bipolar'
    ? Array.from({ length: 8 }, (_, index) => ({ quantiser, bits: index + 1 }))
    : [{ quantiser, bits: 3 }],
);

/** Entries by inversion of a distribution, or by Box and Muller's rule. */
function entries(draw: (random: () => number) => number): Float64Array {
  const next = seededRandom(7);
  return Float64Array.from({ length: ROWS * INPUTS }, () => draw(() => next() + 0.5));
}

const DISTRIBUTIONS = {
  uniform: entries((random) => random() - 0.5),
  normal: entries((random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())),
  laplace: entries((random) => {
    const x = random() - 0.5;
    return -Math.sign(x) * Math.log(1 - 2 * Math.abs(x));
  }),
};

function measured(w: Float64Array, options: Quantiser): number {
  const part = quantiseBlocks({ w, outputs: ROWS, inputs: INPUTS }, options, { layer: 'w', poll: () => undefined });
  let [lost, whole] = [0, 0];
  decodeRowsOf(part, INPUTS, (row, elements) => {
    for (let i = 0; i < INPUTS; i++) {
      const x = w[row * INPUTS + i]!;
      lost += (x - elements[i]!) ** 2;
      whole += x * x;
    }
  });
  return lost / whole;
}

describe('the estimated loss of a quantiser', () => {
  it('is what it loses of normal entries, for every quantiser, width and block', () => {
    for (const each of quantisers) {
      for (const block of [16, 256, 4096]) {
        const { estimate } = quantiserLoss({ ...each, block }, INPUTS);
        const found = measured(DISTRIBUTIONS.normal, { ...each, block });
        const name = `${JSON.stringify({ ...each, block })}: ${estimate}, and measured ${found}`;
        // The fewer the blocks, the more their largest magnitudes vary.
        assert.ok(Math.abs(found / estimate - 1) < SAMPLING * Math.max(1, Math.sqrt(block / 256)), name);
      }
    }
  }).timeout(20_000);

  it('has an interval that holds what is lost of light and of heavy tails', () => {
    for (const each of quantisers) {
      const { least, most } = quantiserLoss({ ...each, block: 64 }, INPUTS);
      for (const [name, w] of Object.entries(DISTRIBUTIONS)) {
        const found = measured(w, { ...each, block: 64 });
        const within = found > least * (1 - SAMPLING) && found < most * (1 + SAMPLING);
        assert.ok(within, `${name} by ${JSON.stringify(each)}: ${found} is not within ${least} and ${most}`);
      }
    }
  }).timeout(20_000);

  it('of 1 bit is (1 − 1/n)(1 − (E|x|)²/E x²) in blocks of n: the mean magnitude is the best scale', () => {
    const moments = { least: 3 / 4, estimate: 2 / Math.PI, most: 1 / 2 };
    for (const block of BLOCKS) {
      const loss = quantiserLoss({ quantiser: 'bipolar', bits: 1, block }, INPUTS);
      for (const [of, share] of Object.entries(moments) as [keyof typeof moments, number][]) {
        const expected = (1 - 1 / block) * (1 - share);
        assert.ok(
          Math.abs(loss[of] / expected - 1) < 1e-3,
          `${of} of blocks of ${block}: ${loss[of]}, not ${expected}`,
        );
      }
    }
  });

  it('falls with the bits, and grows with the block', () => {
    for (let bits = 1; bits <= 8; bits++) {
      const losses = BLOCKS.map((block) => quantiserLoss({ quantiser: 'bipolar', bits, block }, INPUTS).estimate);
      assert.deepEqual(
        losses.toSorted((a, b) => a - b),
        losses,
      );
      if (bits === 1) continue;
      const fewer = quantiserLoss({ quantiser: 'bipolar', bits: bits - 1, block: 64 }, INPUTS).estimate;
      assert.ok(losses[1]! < fewer / 2.5);
    }
  });
});
