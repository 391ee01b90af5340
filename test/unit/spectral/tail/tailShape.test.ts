/** The laws a tail may follow: likeliest parameters and ratios against scipy and the `powerlaw` package, and the verdict. */
import assert from 'node:assert/strict';
import type { AlternativeLaw, PowerLawFit, TailComparison, TailShape } from '../../../../extension/shared/layers';
import { fitPowerLaw } from '../../../../extension/spectral/tail/powerLaw';
import { tailShape } from '../../../../extension/spectral/tail/tailShape';
import { spectrumShapes, uniform } from '../../../harness/numbers/hardSpectra';
import fixtures from './tailFixtures.json';

interface ReferenceLaw {
  parameters: number[];
  R: number;
  p: number;
  powerlaw?: { R: number; p: number };
}

/** The shape of all of the values as one tail. */
function shapeOf(values: ArrayLike<number>): TailShape {
  const sorted = Float64Array.from(values).sort();
  const fit = { rule: 'KS', status: 'success', xmin: sorted[0]! } as PowerLawFit;
  return tailShape(sorted, fit);
}

function comparison(shape: TailShape, law: AlternativeLaw): TailComparison {
  return shape.comparisons!.find((entry) => entry.law === law)!;
}

function drawn(count: number, draw: (random: () => number) => number, seed = 7919): number[] {
  const random = uniform(seed);
  return Array.from({ length: count }, () => draw(random));
}

describe('shape of a tail', () => {
  for (const { name, values, laws } of fixtures.tails) {
    const shape = shapeOf(values);
    for (const [law, reference] of Object.entries(laws) as [AlternativeLaw, ReferenceLaw | null][]) {
      it(`${name}: ${law} as scipy and powerlaw have it`, () => {
        const ours = comparison(shape, law);
        if (reference === null) {
          assert.deepEqual([ours.status, ours.R, ours.p, ours.parameters], ['limit', 0, 1, null]);
          return;
        }
        const { parameters, R, p, powerlaw } = reference;
        assert.equal(ours.status, 'success');
        // Nelder and Mead's search leaves half of the digits, and fewer where the ratio is of almost equal laws.
        const [first, second] = Object.values(ours.parameters!);
        assert.ok(Math.abs(first! - parameters[0]!) < 1e-5 * Math.max(1e-3, Math.abs(parameters[0]!)), `${first!}`);
        if (second !== undefined) assert.ok(Math.abs(second / parameters[1]! - 1) < 1e-5, `${second}`);
        assert.ok(Math.abs(ours.R! - R) < 2e-4 * Math.max(1, Math.abs(R)), `R ${ours.R!} and not ${R}`);
        assert.ok(Math.abs(ours.p! - p) < 1e-4 * p, `p ${ours.p!} and not ${p}`);
        if (!powerlaw) return;
        assert.ok(Math.abs(ours.R! - powerlaw.R) < 0.01 * Math.max(1, Math.abs(R)), `R ${ours.R!}, ${powerlaw.R}`);
        assert.ok(Math.abs(Math.log(ours.p! / powerlaw.p)) < 0.5, `p ${ours.p!} and not ${powerlaw.p}`);
      });
    }
  }

  it('finds the law that large samples are drawn from', () => {
    const cutOff = (random: () => number): number => {
      for (;;) {
        const x = 1 - 50 * Math.log(random());
        if (random() < x ** -1.8) return x;
      }
    };
    const normal = (random: () => number): number =>
      Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
    assert.equal(shapeOf(drawn(3000, (random) => random() ** (-1 / 1.3))).law, 'power_law');
    assert.equal(shapeOf(drawn(20_000, cutOff)).law, 'truncated_power_law');
    assert.equal(shapeOf(drawn(3000, (random) => 1 - Math.log(random()))).law, 'exponential');
    assert.equal(shapeOf(drawn(20_000, (random) => (1 - Math.log(random())) ** 3)).law, 'stretched_exponential');
    const lognormal = drawn(6000, (random) => Math.exp(2 + 0.7 * normal(random)));
    assert.equal(shapeOf(lognormal).law, 'lognormal');
  });

  it('does not decide on few values, nor on a difference that is none', () => {
    assert.equal(shapeOf([1, 1.2, 1.5, 2.1, 3.3]).law, 'undecided');
    // On λ from 1 to 1 + 1e-6 the exponential is the power law but for a millionth.
    const narrow = shapeOf(drawn(400, (random) => 1 - 1e-6 * Math.log(random())));
    assert.equal(narrow.law, 'undecided');
    assert.ok(Math.abs(comparison(narrow, 'exponential').R!) > 0);
  });

  it('a law that holds the power law within it is never less likely', () => {
    for (const shape of Object.values(spectrumShapes)) {
      const { R, status } = comparison(shapeOf(shape(400, uniform(3))), 'truncated_power_law');
      assert.ok(status !== 'failed' && R! <= 1e-9, `${status} ${String(R)}`);
    }
  });

  it('does not depend on the unit of λ', () => {
    const values = drawn(500, (random) => (1 - Math.log(random())) ** 2);
    const [one, scaled] = [shapeOf(values), shapeOf(values.map((value) => 1e-7 * value))];
    for (const { law, R } of one.comparisons!) assert.ok(Math.abs(comparison(scaled, law).R! - R!) < 1e-6);
    const rates = [one, scaled].map((shape) => comparison(shape, 'exponential').parameters!.Lambda!);
    assert.ok(Math.abs(rates[1]! / rates[0]! - 1e7) < 1);
  });

  it('is that of the tail of alpha alone', () => {
    const values = spectrumShapes['bulk with a tail']!(3000, uniform(8));
    const fit = fitPowerLaw(values, 'KS');
    const tail = values.filter((value) => value >= fit.xmin!);
    const shape = tailShape(values, fit);
    assert.equal(shape.n, fit.num_pl_spikes);
    assert.deepEqual(shape, shapeOf(tail));
  });

  it('says why there is none', () => {
    const failed = tailShape(new Float64Array(20), fitPowerLaw(new Float64Array(20), 'KS'));
    assert.deepEqual([failed.status, failed.law, failed.comparisons], ['failed', undefined, undefined]);
    assert.match(failed.reason!, /zero/);
  });

  it('one law that cannot be evaluated does not take the others with it', () => {
    // All but the first are equal: the stretched exponential's rate overflows.
    const shape = shapeOf([1, ...new Array<number>(999).fill(2)]);
    const stretched = comparison(shape, 'stretched_exponential');
    assert.deepEqual([stretched.status, stretched.R, stretched.p], ['failed', null, null]);
    assert.match(stretched.reason!, /out of range/);
    assert.equal(comparison(shape, 'lognormal').status, 'success');
  });

  it('every number is finite or null, whatever the tail', () => {
    const tails = [
      [1, 2],
      [1, 1 + 1e-15],
      [1e-300, 1e300],
      [1, 1, 1, 1e30],
      drawn(50, (random) => 1 + 1e-12 * random()),
    ];
    for (const tail of tails) {
      for (const { law, status, R, p, parameters } of shapeOf(tail).comparisons!) {
        const numbers = [R, p, ...Object.values(parameters ?? {})];
        assert.ok(
          numbers.every((value) => value === null || Number.isFinite(value)),
          `${law} of ${tail.join()}`,
        );
        assert.equal(R === null, status === 'failed', law);
      }
    }
  });
});
