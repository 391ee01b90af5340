/** Suggestions, `compress` and the page give one rank for one spectrum: the one of exact arithmetic. */
import assert from 'node:assert/strict';
import { resolveRank } from '../../../../extension/compression/rankRequest';
import { energyRule } from '../../../../extension/shared/ranks/energyShares';
import { FactorPair } from '../../../../extension/shared/ranks/factorPair';
import { RankCurve } from '../../../../extension/shared/ranks/rankCurve';
import { Spectrum } from '../../../../extension/spectral/metrics/spectrum';
import { rankSuggestions } from '../../../../extension/spectral/ranks/ranks';
import { decimalShare, exactRank, exactWeights } from '../../../harness/numbers/exactRanks';
import { seededRandom } from '../../../harness/numbers/denseReference';

interface Case {
  name: string;
  /** λ ascending. */
  eigenvalues: Float64Array;
  /** The same in exact numbers: where λ stand for decimals or thirds, those and not the doubles beside them. */
  weights: bigint[];
}

const SHARES = ['0.1', '0.25', '0.3', '0.5', '0.7', '0.75', '0.9', '0.95', '0.99', '0.999'];

const whole = (name: string, numbers: readonly number[], unit: number): Case => {
  const ascending = [...numbers].sort((a, b) => a - b);
  const eigenvalues = Float64Array.from(ascending, (count) => count * unit);
  return { name: `${name} × ${unit}`, eigenvalues, weights: ascending.map((count) => BigInt(count)) };
};

const as = (name: string, values: Float64Array): Case => {
  const eigenvalues = values.sort();
  return { name, eigenvalues, weights: exactWeights(eigenvalues) };
};

function cases(): Case[] {
  const random = seededRandom(13);
  const found: Case[] = [];
  const units = [1, 0.1, 0.3, 1 / 3, 1 / 7, 1e-7, 1e-300, 1e305];
  for (let count = 1; count <= 200; count += count < 24 ? 1 : 16) {
    for (const unit of units) {
      found.push(whole('flat', new Array<number>(count).fill(1), unit));
      found.push(
        whole('flat with zeros', [...new Array<number>(count).fill(1), ...new Array<number>(count).fill(0)], unit),
      );
      found.push(
        whole(
          'steps',
          Array.from({ length: count }, (_, i) => 1 + i),
          unit,
        ),
      );
      found.push(
        whole(
          'ties',
          Array.from({ length: count }, (_, i) => 1 + (i >> 2)),
          unit,
        ),
      );
      found.push(
        whole('twentieths', [...new Array<number>(19).fill(count), ...new Array<number>(count).fill(1)], unit),
      );
    }
    for (let turn = 0; turn < 8; turn++) {
      found.push(as('random', Float64Array.from({ length: count }, random)));
      found.push(
        as(
          'heavy tail',
          Float64Array.from({ length: count }, () => (1 - random()) ** -2),
        ),
      );
      found.push(
        as(
          'decaying',
          Float64Array.from({ length: count }, (_, i) => random() * 0.8 ** i),
        ),
      );
    }
  }
  return found;
}

/** Every way to a rank, by the share of the energy that it is to keep. */
const ways: Record<string, (eigenvalues: Float64Array) => (share: string) => number | undefined> = {
  suggestions: (eigenvalues) => {
    const side = eigenvalues.length;
    const { ranks } = rankSuggestions(new Spectrum(eigenvalues, side, side), side, side);
    return (share) => ranks[energyRule(Number(share))]?.rank;
  },
  compress: (eigenvalues) => {
    const sides = { layer: 'w', rows: eigenvalues.length, cols: eigenvalues.length };
    return (share) => resolveRank({ kind: 'energy', energy: Number(share) }, eigenvalues, sides);
  },
  page: (eigenvalues) => {
    const curve = new RankCurve(eigenvalues, new FactorPair(eigenvalues.length, eigenvalues.length), 4);
    return (share) => curve.rankForEnergy(Number(share));
  },
};

describe('the rank of a share of the energy', () => {
  const all = cases();
  for (const [way, ranksOf] of Object.entries(ways)) {
    it(`is the one of exact arithmetic: ${way}`, () => {
      let asked = 0;
      const wrong: string[] = [];
      for (const { name, eigenvalues, weights } of all) {
        const rankOf = ranksOf(eigenvalues);
        for (const share of SHARES) {
          const found = rankOf(share);
          if (found === undefined) continue;
          asked++;
          const expected = exactRank(weights, decimalShare(share));
          if (found !== expected) wrong.push(`${name} (${weights.length}), ${share}: ${found} and not ${expected}`);
        }
      }
      assert.ok(asked > 5000, `${asked} asked`);
      assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${asked}`);
    });
  }
});
