/** How long a plan takes to run, told where that is long. */
import assert from 'node:assert/strict';
import { timeNotes } from '../../../../extension/engine/terminal/planNotes';
import type { LayerPlan } from '../../../../extension/shared/compression/plans';

/** The up projections of LLaMA-7B. */
const layers = Array.from({ length: 32 }, (_, i) => ({ name: `${i}`, outputs: 11008, inputs: 4096 }));
const all = (plan: LayerPlan): Record<string, LayerPlan> => Object.fromEntries(layers.map(({ name }) => [name, plan]));

describe('the time of a plan', () => {
  it('is told of methods that go over each layer many times', () => {
    const hours = timeNotes(layers, all({ method: 'gear', rank: 64 }));
    assert.match(hours[0]!, /may take some 60 minutes on two cores/);
    assert.match(hours[0]!, /gear goes over each layer up to 30 times\. With fewer \(--rounds 5\)/);
    assert.match(
      timeNotes(layers, all({ method: 'lq-lora', rank: 64, rounds: 5 }))[0]!,
      /some 10 minutes .* up to 5 times/,
    );
  });

  it('is not told where it is short, or of methods that take one turn', () => {
    assert.deepEqual(timeNotes(layers, all({ method: 'gear', rank: 64, rounds: 1 })), []);
    assert.deepEqual(timeNotes(layers, all({ method: 'svd', rank: 64 })), []);
    assert.deepEqual(timeNotes(layers, all({ keep: 'dense', why: 'so' })), []);
    assert.deepEqual(timeNotes(layers.slice(0, 1), all({ method: 'gear', rank: 64 })), []);
  });
});
