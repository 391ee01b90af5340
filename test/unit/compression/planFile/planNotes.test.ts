/** What a plan that was edited by hand says without effect. */
import assert from 'node:assert/strict';
import { planNotes } from '../../../../extension/compression/planFile/planNotes';
import type { LayerPlan } from '../../../../extension/shared/compression/plans';
import { PLAN } from './planSamples';

const note = (layers: Record<string, LayerPlan>, exclude: string[] = []): string[] => planNotes({ layers, exclude });
const svd = { method: 'svd', rank: 2 } as const;
const dense = { keep: 'dense', why: 'so' } as const;

describe('notes on a plan', () => {
  it('are none where it says one thing', () => {
    assert.deepEqual(planNotes(PLAN), []);
    assert.deepEqual(note({ 'a.up': svd, 'a.down': dense }, ['down', 'nothing']), []);
  });

  it('tell of layers that it excludes and compresses', () => {
    assert.deepEqual(note({ 'a.down': svd, 'b.down': svd, 'b.up': svd }, ['up', 'down$']), [
      'The plan excludes up, and compresses 1 layer (b.up) that it matches: what it says of a layer counts.',
      'The plan excludes down$, and compresses 2 layers (a.down, b.down) that it matches: what it says of a layer counts.',
    ]);
  });

  it('tell of options that a quantiser decides itself, once for all layers', () => {
    const nf4 = { method: 'quantise', quantiser: 'nf4', bits: 3 } as const;
    const [only, ...others] = note({ a: nf4, b: { ...nf4, quantiser: 'bipolar' }, c: nf4, d: nf4, e: nf4 });
    assert.deepEqual(others, []);
    assert.match(only!, /^a, c, d, …: bits 3 has no effect: nf4 has 4 bits, and the option is for bipolar\.$/);
  });
});
