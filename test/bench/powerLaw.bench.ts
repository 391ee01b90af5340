/**
 * The search for xmin at the size of pooled FARMS spectra, beside the quadratic search that published tools make (timed
 * where that is feasible, and scaled by the square of the size); and what every layer's statistics take in all.
 */
import type { FitRule, PowerLawFit } from '../../extension/shared/layers';
import { smallestDistance } from '../../extension/spectral/tail/kolmogorovSmirnov';
import { LogTail } from '../../extension/spectral/tail/logTail';
import { spectralMetrics } from '../../extension/spectral/metrics/metrics';
import { MeasuredSpectrum } from '../../extension/spectral/metrics/spectrum';
import { fitPowerLaw } from '../../extension/spectral/tail/powerLaw';
import { rankSuggestions } from '../../extension/spectral/ranks/ranks';
import { tailShape } from '../../extension/spectral/tail/tailShape';
import { spectrumShapes, uniform } from '../harness/numbers/hardSpectra';
import { quadraticSearch } from '../harness/numbers/quadraticSearch';
import { benchTable, median, type BenchRow } from './benchTable';

const POOLED = 450_000;
const FEASIBLE = 6000;
const REPEATS = 3;
const LIMIT_SECONDS = 1;

function seconds(work: () => void): number {
  return median(
    Array.from({ length: REPEATS }, () => {
      const started = performance.now();
      work();
      return (performance.now() - started) / 1000;
    }),
  );
}

function search(name: string, shape: (typeof spectrumShapes)[string]): BenchRow {
  const small = new LogTail(shape(FEASIBLE, uniform(1)), 0);
  const started = performance.now();
  const expected = quadraticSearch(small, small.first, FEASIBLE - 1);
  const peer = ((performance.now() - started) / 1000) * (POOLED / FEASIBLE) ** 2;
  const found = smallestDistance(small, small.first, FEASIBLE - 1);
  const values = shape(POOLED, uniform(1));
  const ours = seconds(() => void fitPowerLaw(values, 'KS', { zeroFilter: false }));
  const same = found?.index === expected?.index && found?.D === expected?.D;
  const note = `quadratic search scaled from ${FEASIBLE}; there ${same ? 'the same answer' : 'ANOTHER ANSWER'}`;
  return { work: name, ours, peer, bounds: 'value', limit: LIMIT_SECONDS, note };
}

/** Fits, metrics, ranks and tail shape of one layer. */
function statistics(count: number): BenchRow {
  const values = spectrumShapes['bulk with a tail']!(count, uniform(2));
  const M = Math.min(count, 4096);
  const ours = seconds(() => {
    const fit = (rule: FitRule): PowerLawFit => fitPowerLaw(values, rule, { zeroFilter: rule === 'KS', dimension: M });
    const fits = { KS: fit('KS'), xmin_mid: fit('xmin_mid'), xmin_peak: fit('xmin_peak') };
    const spectrum = new MeasuredSpectrum({ eigenvalues: values, N: 2 * M, M, fits });
    spectralMetrics(spectrum);
    rankSuggestions(spectrum, 2 * M, M);
    tailShape(values, fits.KS);
  });
  return { work: `all statistics of ${count} eigenvalues`, ours, bounds: 'value' };
}

const rows = Object.entries(spectrumShapes).map(([name, shape]) => search(name, shape));
process.stdout.write(benchTable(`KS fit of ${POOLED} values`, rows));
process.stdout.write(benchTable('Statistics of a layer', [512, 4096, POOLED].map(statistics)));
