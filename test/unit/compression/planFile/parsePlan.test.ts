/** The text of a plan: written the same each time, read back, and refused with the place of what is wrong. */
import assert from 'node:assert/strict';
import { parsePlan } from '../../../../extension/compression/planFile/parsePlan';
import { planText } from '../../../../extension/shared/compression/planText';
import { CompressionError } from '../../../../extension/compression/compressionError';
import type { CompressionPlan } from '../../../../extension/shared/compression/plans';
import { BAD, changed, GOOD, PLAN } from './planSamples';

function refusal(text: string): string {
  try {
    parsePlan(text, 'plan.eigenplan.json');
  } catch (error) {
    assert.ok(error instanceof CompressionError);
    assert.equal(error.code, 'invalid-plan');
    assert.ok(error.message.startsWith('plan.eigenplan.json: '), error.message);
    return error.reason;
  }
  throw new assert.AssertionError({ message: `nothing wrong was found in ${text}` });
}

describe('a plan as text', () => {
  it('is read as it was written', () => {
    assert.deepEqual(parsePlan(planText(PLAN), 'a'), PLAN);
  });

  it('has a line for each layer and one order of keys', () => {
    const { layers, method, version, ...rest } = PLAN;
    const shuffled = { layers, method, ...rest, version };
    assert.equal(planText(shuffled), planText(PLAN));
    assert.ok(
      planText(PLAN).includes(
        '    "model.layers.0.mlp.up_proj.weight": { "method": "lost", "rank": 8, "sparse": 0.02, "rounds": 3 },\n',
      ),
    );
    const options = { rounds: 3, sparse: 0.02, rank: 8, method: 'lost' } as const;
    const other = { ...PLAN, layers: { ...layers, 'model.layers.0.mlp.up_proj.weight': options } };
    assert.equal(planText(other), planText(PLAN));
  });

  it('keeps names that JSON objects treat in their own way', () => {
    const layers = JSON.parse(
      '{ "__proto__": { "method": "svd", "rank": 2 }, "a": { "keep": "dense", "why": "b" } }',
    ) as CompressionPlan['layers'];
    const plan = parsePlan(planText({ ...PLAN, layers }), 'a');
    assert.deepEqual(Object.keys(plan.layers), ['__proto__', 'a']);
  });

  for (const change of GOOD) {
    it(`is accepted: ${change.toString()}`, () => {
      const plan = changed(change);
      assert.deepEqual(parsePlan(JSON.stringify(plan), 'a'), plan);
    });
  }

  for (const [names, change] of BAD) {
    it(`is refused: ${names}`, () => {
      const reason = refusal(JSON.stringify(changed(change)));
      assert.ok(reason.includes(names), reason);
    });
  }

  it('is refused if it is no JSON, or no object', () => {
    assert.ok(refusal('{ "version": 1').startsWith('it is no JSON: '));
    assert.equal(refusal('[]'), 'the plan is a list, not an object');
    assert.equal(refusal('null'), 'the plan is null, not an object');
  });

  it('is refused if a layer is there twice, of which JSON would take the last', () => {
    const text = planText(PLAN).replace(
      '"lm_head.weight"',
      '"model.layers.0.self_attn.q_proj.weight": { "method": "svd", "rank": 4 },\n    "lm_head.weight"',
    );
    assert.equal(
      refusal(text),
      'layers["model.layers.0.self_attn.q_proj.weight"] is there twice; remove one of the two',
    );
    assert.ok(refusal('{ "a": { "b": [{ "c": 1 }, { "c": 2, "\\u0063": 3 }] } }').includes('a.b[1].c is there twice'));
  });
});
