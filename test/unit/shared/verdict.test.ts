/** What a verdict on alpha needs: each piece of evidence by itself, matrices that nobody trained, matrices with a tail. */
import assert from 'node:assert/strict';
import type { PowerLawFit, TailShape } from '../../../extension/shared/layers';
import { LogTail } from '../../../extension/spectral/tail/logTail';
import { mulberry32 } from '../../../extension/spectral/seededRandom';
import { criticalDistance, verdictOn, type VerdictInput } from '../../../extension/shared/verdict';
import { heavyTailedMatrix } from '../../harness/numbers/heavyTailedMatrices';
import { generator } from '../../harness/checkpoints/madeCheckpoints';
import { INITIALISERS, initialised, SHAPES, STORED_TYPES, storedLayer } from '../../harness/numbers/randomLayers';

const fitted: PowerLawFit = {
  ...{ rule: 'KS', status: 'success', alpha: 3.5, D: 0.04, xmin: 1, xmax: 9, num_pl_spikes: 100, sigma: 0.25 },
};
const law = (name: NonNullable<TailShape['law']>): TailShape => ({
  status: 'success',
  law: name,
  n: 100,
  comparisons: [],
});
const evident: VerdictInput = { fit: fitted, count: 512, tailShape: law('power_law'), spikes: 40 };

/** The verdict, and the checks that did not hold. */
function found(change: Partial<VerdictInput>): { verdict: string; lacking: string[]; reason: string } {
  const { verdict, verdict_reason: reason, verdict_evidence: evidence } = verdictOn({ ...evident, ...change });
  return { verdict, reason, lacking: evidence.filter(({ holds }) => !holds).map(({ check }) => check) };
}

const fit = (change: Partial<PowerLawFit>): Pick<VerdictInput, 'fit'> => ({ fit: { ...fitted, ...change } });

describe('the verdict on alpha', () => {
  it('hedges, with alpha, its error and FARMS’s alpha in the same sentence', () => {
    const farms = { alpha: 3.2, interval: [3.1, 3.3], windowQ: 1, Q: 3, sameRule: 3.4 } as const;
    const { verdict, reason } = found({ farms });
    assert.equal(verdict, 'typical of well-trained layers');
    assert.equal(
      reason,
      'α 3.5 ± 0.25 is in 2–6, typical of well-trained layers; FARMS α 3.2 (3.1–3.3), at aspect ratio 1',
    );
  });

  it('follows WeightWatcher’s ranges where the evidence bears them out', () => {
    const verdicts = [1.5, 2.6, 5.4, 7].map((alpha) => found(fit({ alpha, sigma: 0.1 })).verdict);
    assert.deepEqual(verdicts, [
      'typical of over-trained or over-fitted layers',
      'typical of well-trained layers',
      'typical of well-trained layers',
      'typical of under-trained layers',
    ]);
  });

  const refused: [string, Partial<VerdictInput>, string[], RegExp][] = [
    [
      'alpha 9.4 ± 3.4 on six points',
      fit({ alpha: 9.4, sigma: 3.4, num_pl_spikes: 6 }),
      ['tail', 'limits'],
      /6 of 512/,
    ],
    ['a tail of 19', fit({ num_pl_spikes: 19, D: 0.02 }), ['tail'], /19 of 512 eigenvalues, and 20 are needed/],
    ['a tail of 1 % of the spectrum', { ...fit({ num_pl_spikes: 40 }), count: 4096 }, ['tail'], /and 82 are needed/],
    ['no eigenvalue above the bulk', { spikes: 0 }, ['spikes'], /indistinguishable from random: 0 of the tail/],
    ['a tail that is the edge of the bulk', { spikes: 3 }, ['spikes'], /3 of the tail’s 100 eigenvalues are above/],
    ['no bulk', { spikes: null, noBulk: 'all equal' }, ['spikes'], /no random bulk .*all equal/],
    ['what shuffling has, too', { aboveShuffled: 0 }, ['shuffled'], /0 .* above those of the shuffled matrix, and 5/],
    ['one more than shuffling has', { aboveShuffled: 1 }, ['shuffled'], /1 of its eigenvalues is above/],
    ['a causal mask', { zeroShare: 0.496 }, ['zeros'], /50 % of its entries are exactly zero, as of a mask/],
    [
      'a spectrum that its largest entry makes',
      { entries: { largest: 0.9, lambda1: 1.5, sigma: 0.03, N: 256, M: 256 } },
      ['entries'],
      /largest entry \(\|w\| 0.900\) makes .* an eigenvalue of 1.34 where the largest is 1.50/,
    ],
    ['D 0.247 on 50 values', fit({ D: 0.247, num_pl_spikes: 50 }), ['distance'], /D 0.247 is beyond 0.129/],
    ['a low p', { goodness: goodness(0.04) }, ['bootstrap'], /refuses a power law \(p 0.04\)/],
    ['a better law', { tailShape: law('exponential') }, ['law'], /significantly better \(exponential\)/],
    ['a cut-off', { tailShape: law('truncated_power_law') }, ['law'], /exponential cut-off/],
    ['laws that were not compared', { tailShape: undefined }, ['law'], /not compared/],
    ['a spread across 2', fit({ alpha: 2.2, sigma: 0.15 }), ['limits'], /1.9 to 2.5, on both sides of 2/],
    ['a spread across 6', fit({ alpha: 5.8, sigma: 0.15 }), ['limits'], /on both sides of 6/],
    [
      'a failed fit',
      fit({ status: 'failed', reason: 'no spread', alpha: null }),
      ['fit'],
      /no power-law fit: no spread/,
    ],
    [
      'optimizer state',
      { notModel: 'optimizer state' },
      ['subject'],
      /^no verdict: it is no weight of the model \(optimizer state\)/,
    ],
  ];
  for (const [what, change, lacking, words] of refused) {
    it(`is none for ${what}, and says why`, () => {
      const judged = found(change);
      assert.deepEqual([judged.verdict, judged.lacking], ['no verdict', lacking]);
      assert.match(judged.reason, words);
    });
  }

  it('takes the bootstrap in place of the bound on D', () => {
    assert.equal(found({ ...fit({ D: 0.12 }), goodness: goodness(0.3) }).verdict, 'typical of well-trained layers');
    assert.deepEqual(found(fit({ D: 0.12 })).lacking, ['distance']);
  });

  it('leaves large entries to shuffling where that was asked for, and to eigenvalues beyond what they make', () => {
    const entries = { largest: 0.9, lambda1: 1.5, sigma: 0.03, N: 256, M: 256 };
    assert.deepEqual(found({ entries, aboveShuffled: 12 }).lacking, []);
    assert.deepEqual(found({ entries: { ...entries, lambda1: 3 } }).lacking, []);
    assert.deepEqual(found({ entries: { ...entries, largest: 0.4, lambda1: 1 } }).lacking, []);
  });

  it('takes the shuffled matrix where no bulk was found', () => {
    assert.deepEqual(found({ spikes: null, aboveShuffled: 40 }).lacking, []);
    assert.deepEqual(found({ spikes: null, aboveShuffled: 2 }).lacking, ['spikes']);
  });

  it('says where the shape explains an alpha above 6, by the rule that FARMS fitted with', () => {
    const farms = { alpha: 3.1, windowQ: 1, Q: 8, sameRule: 7.5 };
    const tall = found({ ...fit({ alpha: 8 }), farms });
    assert.deepEqual([tall.verdict, tall.lacking], ['no verdict', ['shape']]);
    assert.match(tall.reason, /shape \(8 times as long as wide\) explains an alpha above 6; FARMS α 3.1/);
    const under = 'typical of under-trained layers';
    assert.equal(found({ ...fit({ alpha: 8 }), farms: { ...farms, sameRule: 4 } }).verdict, under, 'the rule does');
    assert.equal(found({ ...fit({ alpha: 8 }), farms: { ...farms, Q: 1 } }).verdict, under, 'it is square');
    assert.equal(found({ ...fit({ alpha: 8 }), farms: { ...farms, alpha: 7 } }).verdict, under, 'FARMS says the same');
  });
});

describe('the bound on D', () => {
  for (const n of [20, 60, 250, 1000]) {
    it(`is passed by about 10 % of power laws on ${n} values`, () => {
      const random = mulberry32(n);
      const tails = 2000;
      let beyond = 0;
      for (let i = 0; i < tails; i++) {
        const tail = new LogTail(Float64Array.from({ length: n }, () => (1 - random()) ** -0.5).sort(), 0);
        if (tail.distance(0, tail.alpha(0)) > criticalDistance(n)) beyond++;
      }
      // Three standard errors of a share of 10 % in 2000.
      assert.ok(Math.abs(beyond / tails - 0.1) < 0.02, `${beyond} of ${tails}`);
    });
  }
});

describe('layers that nobody trained', () => {
  let [judged, all] = [0, 0];
  const reasons: string[] = [];

  for (const initialiser of INITIALISERS) {
    it(`get no verdict: ${initialiser}, in every stored type`, () => {
      let here = 0;
      for (const shape of SHAPES) {
        for (const dtype of STORED_TYPES) {
          for (let seed = 1; seed <= 3; seed++) {
            const { verdict } = storedLayer(initialised(initialiser, shape, seed), shape, dtype);
            all++;
            if (verdict.verdict === 'no verdict') continue;
            here++;
            reasons.push(`${initialiser} ${shape.join('×')} ${dtype} ${seed}: ${verdict.verdict_reason}`);
          }
        }
      }
      judged += here;
      assert.ok(here <= 2, reasons.join('\n'));
    });
  }

  it('in 98 % at least', () => {
    assert.ok(all >= 180 && judged <= 0.02 * all, `${judged} of ${all}\n${reasons.join('\n')}`);
  });

  it('independent entries of Student’s t with 2 and 3 degrees of freedom are two, too', () => {
    for (const shape of [
      [192, 192],
      [128, 320],
      [64, 64, 3, 3],
    ]) {
      for (let seed = 1; seed <= 12; seed++) {
        const next = generator(seed);
        const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
        const freedom = 2 + (seed % 2);
        const draw = (): number => {
          const chi = Array.from({ length: freedom }, normal).reduce((sum, value) => sum + value * value, 0);
          return (0.02 * normal()) / Math.sqrt(chi / freedom);
        };
        const { verdict } = storedLayer(
          Float64Array.from({ length: shape.reduce((a, b) => a * b) }, draw),
          shape,
          'F32',
        );
        assert.equal(verdict.verdict, 'no verdict', `${freedom} degrees, seed ${seed}: ${verdict.verdict_reason}`);
      }
    }
  });

  it('a fixed Fourier basis is one, too', () => {
    // As a short-time Fourier transform has it: cosines and sines under a Hann window.
    const [rows, cols] = [258, 256];
    const basis = Float64Array.from({ length: rows * cols }, (_, at) => {
      const [row, n] = [Math.floor(at / cols), at % cols];
      const angle = (2 * Math.PI * (row % 129) * n) / cols;
      return (row < 129 ? Math.cos(angle) : -Math.sin(angle)) * Math.sin((Math.PI * n) / cols) ** 2;
    });
    const { verdict } = storedLayer(basis, [rows, cols], 'F32');
    assert.equal(verdict.verdict, 'no verdict', verdict.verdict_reason);
  });
});

describe('layers with a tail', () => {
  it('are judged where the evidence is there: half of those with spikes that fall off as a power', () => {
    const verdicts = [1, 9, 17, 25, 33, 41, 49, 57].map((seed) => {
      const { kind, elements } = heavyTailedMatrix(seed, 512, 384);
      assert.equal(kind, 'spikes');
      return storedLayer(elements, [512, 384], 'F32').verdict;
    });
    const given = verdicts.filter(({ verdict }) => verdict !== 'no verdict');
    assert.ok(given.length >= 4, verdicts.map((each) => each.verdict_reason).join('\n'));
  });
});

function goodness(p: number): NonNullable<VerdictInput['goodness']> {
  return { status: 'success', p, standard_error: 0.01, replicates: 1000, seed: 1 };
}
