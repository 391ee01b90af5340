/** What a plan is made from beside the layers: an ILP's choices, groups, a quantised checkpoint. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Locator, Page } from 'playwright-core';
import type { AssignmentRequest } from '../../extension/shared/compression/assignments';
import { eventually } from '../harness/eventually';
import { cutTexts } from './cutText';
import { choose, openPlan, sentPlan } from './planPage';
import { requests, screenshotFolder, violations } from './viewPage';

describe('what plans are made from', () => {
  async function opened(query: Record<string, string> = {}): Promise<Page> {
    return openPlan({ query, height: 1000, width: 1500 });
  }

  const row = (page: Page, name: string): Locator => page.locator('.plan-table [role=row]', { hasText: name });
  const cell = (page: Page, name: string, column: number): Promise<string> =>
    row(page, name).locator(`[aria-colindex="${column}"]`).innerText();
  const asked = async (page: Page): Promise<AssignmentRequest[]> =>
    ((await requests(page, 'assignPlan')) as { request: AssignmentRequest }[]).map(({ request }) => request);

  it('asks for an ILP among methods, within a time limit, and shows the gap', async () => {
    const page = await opened();
    await choose(page, 'Allocation', 'ILP');
    await page.getByText('No plan of these choices is better by more than 1%, the gap that is left').waitFor();
    const ilp = page.getByRole('group', { name: 'ILP chooses among' });
    await ilp.getByRole('checkbox', { name: 'Truncated SVD' }).click();
    await ilp.getByRole('checkbox', { name: 'Quantise only' }).click();
    assert.equal(await ilp.getByRole('checkbox', { name: 'SVD-LLM' }).isDisabled(), true);
    await page.getByLabel('Time limit').fill('2');
    await page.keyboard.press('Tab');
    await page.getByRole('progressbar', { name: 'Solving the integer programme' }).waitFor();
    // There is no plan meanwhile.
    await page.getByRole('button', { name: 'Save Plan…', disabled: true }).waitFor();
    await page.getByText('No plan of these choices is better by more than 1%').waitFor();
    const last = (await asked(page)).at(-1)!;
    assert.deepEqual(last.choices, [{ method: 'svd' }, { method: 'quantise' }]);
    assert.equal(last.timeLimit, 2);
    await page.screenshot({ path: path.join(screenshotFolder, 'plan-ilp.png') });
    assert.equal((await sentPlan(page)).allocation, 'ilp');
    assert.deepEqual(await violations(page), []);
  });

  it('asks once for a slider that moves, and cancels an ILP', async () => {
    const page = await opened({ slow: '' });
    await choose(page, 'Allocation', 'ILP');
    for (const target of ['60', '65', '70']) await page.getByRole('slider', { name: 'Target' }).fill(target);
    await eventually(
      () => asked(page),
      (all) => all.some(({ target }) => target.value === 0.7),
    );
    assert.ok((await asked(page)).every(({ target }) => target.value === 0.5 || target.value === 0.7));
    await page.locator('.assignment').getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('The integer programme was cancelled').waitFor();
    await page.locator('.assignment').getByRole('button', { name: 'Solve' }).waitFor();
  });

  it('makes MLPs smaller as groups once statistics cover them, and says why not the others', async () => {
    const page = await opened();
    const groups = page.getByRole('group', { name: 'Make smaller as groups' });
    const nystrom = groups.getByRole('checkbox', { name: 'MLP channels (Nyström)' });
    await groups.getByText('Needs statistics with the Gram matrices of the inputs.').waitFor();
    assert.equal(await nystrom.isDisabled(), true);
    await page.getByRole('button', { name: 'Use Statistics…' }).click();
    await page.getByText('Statistics statistics.safetensors').waitFor();
    // Less is not possible: the embeddings alone are 46 %.
    await page.getByRole('slider', { name: 'Target' }).fill('80');
    await nystrom.click();
    await groups.getByText(/^6 groups; not 6 others, such as /).waitFor();
    const member = await eventually(
      async () => Object.entries((await sentPlan(page)).groups ?? {}),
      (found) => found.length === 6,
    );
    assert.deepEqual(member[0]![1], { method: 'nystrom', rank: 1032 });
    const name = `${member[0]![0]}.up_proj.weight`;
    await page.locator('.plan-table').focus();
    for (let i = 0; i < 8 && (await row(page, name).count()) === 0; i++) await page.keyboard.press('PageDown');
    assert.equal(await cell(page, name, 2), 'Nyström group');
    assert.deepEqual([await cell(page, name, 3), await cell(page, name, 4)], ['1,032', '75%']);
    await page.getByText(/^6 groups become smaller, too/).waitFor();
    // 2 bytes of 1376 · 512 numbers, three quarters of them; the target counts it.
    assert.equal(await cell(page, name, 6), '1.06 MB');
    const size = page.getByRole('region', { name: 'The whole model' }).locator('tr', { hasText: 'Size' });
    assert.match(await size.innerText(), /-20%/);
    await groups.getByRole('checkbox', { name: 'Query and key heads' }).click();
    await groups.getByText(/how its heads turn is not known here/).waitFor();
    assert.deepEqual(await cutTexts(page), []);
    await page.screenshot({ path: path.join(screenshotFolder, 'plan-groups.png') });
    const plan = await sentPlan(page);
    assert.equal(plan.statistics?.name, 'statistics.safetensors');
    assert.match(JSON.stringify(plan.layers[name]), /becomes smaller by nystrom in its group/);
  });

  it('offers allocations by statistics once these have what they go by', async () => {
    const page = await opened({ influence: '' });
    const option = (name: string | RegExp): Locator => page.getByRole('option', { name });
    const allocation = page.getByRole('combobox', { name: 'Allocation', exact: true });
    await allocation.click();
    assert.equal(await option('Block influence (needs statistics with block influence)').isDisabled(), true);
    assert.equal(await option('Optimal for the outputs (needs input Grams)').isDisabled(), true);
    await page.keyboard.press('Escape');
    // A line for what can be asked alone: without statistics, all its layers would stay dense.
    const byWeights = ['FARMS alpha', 'AlphaPruning', 'WeLore', 'Uniform'];
    const lines = (wanted: readonly string[]): Promise<string[]> =>
      eventually(
        () => page.locator('.plan .curve-legend li').allInnerTexts(),
        (texts) => isDeepStrictEqual(texts.toSorted(), wanted.toSorted()),
      );
    await lines(['Optimal', ...byWeights]);
    await page.getByRole('button', { name: 'Use Statistics…' }).click();
    await page.getByText('Statistics statistics.safetensors').waitFor();
    await page.getByRole('slider', { name: 'Target' }).fill('75');
    await lines(['Optimal', 'Optimal for the outputs', 'Block influence', ...byWeights]);
    await choose(page, 'Allocation', /^Block influence$/);
    const shared = await eventually(
      () => sentPlan(page),
      (plan) => plan.allocation === 'block-influence',
    );
    const rankOf = (block: number): number => {
      const own = shared.layers[`model.layers.${block}.mlp.up_proj.weight`]!;
      return 'keep' in own ? Infinity : own.rank!;
    };
    // The first block does most.
    assert.ok(rankOf(0) > rankOf(1) && rankOf(1) > rankOf(11), `${rankOf(0)} ${rankOf(1)} ${rankOf(11)}`);
    await choose(page, 'Method', 'SVD-LLM');
    await choose(page, 'Allocation', /^Optimal for the outputs$/);
    await page.getByRole('region', { name: 'The whole model' }).getByText('Error of the outputs').waitFor();
    const plan = await eventually(
      () => sentPlan(page),
      ({ layers }) => Object.values(layers).some((each) => 'rank' in each),
    );
    const compressed = Object.entries(plan.layers).flatMap(([name, each]) => ('rank' in each ? [name] : []));
    const computed = ((await requests(page, 'gramSpectrum')) as { layer: string }[]).map(({ layer }) => layer);
    assert.equal(new Set(computed).size, computed.length, 'each once');
    assert.ok(compressed.every((name) => computed.includes(name)));
    assert.deepEqual(await cutTexts(page), []);
    await page.screenshot({ path: path.join(screenshotFolder, 'plan-outputs.png') });
    assert.deepEqual(await violations(page), []);
  });

  it('leaves layers dense that the statistics do not cover, and says so', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Use Statistics…' }).click();
    await page.getByText('Statistics statistics.safetensors').waitFor();
    await choose(page, 'Method', 'SVD-LLM');
    const plan = await eventually(
      () => sentPlan(page),
      ({ method }) => method.method === 'svd-llm',
    );
    const why = Object.values(plan.layers).map((each) => ('keep' in each ? each.why : each.method));
    assert.ok(why.includes('is not in the statistics') && why.includes('svd-llm'), [...new Set(why)].join());
  });

  it('tries the Gram matrices of a plan, and gives a layer no method that cannot use its own', async () => {
    const page = await openPlan({ query: { indefinite: '' }, height: 900 });
    await page.getByRole('button', { name: 'Use Statistics…' }).click();
    await page.getByText('Statistics statistics.safetensors').waitFor();
    await choose(page, 'Method', 'SVD-LLM');
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const said = `1 layer has statistics that cannot be used, and no method that needs them. ${name}: input_gram is far from`;
    await page.getByText(said).waitFor();
    const plan = await eventually(
      () => sentPlan(page),
      ({ layers }) => 'keep' in layers[name]!,
    );
    const own = plan.layers[name]!;
    assert.match('keep' in own ? own.why : '', /^has statistics that cannot be used: input_gram is far from/);
    const tried = (await requests(page, 'tryStatistics')) as { layer: string; use: string }[];
    const compressed = Object.entries(plan.layers).flatMap(([layer, each]) => ('keep' in each ? [] : [layer]));
    const asked = (use: string): Set<string> => new Set(tried.flatMap((each) => (each.use === use ? each.layer : [])));
    await eventually(
      async () => new Set(((await requests(page, 'tryStatistics')) as typeof tried).map(({ layer }) => layer)),
      (layers) => compressed.every((layer) => layers.has(layer)),
    );
    assert.ok(asked('factored').has(name) && !asked('centred').has(name));
    await choose(page, 'Method', 'Truncated SVD');
    await eventually(
      () => sentPlan(page),
      ({ layers }) => 'method' in layers[name]!,
    );
  });

  it('says that nothing has read the layers that it compresses without a spectrum', async () => {
    const page = await openPlan({ query: { inspected: '20' }, height: 900 });
    await page.getByText(/^\d+ layers are not inspected yet and stay dense until then\.$/).waitFor();
    await choose(page, 'Allocation', 'Uniform');
    const said = /^\d+ compressed layers were not inspected: saving stops if one holds NaN or infinity\.$/;
    await page.getByText(said).waitFor();
    await page.locator('.plan').getByRole('button', { name: 'Inspect All' }).waitFor();
  });

  it('makes adapters of what a quantised checkpoint lost', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Use Statistics…' }).click();
    await page.getByText('Statistics statistics.safetensors').waitFor();
    await page.getByRole('button', { name: 'Quantised Checkpoint…' }).click();
    const line = page.getByText('Quantised checkpoint model.safetensors (safetensors): 85 of 86 layers.');
    await line.click();
    await page.getByText(/is not quantised there/).waitFor();
    await line.click();
    await choose(page, 'Method', 'Adapter for a quantised weight');
    const plan = await eventually(
      () => sentPlan(page),
      ({ method }) => method.method === 'eora',
    );
    assert.equal(plan.method.rank, 16);
    const totals = page.getByRole('table', { name: 'The whole model before and after' });
    const sizes = await totals.getByRole('row', { name: 'Size' }).allInnerTexts();
    assert.equal(sizes.length, 2, sizes.join());
    assert.match(sizes[1]!, /^Size as PEFT adapter\s.*-9\d\.\d%$/);
    await page.getByText('A PEFT adapter of a quantised checkpoint is saved alone.').waitFor();
    await page.getByRole('button', { name: 'Save Compressed Model…' }).click();
    const [sent] = (await eventually(
      () => requests(page, 'saveModel'),
      (all) => all.length === 1,
    )) as { quantised: string }[];
    assert.equal(sent!.quantised, '/checkpoints/llama-58m-nf4/model.safetensors');
  });

  it('shows the interval of an estimate', async () => {
    const page = await opened();
    await choose(page, 'Method', 'Quantise only');
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const text = await eventually(
      () => cell(page, name, 5),
      (found) => found.startsWith('≈'),
    );
    // NF4 in blocks of 64: √0.008451, between √0.008339 and √0.01075.
    assert.equal(text, '≈ 9.19% (9.13% – 10.4%)');
  });

  it('says where there is no plan that the numbers are those of another, and that no target decides of adapters', async () => {
    const page = await opened();
    await choose(page, 'Method', 'Tensor train');
    await page
      .getByText(
        /^No plan: the error of tensor-train is not known .* The numbers below are of what was asked before\.$/,
      )
      .waitFor();
    await choose(page, 'Method', 'PiSSA');
    await page.getByText('Adapters are added to what is there: no target decides their rank.').waitFor();
    await choose(page, 'Method', 'Truncated SVD');
    await page.getByText('Adapters are added to what is there').waitFor({ state: 'hidden' });
  });

  it('takes away what was said of the plan when the model is saved', async () => {
    const page = await opened();
    await sentPlan(page);
    const saved = page.getByText('Saved /checkpoints/llama-58m/model.eigenplan.json.');
    await saved.waitFor();
    await page.getByRole('button', { name: 'Save Compressed Model…' }).click();
    await saved.waitFor({ state: 'detached' });
  });
});
