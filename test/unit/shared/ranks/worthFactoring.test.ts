import assert from 'node:assert/strict';
import { previewSvd } from '../../../../extension/compression/svdPreview';
import {
  proposedRank,
  savesEnough,
  suggestedRank,
  whyNoSaving,
} from '../../../../extension/shared/ranks/worthFactoring';
import { FactorPair } from '../../../../extension/shared/ranks/factorPair';
import { RankCurve } from '../../../../extension/shared/ranks/rankCurve';

describe('ranks worth proposing', () => {
  it('save at least a tenth, and the others say why they do not', () => {
    assert.deepEqual([0.5, 0.9, 0.91, 1, 1.13].map(savesEnough), [true, true, false, false, false]);
    assert.equal(whyNoSaving(0.9), undefined);
    assert.equal(whyNoSaving(0.95), 'two factors of this rank save only 5%');
    assert.equal(whyNoSaving(0.9997), 'two factors of this rank save nothing');
    assert.equal(whyNoSaving(1.13), 'two factors of this rank are larger than what they replace (113%)');
  });

  const half = { rank: 16, error: 0.46, ratio: 0.5 };

  it('are the most favoured that save', () => {
    const offers = [
      { energy: 0.95, rank: 50, error: 0.22, ratio: 1.09 },
      { energy: 0.9, rank: 30, error: 0.31, ratio: 0.65 },
    ];
    assert.deepEqual(proposedRank(offers, half), { rank: 30 });
    assert.deepEqual(proposedRank([{ ...offers[0]!, ratio: 0.4 }, offers[1]!], half), { rank: 50 });
  });

  it('are said in a line, or why there is none', () => {
    const suggestion = (rank: number, ratio: number) => ({ rank, ratio, error: 0.2, parameters: 1000 * ratio });
    const both = { 'energy_0.95': suggestion(50, 1.27), 'energy_0.90': suggestion(46, 1.07) };
    assert.deepEqual(suggestedRank(both), {
      reason: 'Not worth factoring: 90% of the energy takes 107% of the size as two factors.',
    });
    const smaller = suggestion(30, 0.65);
    assert.deepEqual(suggestedRank({ ...both, 'energy_0.90': smaller }), { ...smaller, energy: 0.9 });
    const favoured = suggestion(40, 0.9);
    assert.deepEqual(suggestedRank({ ...both, 'energy_0.95': favoured }), { ...favoured, energy: 0.95 });
    assert.equal(suggestedRank({ stable_rank: suggestion(3, 0.1) }), undefined);
  });

  it('are half of the size where none saves, with the reason in one sentence', () => {
    const offers = [{ energy: 0.9, rank: 46, error: 0.31, ratio: 1.004 }];
    assert.deepEqual(proposedRank(offers, half), {
      rank: 16,
      reason:
        'Not worth factoring: 90% of the energy takes 100% of the size as two factors, and rank 16 (50% of the size) has an error of 46%.',
    });
    const vector = { rank: 1, error: 0, ratio: 1.25 };
    assert.match(proposedRank(offers, vector).reason!, /even rank 1 takes 125%\.$/);
  });

  // 64 × 172 with equal singular values: 95 % of the energy takes rank 61, break-even is 46.
  const flat = new Float64Array(64).fill(1);
  const pair = new FactorPair(64, 172);

  it('begin a layer at no rank that saves nothing', () => {
    assert.equal(pair.breakEven, 46);
    const { rank, reason } = new RankCurve(flat, pair, 4).proposal();
    assert.equal(rank, 23);
    assert.match(reason!, /^Not worth factoring: 90% of the energy takes 124% of the size/);
    const decaying = Float64Array.from(flat, (_, i) => 0.64 ** i);
    assert.deepEqual(new RankCurve(decaying, pair, 4).proposal(), { rank: 7 });
  });

  it('are judged alike by the view and by the engine, which says so before anything is written', () => {
    const matrix = { kind: 'matrix', rows: 64, cols: 172, positions: 1 } as const;
    const preview = (rank: number, eigenvalues: Float64Array) =>
      previewSvd({ layer: 'w', matrix, eigenvalues, elementBytes: 4 }, { kind: 'rank', rank });
    const { reason } = new RankCurve(flat, pair, 4).proposal();
    assert.deepEqual(preview(10, flat).notes, [reason]);
    assert.equal(preview(10, flat).notWorthFactoring, reason);
    assert.deepEqual(
      preview(
        46,
        Float64Array.from(flat, (_, i) => 0.64 ** i),
      ).notes,
      ['Two factors of this rank save only 1.4%.'],
    );
    assert.deepEqual(
      preview(
        10,
        Float64Array.from(flat, (_, i) => 0.64 ** i),
      ).notes,
      [],
    );
  });
});
