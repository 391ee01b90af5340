/** Made heavy-tailed matrices: regenerated bit for bit, then spectra, fits and FARMS against the reference's. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { FitRule } from '../../extension/shared/layers';
import { estimateAlpha } from '../../extension/spectral/tail/bootstrap';
import { adaptiveOrder, farmsWindows } from '../../extension/spectral/farms/farms';
import { fitPowerLaw } from '../../extension/spectral/tail/powerLaw';
import {
  compareFit,
  UPPER_QUANTILES,
  type Comparison,
  type GoldenEsd,
  type GoldenFarms,
  type GoldenFit,
} from '../harness/golden';
import { sharedFolder } from '../harness/shared';
import { cut, eigenvaluesOf, FarmsFits } from './spectra';
import { syntheticMatrix, uniform } from './syntheticMatrix';

interface Synthetic {
  generator: { lcg_first_5_seed_1: number[] };
  matrices: Record<
    string,
    {
      rows: number;
      cols: number;
      spikes: number;
      seed: number;
      first_entries: number[];
      frobenius2: number;
      esd: GoldenEsd;
      top5: number[];
      fits: Partial<Record<FitRule, GoldenFit>>;
      farms: GoldenFarms[];
    }
  >;
}

/** Larger matrices have windows whose spectra, all together, take many minutes; a few of them must do there. */
const MAX_FULL_ELEMENTS = 1024 * 1024;

/** Windows of an adaptive run. */
const ADAPTIVE_WINDOWS = 8;
const ADAPTIVE_WINDOWS_LARGE = 4;

const RELATIVE_BOUND = 1e-6;

function assertNear(ours: number, reference: number, bound: number): void {
  assert.ok(Math.abs(ours - reference) <= bound * Math.abs(reference), `${ours} and not ${reference}`);
}

const shared = sharedFolder;
if (shared === undefined) {
  console.log('The golden numbers are not beside the repository: no comparison with synthetic matrices.');
} else {
  const file = path.join(shared, 'golden', 'synthetic.json');
  const { generator, matrices } = JSON.parse(readFileSync(file, 'utf8')) as Synthetic;

  describe('golden numbers of synthetic matrices', () => {
    /** Adaptive runs of all matrices, and whether their interval holds the alpha of every window. */
    const runs: { interval: string; holds: boolean }[] = [];

    it('the generator', () => {
      const stream = uniform(1);
      for (const value of generator.lcg_first_5_seed_1) {
        assertNear(stream.next().value as number, value, 1e-5);
      }
    });

    for (const [name, golden] of Object.entries(matrices)) {
      const { rows, cols, spikes, seed } = golden;

      describe(name, () => {
        let matrix: Float64Array;
        let eigenvalues: Float64Array;

        before(() => {
          matrix = syntheticMatrix(rows, cols, spikes, seed);
          eigenvalues = eigenvaluesOf(matrix, rows, cols);
        });

        it('is regenerated bit for bit', () => {
          assert.deepEqual([...matrix.subarray(0, golden.first_entries.length)], golden.first_entries);
          const frobenius2 = matrix.reduce((sum, value) => sum + value * value, 0);
          assertNear(frobenius2, golden.frobenius2, 1e-11);
        });

        it('eigenvalues', () => {
          assert.equal(eigenvalues.length, golden.esd.count);
          for (const { q, at } of UPPER_QUANTILES) {
            const index = Math.floor(q * (eigenvalues.length - 1));
            assertNear(eigenvalues[index]!, golden.esd.quartiles[at]!, RELATIVE_BOUND);
          }
          assertNear(eigenvalues.at(-1)!, golden.esd.max, RELATIVE_BOUND);
          assert.ok(Math.abs(eigenvalues[0]! - golden.esd.min) <= RELATIVE_BOUND * golden.esd.max);
          for (const [index, reference] of golden.top5.entries()) {
            assertNear(eigenvalues.at(index - golden.top5.length)!, reference, RELATIVE_BOUND);
          }
        });

        it('fits', () => {
          const comparison: Comparison = { checked: 0, explained: 0, failures: [] };
          for (const [rule, reference] of Object.entries(golden.fits)) {
            const fit = fitPowerLaw(eigenvalues, rule as FitRule, { zeroFilter: false });
            compareFit(comparison, rule, fit, reference, eigenvalues);
          }
          assert.deepEqual(comparison.failures, []);
          if (comparison.explained > 0) console.log(`        ${comparison.explained} xmin with the same D`);
        });

        if (rows * cols <= MAX_FULL_ELEMENTS) {
          it('FARMS over every window', () => {
            const comparison: Comparison = { checked: 0, explained: 0, failures: [] };
            const layer = { name, tensor: name, kind: 'matrix' as const, rows, cols, count: 1 };
            const farms = new FarmsFits({ layer, matrices: [matrix] });
            for (const entry of golden.farms) {
              compareFit(comparison, describeEntry(entry), farms.fit(windowSettings(entry), entry.fit), entry);
            }
            assert.deepEqual(comparison.failures, []);
          });
        }

        it('an adaptive FARMS run says how close it is to every window', () => {
          for (const entry of golden.farms) {
            const { windows, window } = farmsWindows(rows, cols, windowSettings(entry));
            const count = rows * cols <= MAX_FULL_ELEMENTS ? ADAPTIVE_WINDOWS : ADAPTIVE_WINDOWS_LARGE;
            const spectra = adaptiveOrder(windows)
              .slice(0, count)
              .map((index) => eigenvaluesOf(cut(matrix, cols, windows[index]!), window[0], window[1]));
            const { alpha, interval: ends } = estimateAlpha(spectra, windows.length, entry.fit, 1);
            const [low, high] = ends!;
            const interval = `${describeEntry(entry)}: ${low.toFixed(4)} … ${high.toFixed(4)}`;
            const half = (high - low) / 2;
            const off = Math.abs(alpha! - entry.alpha);
            runs.push({ interval, holds: off <= half });
            console.log(
              `          ${interval} from ${count} of ${windows.length} windows, ${entry.alpha.toFixed(4)} from all`,
            );
            assert.ok(off <= 1.5 * half, `${interval} is far from ${entry.alpha}`);
            // An interval that holds everything would say nothing; the xmin of a peak jumps between windows, and it says so.
            assert.ok(half < (entry.fit === 'xmin_peak' ? 0.1 : 0.05) * alpha!, interval);
          }
        });
      });
    }

    after('intervals of 95 % hold nearly always', () => {
      const missed = runs.filter(({ holds }) => !holds);
      assert.ok(missed.length <= 0.2 * runs.length, JSON.stringify(missed));
    });
  });
}

function windowSettings(entry: GoldenFarms): { rows: number; q: number; ops: number } {
  return { rows: entry.num_row_samples, q: entry.Q_ratio, ops: entry.sampling_ops_per_dim };
}

function describeEntry(entry: GoldenFarms): string {
  return `${JSON.stringify(windowSettings(entry))} ${entry.fit}`;
}
