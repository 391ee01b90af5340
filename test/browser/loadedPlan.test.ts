/** A plan from a file in the plan view: shown as it is, and planned anew when something else is asked. */
import assert from 'node:assert/strict';
import type { AssignmentRequest } from '../../extension/shared/compression/assignments';
import type { CompressionPlan } from '../../extension/shared/compression/plans';
import { eventually } from '../harness/eventually';
import { frames, openPlan, planCell, savedPlan } from './planPage';
import { notify, requests } from './viewPage';

const ROW = 'model.layers.0.self_attn.q_proj.weight';

describe('a plan that is loaded', () => {
  it('shows a plan from a file as it is, and refuses one for another model', async () => {
    const page = await openPlan({});
    await page.getByRole('button', { name: 'Load Plan…' }).click();
    await page.getByText('Loaded /checkpoints/llama-58m/model.eigenplan.json.').waitFor();
    await frames(page);
    assert.equal(await page.getByLabel('Target in percent').inputValue(), '70');
    assert.equal(await page.getByRole('textbox', { name: 'Pattern 1' }).inputValue(), 'k_proj');
    assert.equal(await planCell(page, 'Rank', ROW), '40');
    const plan = await savedPlan(page);
    const compressed = Object.entries(plan.layers).filter(([, each]) => !('keep' in each));
    assert.deepEqual(compressed, [[ROW, { method: 'svd', rank: 40 }]]);
    const foreign = await openPlan({ query: { foreign: '' } });
    await foreign.getByRole('button', { name: 'Load Plan…' }).click();
    await foreign.getByText(/the plan is for another model/).waitFor();
  });

  it('runs the plan of the file, not the one that the view showed before', async () => {
    const page = await openPlan({});
    await notify(page, 'select', { plan: { path: '/checkpoints/llama-58m/other.eigenplan.json', then: 'save' } });
    const [sent] = (await eventually(
      () => requests(page, 'saveModel'),
      (all) => all.length > 0,
    )) as { plan: CompressionPlan }[];
    assert.deepEqual(sent!.plan.target, { kind: 'parameters', value: 0.7 });
    const compressed = Object.entries(sent!.plan.layers).filter(([, each]) => !('keep' in each));
    assert.deepEqual(compressed, [[ROW, { method: 'svd', rank: 40 }]]);
  });

  it('shows a loaded plan by integer programming as it is, and solves another one when the slider moves', async () => {
    const page = await openPlan({ query: { loaded: 'ilp' } });
    await page.getByRole('button', { name: 'Load Plan…' }).click();
    const stands = page.getByText('These rows are those of the loaded plan.');
    await stands.waitFor();
    await frames(page);
    const compressed = (plan: CompressionPlan): unknown[] =>
      Object.values(plan.layers).filter((each) => !('keep' in each));
    const asLoaded = [
      { method: 'quantise', quantiser: 'int8' },
      { method: 'svd', rank: 40 },
    ];
    assert.deepEqual(compressed(await savedPlan(page)), asLoaded);
    assert.equal(await page.locator('.plan-table .table-row.edited').count(), 0);
    assert.equal((await requests(page, 'assignPlan')).length, 0);
    await page.getByRole('slider', { name: 'Target' }).fill('60');
    await page.getByText('No plan of these choices is better by more than').waitFor();
    assert.ok(await stands.isHidden());
    const [asked] = (await requests(page, 'assignPlan')) as { request: AssignmentRequest }[];
    assert.deepEqual(asked!.request.pinned, {});
    assert.deepEqual(asked!.request.choices, [{ method: 'quantise' }, { method: 'svd' }]);
    assert.ok(compressed(await savedPlan(page)).length > 2);
  });
});
