/** What is said of whole models: groups of unusual layers, the verdict, the next step, the means. */
import assert from 'node:assert/strict';
import { groupFindings } from '../../../../extension/shared/findings/findingGroups';
import { modelSummary } from '../../../../extension/shared/findings/modelSummary';
import { modelTotals, SUMMARY_METRICS } from '../../../../extension/shared/findings/modelTotals';
import { modelVerdict } from '../../../../extension/shared/findings/modelVerdict';
import { unusualLayers } from '../../../../extension/shared/findings/unusualLayers';
import { modelMap } from '../../../../extension/shared/names/modelMap';
import type { LayerResult, TailShape } from '../../../../extension/shared/layers';
import type { TensorSummary } from '../../../../extension/shared/tensors';
import weightwatcher from './weightwatcherSummary.json';

/** A layer with all the evidence that a verdict needs. */
function layer(name: string, alpha: number, change: Partial<LayerResult> = {}): LayerResult {
  return {
    ...{ name, tensor: name, shape: [128, 128], dtype: 'F32', matrices: 1, N: 128, M: 128 },
    ...{ metrics: { alpha, rank_loss: 0, num_spikes: 20 }, farms: null, ranks: {}, statistics: null, problems: [] },
    fits: {
      KS: {
        ...{ rule: 'KS', status: 'success', alpha, D: 0.05, xmin: 1, xmax: 2, num_pl_spikes: 50, sigma: 0.02 },
      },
    },
    tail_shape: { status: 'success', law: 'power_law', n: 50, comparisons: [] },
    ...change,
  };
}

/** One whose shape explains an alpha above 6. */
function elongated(name: string, alpha: number, farmsAlpha: number): LayerResult {
  const plain = layer(name, alpha, { N: 512 });
  const { KS } = plain.fits;
  return {
    ...plain,
    fits: { KS: KS!, xmin_mid: { ...KS!, rule: 'xmin_mid' } },
    farms: {
      ...{ ...KS!, rule: 'xmin_mid', alpha: farmsAlpha, windows: 4, windows_total: 4, window: [128, 128] },
      ...{ mode: 'full', num_row_samples: 128, Q_ratio: 1, sampling_ops_per_dim: 2 },
    },
  };
}

/** Too short a tail. */
const short = (name: string): LayerResult => {
  const plain = layer(name, 3);
  return { ...plain, fits: { KS: { ...plain.fits.KS!, num_pl_spikes: 12 } } };
};

const lines = (results: readonly LayerResult[]): string[] =>
  groupFindings(unusualLayers(results), modelMap(results)).map(({ where, what }) => `${where}: ${what}`);

const blocks = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** GPT-2's blocks; those of `make` differ. */
function gpt2(count: number, make: (part: string, block: number) => LayerResult | undefined): LayerResult[] {
  const parts = ['attn.c_attn', 'attn.c_proj', 'mlp.c_fc', 'mlp.c_proj'];
  return blocks(0, count - 1).flatMap((block) =>
    parts.map((part) => make(part, block) ?? layer(`h.${block}.${part}.weight`, 3)),
  );
}

describe('groups of unusual layers', () => {
  it('says in one line what the shape of two roles explains, in which blocks', () => {
    const results = gpt2(24, (part, block) => {
      const long = block >= 11 && (part === 'attn.c_attn' || part === 'mlp.c_fc');
      return long ? elongated(`h.${block}.${part}.weight`, 6.5 + block / 10, block === 20 ? 3.4 : 2.9) : undefined;
    });
    assert.deepEqual(lines(results), [
      'c_attn and c_fc, blocks 11–23: alpha above 6, FARMS 2.9–3.4: their shape explains it',
    ]);
  });

  it('explains an alpha whose law is uncertain, too', () => {
    const other: TailShape = { status: 'success', law: 'lognormal', n: 50, comparisons: [] };
    const results = gpt2(2, (part, block) => ({ ...elongated(`h.${block}.${part}.weight`, 7, 3), tail_shape: other }));
    assert.deepEqual(lines(results), [
      'c_attn, attn.c_proj, c_fc and mlp.c_proj, all blocks: alpha above 6, FARMS 3: their shape explains it',
    ]);
  });

  it('does not say of FARMS what is lacking elsewhere', () => {
    const results = gpt2(2, (part, block) => {
      const found = elongated(`h.${block}.${part}.weight`, 7, 3);
      return { ...found, fits: { ...found.fits, KS: { ...found.fits.KS!, num_pl_spikes: 9 } } };
    });
    assert.deepEqual(lines(results), []);
  });

  it('tells apart roles of one name, and stretches of blocks', () => {
    const results = gpt2(12, (part, block) =>
      part === 'mlp.c_proj' && (block < 3 || block === 7) ? layer(`h.${block}.${part}.weight`, 7 + block) : undefined,
    );
    assert.deepEqual(lines(results), ['mlp.c_proj, blocks 0–2 and 7: alpha 7–14, typical of under-trained layers']);
  });

  it('names encoder and decoder, and all blocks of a role', () => {
    const side = (name: string) => blocks(0, 2).map((block) => `model.${name}.layers.${block}.fc1.weight`);
    const encoder = side('encoder').map((name) => layer(name, 1.5));
    assert.deepEqual(lines([...encoder, ...side('decoder').map((name) => layer(name, 3))]), [
      'encoder blocks 0–2: alpha 1.5, typical of over-trained or over-fitted layers'.replace(/^/, 'fc1, '),
    ]);
    assert.deepEqual(lines([...encoder, ...side('decoder').map((name) => layer(name, 1.6))]), [
      'fc1, all blocks: alpha 1.5–1.6, typical of over-trained or over-fitted layers',
    ]);
  });

  it('counts experts that share a place', () => {
    const name = (block: number, expert: number) =>
      `model.layers.${block}.block_sparse_moe.experts.${expert}.w1.weight`;
    const results = blocks(0, 3).flatMap((block) =>
      blocks(0, 7).map((expert) => layer(name(block, expert), block === 1 && expert < 5 ? 8 : 3)),
    );
    assert.deepEqual(lines(results), ['w1, block 1 (5 matrices): alpha 8, typical of under-trained layers']);
  });

  it('counts blocks in more stretches than anyone reads', () => {
    const results = gpt2(20, (part, block) =>
      part === 'mlp.c_fc' && block % 2 === 0 ? layer(`h.${block}.${part}.weight`, 8) : undefined,
    );
    assert.deepEqual(lines(results), ['c_fc, 10 of 20 blocks: alpha 8, typical of under-trained layers']);
  });

  it('names layers in no block, three of them, and one alone by its whole name', () => {
    const plain = blocks(1, 5).map((i) => layer(`conv${i}.weight`, 8));
    assert.deepEqual(lines(plain), ['conv1, conv2, conv3 and 2 more: alpha 8, typical of under-trained layers']);
    assert.deepEqual(lines(plain.slice(0, 1)), ['conv1.weight: α 8, typical of under-trained layers']);
  });

  it('keeps kinds and reasons apart, the worst first', () => {
    const statistics = { count: 16, min: 0, max: 1, mean: 0, std: 1, l2: 1, zeros: 0, nan: 1, inf: 0 };
    const broken = { matrices: 0, fits: {}, statistics };
    const lost = (name: string, rank_loss: number) =>
      layer(name, 3, { metrics: { alpha: 3, rank_loss, num_spikes: 20 } });
    const results = [layer('a', 8), lost('b', 2), lost('c', 5), layer('d', 3, broken), layer('e', 3, broken)];
    assert.deepEqual(lines(results), [
      'd and e: NaN or Inf in their elements',
      'c and b: they lose 2–5 ranks each',
      'a: α 8, typical of under-trained layers',
    ]);
  });

  it('holds every unusual layer exactly once for each reason', () => {
    const results = gpt2(30, (part, block) =>
      (block * 7 + part.length) % 3 === 0 ? layer(`h.${block}.${part}.weight`, block % 2 ? 9 : 1.2) : undefined,
    );
    const unusual = unusualLayers(results);
    const grouped = groupFindings(unusual, modelMap(results)).flatMap(({ layers }) => layers.map((each) => each.layer));
    assert.ok(unusual.length > 20);
    assert.deepEqual(grouped.sort(), unusual.map((each) => each.layer).sort());
  });
});

describe('the verdict on a model', () => {
  it('is given where most layers have one and those agree', () => {
    const found = modelVerdict([...gpt2(3, () => undefined), short('a'), short('b')])!;
    assert.equal(found.verdict, 'typical of well-trained layers');
    assert.equal(
      found.sentence,
      'Typical of a well-trained model: 12 of 14 layers have the evidence for a verdict, and in all of them alpha is in 2–6.',
    );
    assert.equal(found.next, undefined);
  });

  it('is not given on the word of a minority, and says what to do next', () => {
    const found = modelVerdict([layer('x', 3), layer('y', 9), ...blocks(1, 6).map((i) => short(`s${i}`))])!;
    assert.equal(found.verdict, 'no verdict');
    assert.equal(
      found.sentence,
      'No verdict on the model as a whole: 2 of 8 layers have the evidence for one (1 typical of well-trained layers ' +
        'and 1 typical of under-trained layers); 6 lack it because their tails have too few eigenvalues.',
    );
    assert.match(found.next!, /^Compare their FARMS alphas/);
    assert.deepEqual(found.evidence.lacking, [{ check: 'tail', layers: 6 }]);
  });

  it('is not given where layers disagree', () => {
    const found = modelVerdict([layer('a', 3), layer('b', 3), layer('c', 9), layer('d', 1)])!;
    assert.equal(found.verdict, 'no verdict');
    assert.match(
      found.sentence,
      /2 typical of well-trained layers, 1 typical of under-trained layers and 1 typical of over/,
    );
    assert.match(found.next!, /map/);
  });

  it('is not given on two layers', () => {
    const found = modelVerdict([layer('a', 3), layer('b', 3)])!;
    assert.equal(found.verdict, 'no verdict');
    assert.match(found.next!, /too few to speak for a model/);
  });

  it('counts tied layers once, and tells of broken elements first', () => {
    const statistics = { count: 16, min: 0, max: 1, mean: 0, std: 1, l2: 1, zeros: 0, nan: 1, inf: 0 };
    const results = ['a', 'b', 'c'].map((name) => layer(name, 3));
    const found = modelVerdict([
      ...results,
      layer('tied', 3, { tiedWith: 'a' }),
      layer('d', 3, { matrices: 0, statistics }),
    ])!;
    assert.deepEqual([found.evidence.layers, found.evidence.notFinite], [3, 1]);
    assert.match(found.sentence, /; 1 layer holds NaN or Inf\.$/);
  });

  it('is nothing before there are numbers', () => {
    assert.equal(modelVerdict([]), undefined);
    assert.equal(modelVerdict([layer('norm', 3, { matrices: 0, fits: {} })]), undefined);
  });
});

describe('the means of a model', () => {
  it('stand on layers with ten eigenvalues that are tied to no other', () => {
    const few = layer('few', 100, { M: 9 });
    const { layers, means } = modelTotals([layer('a', 2), layer('b', 4), few, layer('c', 50, { tiedWith: 'a' })]);
    assert.deepEqual([layers, means.alpha, means.stable_rank, means.farms_alpha], [2, 3, null, null]);
  });

  it('are those of WeightWatcher’s summary, which leaves out what has fewer than ten eigenvalues', () => {
    const { records, summary } = weightwatcher;
    const counted = records.map(({ name: _, eigenvalues, ...metrics }) => ({
      ...{ matrices: 1, M: eigenvalues, metrics, farms: null },
    }));
    const skipped = { matrices: 1, M: 6, metrics: { alpha: 50, log_norm: 50, stable_rank: 50 }, farms: null };
    const { layers, means } = modelTotals([...counted, skipped]);
    assert.equal(layers, records.length);
    for (const key of SUMMARY_METRICS) {
      assert.ok(Math.abs(means[key]! - summary[key]) <= 1e-14 * Math.abs(summary[key]), key);
    }
  });

  it('mean each number over the layers that have it', () => {
    const { means } = modelTotals([layer('a', 2), layer('b', 4, { metrics: { alpha: null, log_norm: 3 } })]);
    assert.deepEqual([means.alpha, means.log_norm], [2, 3]);
  });

  it('leave out what is no part of the model, and parts of layers', () => {
    const tensor = (name: string, notModel?: TensorSummary['notModel']): TensorSummary => ({
      ...{ name, group: '', shape: [2], dtype: 'F32', parameters: 2, bytes: 8, layers: [name] },
      ...(notModel && { notModel }),
    });
    const results = [layer('w', 3), layer('m', 9), layer('w[q]', 9, { tensor: 'w', partOf: 'w' })];
    const summary = modelSummary([tensor('w'), tensor('m', 'optimizer state')], results);
    assert.deepEqual([summary.layers, summary.means.alpha, summary.findings], [1, 3, []]);
  });
});
