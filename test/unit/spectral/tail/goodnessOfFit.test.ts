/** The bootstrap test of a fit against one written straight from its definition, and on laws whose answer is known. */
import assert from 'node:assert/strict';
import { goodnessOfFit } from '../../../../extension/spectral/tail/goodnessOfFit';
import { LogTail } from '../../../../extension/spectral/tail/logTail';
import { fitPowerLaw } from '../../../../extension/spectral/tail/powerLaw';
import { uniform } from '../../../harness/numbers/hardSpectra';
import { quadraticSearch } from '../../../harness/numbers/quadraticSearch';

const quiet = { cancelled: () => false, onProgress: () => undefined };

function drawn(count: number, draw: (random: () => number) => number, seed: number): Float64Array {
  const random = uniform(seed);
  return Float64Array.from({ length: count }, () => draw(random)).sort();
}

/** The definition: every value drawn by itself, every tail tried. */
function plainly(values: Float64Array, replicates: number): number {
  const fit = fitPowerLaw(values, 'KS');
  const random = uniform(77);
  const body = values.filter((value) => value < fit.xmin!);
  const tailShare = 1 - body.length / values.length;
  let asFar = 0;
  for (let replicate = 0; replicate < replicates; replicate++) {
    const synthetic = values.map(() =>
      random() < tailShare
        ? fit.xmin! * random() ** (-1 / (fit.alpha! - 1))
        : body[Math.floor(random() * body.length)]!,
    );
    const tail = new LogTail(synthetic.sort(), 0);
    if (quadraticSearch(tail, 0, tail.count - 1)!.D >= fit.D!) asFar++;
  }
  return asFar / replicates;
}

describe('goodness of fit', () => {
  it('is what the plain bootstrap finds', () => {
    const pareto = (random: () => number): number => random() ** (-1 / 1.5);
    const mixed = (random: () => number): number => (random() < 0.5 ? random() : 1 + 0.4 * pareto(random));
    for (const [draw, seed] of [
      [pareto, 3],
      [mixed, 8],
      [(random: () => number) => Math.exp(random() + random() + random()), 4],
    ] as const) {
      const values = drawn(90, draw, seed);
      const { p, replicates, standard_error: error } = goodnessOfFit(values, 90, { seed: 1, ...quiet });
      const plain = plainly(values, 600);
      const spread = Math.sqrt((plain * (1 - plain) + 1e-3) / 600 + error! ** 2);
      assert.equal(replicates, 1000);
      assert.ok(Math.abs(p! - plain) < 4 * spread, `${p!} and not ${plain}`);
    }
  });

  it('accepts power laws and refuses a uniform spectrum', () => {
    const accepted = [1, 2, 3, 4, 5, 6].filter((seed) => {
      const values = drawn(200, (random) => random() ** (-1 / 1.4), 7919 * seed);
      return goodnessOfFit(values, 200, { seed, ...quiet }).p! > 0.1;
    });
    assert.ok(accepted.length >= 4, `${accepted.length} of 6`);
    const flat = Float64Array.from({ length: 2000 }, (_, i) => Math.exp(i / 400));
    assert.ok(goodnessOfFit(flat, 2000, { seed: 1, ...quiet }).p! < 0.1);
  });

  it('is repeatable, and tells its progress to the end', () => {
    const values = drawn(60, (random) => random() ** -1, 6);
    const seen: number[] = [];
    const run = { cancelled: () => false, onProgress: (fraction: number) => void seen.push(fraction) };
    const first = goodnessOfFit(values, 60, { seed: 9, ...run });
    assert.deepEqual(goodnessOfFit(values, 60, { seed: 9, ...quiet }), first);
    assert.equal(first.seed, 9);
    assert.equal(seen.length, 1000);
    assert.equal(seen.at(-1), 1);
    assert.deepEqual(
      seen,
      [...seen].sort((a, b) => a - b),
    );
  });

  it('stops when it is cancelled', () => {
    const values = drawn(60, (random) => random() ** -1, 6);
    let polls = 0;
    const options = { seed: 1, cancelled: () => ++polls > 3, onProgress: () => undefined };
    assert.throws(() => goodnessOfFit(values, 60, options), { name: 'AbortError' });
    assert.equal(polls, 4);
  });

  it('says why there is nothing to test', () => {
    const found = goodnessOfFit(new Float64Array(30), 30, { seed: 2, ...quiet });
    assert.deepEqual([found.status, found.p, found.replicates], ['failed', null, null]);
    assert.match(found.reason!, /all eigenvalues are zero/);
  });
});
