/** Every layer of the reference checkpoints against what FARMS and WeightWatcher printed for it. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Checkpoint, TensorInfo } from '../../extension/checkpoint/checkpoint';
import { openModel } from '../../extension/checkpoint/openModel';
import { modelTotals, SUMMARY_METRICS } from '../../extension/shared/findings/modelTotals';
import { CHECKPOINT_ENDINGS } from '../../extension/shared/names/checkpointNames';
import type { FitRule, LayerResult } from '../../extension/shared/layers';
import { smallestDistance } from '../../extension/spectral/tail/kolmogorovSmirnov';
import { LogTail } from '../../extension/spectral/tail/logTail';
import { layersOf } from '../../extension/spectral/matrices';
import { fitPowerLaw } from '../../extension/spectral/tail/powerLaw';
import { spectralMetrics } from '../../extension/spectral/metrics/metrics';
import { MeasuredSpectrum } from '../../extension/spectral/metrics/spectrum';
import {
  compareFit,
  compareWithGolden,
  goldenFiles,
  UPPER_QUANTILES,
  type Comparison,
  type Golden,
  type GoldenEsd,
  type InspectedCheckpoint,
} from '../harness/golden';
import { quadraticSearch } from '../harness/numbers/quadraticSearch';
import { sharedFolder } from '../harness/shared';
import { FarmsFits, layerEigenvalues, layerMatrices, type LayerMatrices } from './spectra';

/** In the upper half of a spectrum, against a float64 SVD. */
const RELATIVE_BOUND = 1e-6;

/** WeightWatcher computes in float32. */
const SUMMARY_BOUND = 1e-5;

const RULES: readonly FitRule[] = ['KS', 'xmin_mid', 'xmin_peak'];

interface AnalysedLayer extends Pick<
  LayerResult,
  'name' | 'tensor' | 'shape' | 'dtype' | 'metrics' | 'fits' | 'farms'
> {
  source: LayerMatrices;
  eigenvalues: Float64Array;
}

async function analyse(checkpoint: Checkpoint): Promise<Map<string, AnalysedLayer>> {
  const layers = new Map<string, AnalysedLayer>();
  for (const tensor of storedTensors(checkpoint)) {
    for (const source of await layerMatrices(checkpoint, tensor)) {
      const { name, rows, cols } = source.layer;
      const [M, N] = [Math.min(rows, cols), Math.max(rows, cols)];
      const eigenvalues = layerEigenvalues(source);
      const fits = Object.fromEntries(
        RULES.map((rule) => [rule, fitPowerLaw(eigenvalues, rule, { zeroFilter: rule === 'KS', dimension: M })]),
      );
      const { metrics } = spectralMetrics(new MeasuredSpectrum({ eigenvalues, N, M, fits }));
      const shape = [...tensor.shape];
      const { name: tensorName, dtype } = tensor;
      const about = { name, tensor: tensorName, shape, dtype, N, M };
      layers.set(name, { ...about, metrics, fits, farms: null, source, eigenvalues });
    }
  }
  return layers;
}

function compareEsd(comparison: Comparison, name: string, eigenvalues: Float64Array, esd: GoldenEsd): void {
  const expectNear = (what: string, ours: number, reference: number): void => {
    comparison.checked++;
    if (Math.abs(ours - reference) > RELATIVE_BOUND * Math.abs(reference)) {
      comparison.failures.push(`${name} ${what}: ${ours} and not ${reference}`);
    }
  };
  expectNear('count', eigenvalues.length, esd.count);
  for (const { q, at } of UPPER_QUANTILES) {
    expectNear(`quantile ${q}`, eigenvalues[Math.floor(q * (esd.count - 1))]!, esd.quartiles[at]!);
  }
  expectNear('max', eigenvalues.at(-1)!, esd.max);
  if (esd.sum !== undefined)
    expectNear(
      'sum',
      eigenvalues.reduce((sum, value) => sum + value, 0),
      esd.sum,
    );
  // The smallest are held to the absolute bound only.
  comparison.checked++;
  if (Math.abs(eigenvalues[0]! - esd.min) > RELATIVE_BOUND * esd.max) {
    comparison.failures.push(`${name} min: ${eigenvalues[0]!} and not ${esd.min}`);
  }
}

function compareWithoutFilter(comparison: Comparison, golden: Golden, layers: Map<string, AnalysedLayer>): void {
  for (const [name, reference] of Object.entries(golden.layers)) {
    const { eigenvalues, source } = layers.get(name)!;
    const dimension = Math.min(source.layer.rows, source.layer.cols);
    if (reference.fits?.KS) {
      const fit = fitPowerLaw(eigenvalues, 'KS', { zeroFilter: false, dimension });
      compareFit(comparison, `${name} KS`, fit, reference.fits.KS, eigenvalues);
    }
    compareEsd(comparison, name, eigenvalues, reference.esd);
  }
}

function compareFarms(comparison: Comparison, golden: Golden, layers: Map<string, AnalysedLayer>): void {
  for (const [name, reference] of Object.entries(golden.layers)) {
    const farms = new FarmsFits(layers.get(name)!.source);
    for (const entry of reference.farms) {
      const settings = { rows: entry.num_row_samples, q: entry.Q_ratio, ops: entry.sampling_ops_per_dim };
      const what = `${name} FARMS ${JSON.stringify(settings)} ${entry.fit}`;
      compareFit(comparison, what, farms.fit(settings, entry.fit), entry);
    }
  }
}

/** The means of WeightWatcher's `get_summary`: it looks at the layers that have ten eigenvalues. */
function compareSummary(comparison: Comparison, { weightwatcher }: Golden, layers: Iterable<AnalysedLayer>): void {
  if (!weightwatcher || weightwatcher.details.length === 0) return;
  const counted = [...layers].map(({ metrics, eigenvalues }) => ({
    ...{ matrices: 1, M: eigenvalues.length, metrics, farms: null },
  }));
  const { means, layers: count } = modelTotals(counted);
  comparison.checked++;
  if (count !== weightwatcher.details.length) {
    comparison.failures.push(`${count} layers in the summary and not ${weightwatcher.details.length}`);
  }
  for (const key of SUMMARY_METRICS) {
    comparison.checked++;
    const reference = weightwatcher.summary?.[key];
    if (reference === undefined || !(Math.abs(means[key]! - reference) <= SUMMARY_BOUND * Math.abs(reference))) {
      comparison.failures.push(`mean ${key}: ${means[key]} and not ${reference}`);
    }
  }
}

/** The references know what a file holds, not the products of a LoRA adapter's pairs. */
function storedTensors({ tensors }: Checkpoint): TensorInfo[] {
  return tensors.filter(({ product }) => !product);
}

function totals(checkpoint: Checkpoint): InspectedCheckpoint['checkpoint'] {
  const tensors = storedTensors(checkpoint);
  const size = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
  return { tensors: tensors.length, parameters: tensors.reduce((sum, { shape }) => sum + size(shape), 0) };
}

/** Tensors without a spectrum. */
function plain(checkpoint: Checkpoint): InspectedCheckpoint['layers'] {
  return storedTensors(checkpoint)
    .filter((tensor) => layersOf(tensor).layers.length === 0)
    .map(({ name, shape, dtype }) => ({
      ...{ name, tensor: name, shape: [...shape], dtype },
      ...{ metrics: {}, fits: {}, farms: null },
    }));
}

function report(comparison: Comparison): void {
  const { checked, explained, failures } = comparison;
  console.log(`        ${checked} numbers compared, ${explained} fits with another xmin of the same D`);
  assert.deepEqual(failures, []);
  assert.ok(checked > 0, 'nothing was compared');
}

const shared = sharedFolder;
if (shared === undefined) {
  console.log('The reference checkpoints are not beside the repository: no comparison with golden numbers.');
} else {
  for (const { file, golden } of goldenFiles(shared, CHECKPOINT_ENDINGS)) {
    describe(`golden numbers of ${golden.checkpoint}`, () => {
      let checkpoint: Checkpoint;
      let layers: Map<string, AnalysedLayer>;

      before(`open what ${file} is about`, async () => {
        checkpoint = await openModel(path.join(shared, 'checkpoints', golden.checkpoint));
        layers = await analyse(checkpoint);
      });

      after(async () => checkpoint.close());

      it('names, shapes, fits and WeightWatcher columns', () => {
        const inspected = { checkpoint: totals(checkpoint), layers: [...layers.values(), ...plain(checkpoint)] };
        const comparison = compareWithGolden(golden, inspected, (layer) => layers.get(layer)!.eigenvalues);
        compareSummary(comparison, golden, layers.values());
        report(comparison);
      });

      it('eigenvalues, and the KS fit without a zero filter', () => {
        const comparison: Comparison = { checked: 0, explained: 0, failures: [] };
        compareWithoutFilter(comparison, golden, layers);
        report(comparison);
      });

      it('the search for xmin equals the search of every tail', () => {
        for (const { name, eigenvalues } of layers.values()) {
          const tail = new LogTail(eigenvalues, eigenvalues.length * Number.EPSILON * eigenvalues.at(-1)!);
          const last = tail.count - 1;
          assert.deepEqual(smallestDistance(tail, tail.first, last), quadraticSearch(tail, tail.first, last), name);
        }
      });

      it('FARMS', () => {
        const comparison: Comparison = { checked: 0, explained: 0, failures: [] };
        compareFarms(comparison, golden, layers);
        report(comparison);
      });
    });
  }
}
