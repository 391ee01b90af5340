/** The numbers of the first screen and of the rank slider, from closed forms. */
import assert from 'node:assert/strict';
import type { Checkpoint, TensorInfo } from '../../../../extension/checkpoint/checkpoint';
import { layerReport, tensorReport } from '../../../../extension/engine/terminal/report';
import { summarise } from '../../../../extension/engine/document/summary';
import { modelSummary } from '../../../../extension/shared/findings/modelSummary';
import { reportedLayers, type InspectReport } from '../../../../extension/shared/inspectReport';
import { judgedShare, layerVerdict } from '../../../../extension/shared/layerFindings';
import type { LayerResult, PowerLawFit, RankSuggestion } from '../../../../extension/shared/layers';
import type { CheckpointSummary, TensorSummary } from '../../../../extension/shared/tensors';
import { verdictMark } from '../../../../webview/numbers/verdictMark';
import { ofTheModel } from '../../../../webview/numbers/ofTheModel';
import { FactorPair } from '../../../../extension/shared/ranks/factorPair';
import { RankCurve } from '../../../../extension/shared/ranks/rankCurve';
import { savings, targetOf } from '../../../../webview/numbers/savings';
import { unusualLayers } from '../../../../extension/shared/findings/unusualLayers';

/** What a verdict needs beside a fit. */
const evident = (alpha: number): Partial<LayerResult> => ({
  ...{ N: 128, M: 128, metrics: { alpha, rank_loss: 0, num_spikes: 20 } },
  fits: { KS: { ...fit(alpha), D: 0.05, num_pl_spikes: 50, sigma: 0.02 } },
  tail_shape: { status: 'success', law: 'power_law', n: 50, comparisons: [] },
});

const fit = (alpha: number | null, reason?: string): PowerLawFit => ({
  ...{ rule: 'KS', status: alpha === null ? 'failed' : 'success', alpha, D: alpha === null ? null : 0.1 },
  ...{ xmin: 1, xmax: 2, num_pl_spikes: 12, sigma: 0.2 },
  ...(reason !== undefined && { reason }),
});

function layer(name: string, change: Partial<LayerResult> = {}): LayerResult {
  return {
    ...{ name, tensor: name, shape: [4, 4], dtype: 'F32', matrices: 1, N: 4, M: 4, metrics: { rank_loss: 0 } },
    ...{ fits: { KS: fit(3) }, farms: null, ranks: {}, statistics: null, problems: [] },
    ...change,
  };
}

const statistics = { count: 16, min: 0, max: 1, mean: 0, std: 1, l2: 1, zeros: 0, nan: 0, inf: 0 };

/** A pair of rank 8 whose product is 40 × 30. */
const factored = { factors: ['B', 'A'] as [string, string], rank: 8, scale: 1 };

describe('unusual layers', () => {
  it('says nothing of the fit that a layer of fewer than ten eigenvalues cannot have', () => {
    const few = { fits: { KS: fit(null, 'a fit needs 10 eigenvalues') } };
    assert.deepEqual(unusualLayers([layer('a', { ...few, M: 9 }), layer('Δ', { ...few, M: 30, factored })]), []);
    assert.equal(unusualLayers([layer('a', { ...few, M: 10 })]).length, 1);
  });

  it('counts the ranks that a product loses of its factors’, not of the matrix’s', () => {
    const metrics = { matrix_rank: 8, rank_loss: 22 };
    assert.deepEqual(unusualLayers([layer('Δ', { metrics, M: 30, factored })]), []);
    const [found] = unusualLayers([layer('Δ', { metrics: { ...metrics, matrix_rank: 5 }, M: 30, factored })]);
    assert.equal(found?.reason, 'loses 3 ranks of 8');
  });

  it('lists a layer of zeros once', () => {
    const zero = layer('zero', {
      ...{ metrics: { rank_loss: 16 }, fits: { KS: fit(null, 'all eigenvalues are zero') }, M: 16 },
      statistics: { ...statistics, zeros: 16 },
    });
    assert.deepEqual(
      unusualLayers([zero]).map(({ reason }) => reason),
      ['all its elements are zero'],
    );
  });

  it('counts lost ranks of all the matrices that were pooled', () => {
    const [found] = unusualLayers([layer('depthwise', { matrices: 9, N: 32, M: 1, metrics: { rank_loss: 1 } })]);
    assert.equal(found?.reason, 'loses 1 rank of 9');
  });

  it('says nothing of layers with alpha within 2 to 6, the limits included', () => {
    assert.deepEqual(
      unusualLayers([layer('a'), layer('b', evident(2)), layer('c', evident(4)), layer('d', evident(6))]),
      [],
    );
  });

  it('puts broken elements before failed fits, those before rank loss, that before alpha', () => {
    const found = unusualLayers([
      layer('over', evident(1.9)),
      layer('under', evident(9)),
      layer('lost', { metrics: { rank_loss: 2 } }),
      layer('failed', { fits: { KS: fit(null, 'all eigenvalues are equal') }, M: 16 }),
      layer('broken', { matrices: 0, fits: {}, statistics: { ...statistics, nan: 1, inf: 2 } }),
    ]);
    assert.deepEqual(
      found.map((each) => each.layer),
      ['broken', 'failed', 'lost', 'under', 'over'],
    );
    assert.match(found[0]!.reason, /^1 NaN and 2 Inf /);
    assert.match(found[1]!.reason, /all eigenvalues are equal/);
    assert.match(found[2]!.reason, /^loses 2 ranks of 4$/);
  });

  it('lists no layer for an alpha without evidence, and says of how many it has some', () => {
    const layers = [
      layer('six points', { fits: { KS: fit(9.4) } }),
      layer('fifty', evident(9)),
      layer('well', evident(3)),
    ];
    const found = unusualLayers(layers);
    assert.deepEqual(
      found.map((each) => [each.layer, each.reason]),
      [['fifty', 'α 9, typical of under-trained layers']],
    );
    assert.deepEqual(judgedShare([...layers, layer('tied', { ...evident(3), tiedWith: 'well' })]), {
      judged: 2,
      layers: 3,
    });
  });

  it('never calls a layer over- or under-trained whose fit failed', () => {
    const fits = { KS: { ...fit(null), alpha: null } };
    const failed = layer('x', { fits, metrics: { alpha: 9, rank_loss: 0 }, M: 16 });
    assert.deepEqual(
      unusualLayers([failed]).map((each) => each.kind),
      ['failed'],
    );
  });
});

describe('what is said of the model', () => {
  it('leaves out what is no part of it', () => {
    const kinds = { w: undefined, a: 'optimizer state', b: 'random state', c: 'copied module', f: undefined } as const;
    const tensors = Object.entries(kinds).map(([name, notModel]) => ({ name, ...(notModel && { notModel }) }));
    const found = ofTheModel(tensors)(tensors.map(({ name }) => layer(name)));
    assert.deepEqual(
      found.map(({ name }) => name),
      ['w', 'f'],
    );
  });

  it('counts no optimizer state as parameters, size and types of the model, but says how much there is', () => {
    const tensor = (name: string, group: string, dtype: 'F32' | 'F16', bytes: number): TensorInfo => ({
      ...{ name, group, dtype, shape: [bytes / (dtype === 'F32' ? 4 : 2)], byteLength: bytes, kernelLayout: 'OI…' },
      ...(group === 'optimizer' && { notModel: 'optimizer state' }),
      ...(group === 'rng' && { notModel: 'random state' }),
    });
    const tensors = [
      tensor('w', 'model', 'F16', 8),
      tensor('m', 'optimizer', 'F32', 16),
      tensor('v', 'optimizer', 'F32', 16),
      tensor('r', 'rng', 'F32', 4),
    ];
    const checkpoint = { path: '/m.pt', format: 'pytorch', files: [], metadata: {}, tensors, problems: [] };
    const config = { fields: {}, tied: false };
    const summary = summarise(checkpoint as unknown as Checkpoint, 'd', [], config);
    assert.deepEqual([summary.parameters, summary.bytes], [4, 8]);
    assert.deepEqual(summary.dtypes, [{ dtype: 'F16', parameters: 4 }]);
    assert.deepEqual(summary.optimizer, { tensors: 2, bytes: 32 });
    assert.deepEqual(summary.beside, { tensors: 1, bytes: 4 });
    assert.match(
      tensorReport(summary, () => ({ parts: [] })),
      /4 parameters · 8 bytes · optimizer state 32 bytes in 2 tensors · 1 tensor beside the model/,
    );
    const { optimizer } = summarise(
      { ...checkpoint, tensors: tensors.slice(0, 1) } as unknown as Checkpoint,
      'd',
      [],
      config,
    );
    assert.equal(optimizer, undefined);
  });

  it('is written in a table of any length: the stack held 120 000 rows', () => {
    const tensors = Array.from({ length: 150_000 }, (_, i) => ({
      ...{ name: `t${i}`, group: '', dtype: 'F32', shape: [2], byteLength: 8, kernelLayout: 'OI…' },
    }));
    const checkpoint = { path: '/m.pt', format: 'pytorch', files: [], metadata: {}, tensors, problems: [] };
    const summary = summarise(checkpoint as unknown as Checkpoint, 'd', [], { fields: {}, tied: false });
    assert.ok(tensorReport(summary, () => ({ parts: [] })).split('\n').length > tensors.length);
  });

  it('judges no optimizer state by its alpha, neither in the table, in a hover nor in the terminal', () => {
    const tensors = [{ name: 'm' }, { name: 'o', notModel: 'optimizer state' as const }];
    const judged = tensors.map((tensor) => layerVerdict(layer(tensor.name, evident(1.5)), tensor)!);
    assert.deepEqual(
      judged.map(({ verdict }) => verdict),
      ['typical of over-trained or over-fitted layers', 'no verdict'],
    );
    assert.match(judged[1]!.verdict_reason, /^no verdict: it is no weight of the model \(optimizer state\)/);
    assert.deepEqual(
      judged.map((each) => verdictMark(each, 1.5).name),
      ['over', 'none'],
    );
    const results = tensors.map(({ name }) => layer(name, evident(1.5)));
    const head = {
      path: '',
      format: '',
      files: [],
      dtypes: [],
      weightFiles: 1,
      bytes: 0,
      parameters: 0,
      architecture: '',
    };
    const summary = { ...head, tensors, problems: [], metadata: {} };
    const layers = reportedLayers(summary as unknown as CheckpointSummary, results);
    const model = modelSummary(tensors as TensorSummary[], results);
    const report = { model, layers, problems: [], settings: { farms: { enabled: true } } };
    const lines = layerReport(summary as unknown as CheckpointSummary, report as unknown as InspectReport);
    assert.match(lines, / m {2}\(typical of over-trained or over-fitted layers\)\n/);
    assert.match(lines, / o {2}\(optimizer state\)\n/);
  });
});

describe('possible savings', () => {
  const suggestion = (parameters: number, ratio: number, error: number): RankSuggestion => ({
    rank: 1,
    parameters,
    ratio,
    error,
  });
  const ranks = (ratio: number, of: number, error: number): LayerResult['ranks'] => ({
    'energy_0.90': suggestion(ratio * of, ratio, error),
    'energy_0.95': suggestion(ratio * of, ratio, error),
    'energy_0.99': suggestion(2 * of, 2, error),
  });

  it('adds up what factor pairs would keep, weighting errors by parameters', () => {
    const { points, layers } = savings([
      layer('a', { ranks: ranks(0.25, 1000, 0.3) }),
      layer('b', { ranks: ranks(0.5, 3000, 0.1) }),
      layer('no spectrum'),
    ]);
    assert.equal(layers, 2);
    assert.deepEqual(points[0], { energy: 1, kept: 1, error: 0 });
    const at90 = points.find((point) => point.energy === 0.9)!;
    assert.ok(Math.abs(at90.kept - (250 + 1500) / 4000) < 1e-12);
    assert.ok(Math.abs(at90.error - (0.3 * 1000 + 0.1 * 3000) / 4000) < 1e-12);
  });

  it('leads to a plan of all parameters, those that no factors replace among them', () => {
    const found = savings([layer('a', { ranks: ranks(0.25, 1000, 0.3) })]);
    const at90 = found.points.find((point) => point.energy === 0.9)!;
    assert.equal(found.parameters, 1000);
    assert.deepEqual(targetOf(at90, found, 2000), { kind: 'parameters', value: 0.625 });
    assert.deepEqual(targetOf(at90, found, 0), { kind: 'parameters', value: 0.25 });
  });

  it('counts the factors of a product with it, not beside it', () => {
    const product = layer('Δ', { ranks: ranks(0.25, 560, 0.3), factored });
    const { points, layers } = savings([layer('A', { ranks: ranks(0.5, 240, 0.1) }), layer('B'), product]);
    assert.equal(layers, 1);
    assert.ok(Math.abs(points.find(({ energy }) => energy === 0.9)!.kept - 0.25) < 1e-12);
  });

  it('leaves a layer whole where its factors would save too little to be proposed', () => {
    const { points } = savings([
      layer('a', { ranks: ranks(0.95, 1000, 0.3) }),
      layer('b', { ranks: ranks(0.9, 1000, 0.1) }),
    ]);
    assert.deepEqual(
      points.find((point) => point.energy === 0.9),
      { energy: 0.9, kept: 1900 / 2000, error: 100 / 2000 },
    );
  });

  it('leaves a layer whole where its factors would be larger', () => {
    const { points } = savings([layer('a', { ranks: ranks(0.25, 1000, 0.3) })]);
    assert.deepEqual(
      points.find((point) => point.energy === 0.99),
      { energy: 0.99, kept: 1, error: 0 },
    );
  });
});

describe('the rank curve', () => {
  // σ² = 9, 4, 1, 1 of a 4 × 6 matrix of two-byte elements: Σσ² = 15.
  const curve = new RankCurve(Float64Array.of(1, 1, 4, 9), new FactorPair(4, 6), 2);

  it('gives error and energy of every rank as sums of σ²', () => {
    const expected = [0, 9 / 15, 13 / 15, 14 / 15, 1];
    expected.forEach((energy, rank) => {
      assert.ok(Math.abs(curve.energy(rank) - energy) < 1e-15);
      assert.ok(Math.abs(curve.error(rank) - Math.sqrt(1 - energy)) < 1e-7);
    });
  });

  it('gives singular values, and parameters and bytes of a factor pair', () => {
    assert.deepEqual([...curve.singularValues], [3, 2, 1, 1]);
    assert.deepEqual([curve.size, curve.parameters(2), curve.bytes(2)], [24, 20, 40]);
  });

  it('finds the smallest rank for an energy and the largest for a budget', () => {
    assert.deepEqual(
      [0.1, 0.6, 0.61, 0.9, 1].map((energy) => curve.rankForEnergy(energy)),
      [1, 1, 2, 3, 4],
    );
    assert.deepEqual(
      [0.01, 10 / 24, 0.9, 5].map((budget) => curve.rankForBudget(budget)),
      [1, 1, 2, 4],
    );
  });

  it('calls a zero matrix exact at every rank', () => {
    const zero = new RankCurve(new Float64Array(3), new FactorPair(3, 3), 4);
    assert.deepEqual([zero.error(1), zero.energy(1)], [0, 1]);
  });
});
