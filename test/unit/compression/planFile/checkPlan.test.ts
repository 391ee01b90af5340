/** A plan held against a model: each way in which it can be for another one, or say what cannot be. */
import assert from 'node:assert/strict';
import { CompressionError } from '../../../../extension/compression/compressionError';
import { checkPlan } from '../../../../extension/compression/planFile/checkPlan';
import type { CompressionPlan, LayerPlan, PlanLayer } from '../../../../extension/shared/compression/plans';
import { planLayer } from '../plan/planFixture';
import { PLAN } from './planSamples';

const checkpoint = { name: 'model.safetensors', fingerprint: PLAN.checkpoint.fingerprint };
const LAYERS: PlanLayer[] = [
  planLayer('a.weight', 32, 16),
  planLayer('b.weight', 16, 16),
  { ...planLayer('q.weight', 16, 16), leftOut: { why: 'is stored quantised', always: true } },
  { ...planLayer('head.weight', 64, 16), leftOut: { why: 'is the output matrix', always: false } },
];
const DENSE: LayerPlan = { keep: 'dense', why: 'b' };
const layers: Record<string, LayerPlan> = {
  'a.weight': { method: 'svd', rank: 4 },
  'b.weight': DENSE,
  'q.weight': DENSE,
  'head.weight': { method: 'svd', rank: 8 },
};
const statistics = { name: 'stats.safetensors', fingerprint: '1'.repeat(64) };

function refusal(changes: Partial<CompressionPlan>, given?: typeof statistics): string {
  try {
    checkPlan({ ...PLAN, layers, ...changes }, { checkpoint, layers: LAYERS }, 'p.json', given);
    return '';
  } catch (error) {
    assert.ok(error instanceof CompressionError && error.code === 'invalid-plan');
    return error.reason;
  }
}

describe('a plan held against a model', () => {
  it('passes if it names every layer and each can be what it says', () => {
    assert.equal(refusal({}), '');
    assert.equal(refusal({ statistics }, statistics), '');
  });

  it('is refused for another model', () => {
    const other = { name: 'base.safetensors', fingerprint: '2'.repeat(64) };
    assert.match(refusal({ checkpoint: other }), /for another model: it was made for base.safetensors, and model.safe/);
  });

  it('is refused with other statistics, or without them', () => {
    assert.match(refusal({ statistics }), /needs the statistics stats.safetensors/);
    assert.match(refusal({ statistics }, { name: 'other', fingerprint: '3'.repeat(64) }), /other holds others/);
  });

  it('is refused if a layer is missing or none of the model', () => {
    const { 'b.weight': _, ...missing } = layers;
    assert.match(refusal({ layers: missing }), /says nothing of the layer b.weight; add/);
    assert.match(
      refusal({ layers: { ...layers, 'c.weight': DENSE } }),
      /^layers\["c.weight"\] is no layer of model.safetensors/,
    );
  });

  it('is refused if a rank is above what the matrix has', () => {
    const plan = (rank: number): string => refusal({ layers: { ...layers, 'a.weight': { method: 'svd', rank } } });
    assert.equal(plan(16), '');
    const message = 'rank 17 is not possible for a 32 × 16 matrix; choose a whole number from 1 to 16';
    assert.equal(plan(17), `layers["a.weight"]: ${message}`);
  });

  it('is refused if a layer cannot be compressed', () => {
    assert.equal(
      refusal({ layers: { ...layers, 'q.weight': { method: 'svd', rank: 1 } } }),
      'layers["q.weight"]: the layer cannot be compressed: it is stored quantised',
    );
  });
});
