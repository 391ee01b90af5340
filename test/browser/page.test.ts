/** The page around the table: what it says before any click, banners, themes and screenshots of all of it. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page, Request } from 'playwright-core';
import { openView } from './openView';
import { openUnusual } from './unusual';
import { notify, requests, screenshotFolder, violations } from './viewPage';

describe('the page of a checkpoint', () => {
  async function opened(query: Record<string, string> = {}): Promise<Page> {
    const page = await openView({ query });
    await page.getByRole('heading', { level: 1 }).waitFor();
    return page;
  }

  it('says what the checkpoint is before anything is computed', async () => {
    const page = await opened({ inspected: 'none' });
    await page.getByRole('heading', { name: 'model.safetensors' }).waitFor();
    await page.getByText('LLaMA (12 blocks, hidden 512)').waitFor();
    const header = await page.locator('.header').innerText();
    assert.match(header, /70\.7M parameters/);
    assert.match(header, /141 MB/);
    assert.match(header, /111 tensors/);
    assert.match(header, /BF16 >99%/);
    assert.match(header, /F32 <0\.1%/);
  });

  it('shows every icon without fetching anything', async () => {
    const fetched: string[] = [];
    const note = (request: Request): void => void fetched.push(new URL(request.url()).pathname);
    const page = await openView();
    page.on('request', note);
    try {
      await page.reload();
      await page.locator('.table-row .twistie svg').first().waitFor();
    } finally {
      page.off('request', note);
    }
    // What stands in the editor's page itself is served as files here.
    assert.deepEqual(fetched.sort(), ['/', '/mockHost.js', '/webview.css', '/webview.js']);
    const undrawn = await page.evaluate<string[]>(`[...document.querySelectorAll('.icon[data-icon]')]
      .filter((icon) => icon.checkVisibility() && icon.dataset.icon !== 'blank')
      .filter((icon) => !(icon.querySelector('path')?.getBoundingClientRect().width > 0))
      .map((icon) => icon.dataset.icon)`);
    assert.deepEqual(undrawn, []);
    assert.deepEqual(await violations(page), []);
  });

  it('says how much of the checkpoint is optimizer state', async () => {
    const page = await opened({ model: 'odd' });
    assert.match(await page.locator('.header').innerText(), /524 kB optimizer state/);
    const plain = await opened();
    assert.equal(await plain.locator('.header', { hasText: 'optimizer state' }).count(), 0);
  });

  for (const model of ['llama', 'odd']) {
    it(`labels points of the savings' curve beside the curve and within the plot (${model})`, async () => {
      const page = await opened({ model });
      const labels = page.locator('.savings .mark-label');
      await labels.first().waitFor();
      const touched = await page.evaluate<string[]>(`(() => {
        const plot = document.querySelector('.savings svg.plot-svg');
        const curve = plot.querySelector('.curve');
        const points = Array.from({ length: 2001 }, (_, i) =>
          curve.getPointAtLength((i / 2000) * curve.getTotalLength()).matrixTransform(curve.getScreenCTM()));
        const { right } = plot.getBoundingClientRect();
        return [...plot.querySelectorAll('.mark-label')].filter((label) => {
          const box = label.getBoundingClientRect();
          const within = ({ x, y }) => x > box.left && x < box.right && y > box.top && y < box.bottom;
          return box.right > right || points.some(within);
        }).map((label) => label.textContent);
      })()`);
      assert.deepEqual(touched, []);
      await page.screenshot({ path: path.join(screenshotFolder, `savings-${model}.png`) });
    });
  }

  it('lists unusual layers worst first, each with its reason, and opens them', async () => {
    const page = await opened({ model: 'odd' });
    const items = page.locator('.unusual-item');
    assert.deepEqual(await items.locator('.unusual-name').allInnerTexts(), [...['broken.weight', 'zero.weight']]);
    assert.match((await items.nth(0).getAttribute('title'))!, /3 NaN in its elements/);
    await items.nth(1).click();
    await page.getByRole('heading', { name: 'zero.weight', exact: true }).waitFor();
  });

  it('shows the header’s metadata when asked, long texts by their beginning', async () => {
    const page = await opened({ model: 'odd' });
    const region = page.getByRole('region', { name: 'Metadata' });
    assert.equal(await region.isVisible(), false);
    await page.getByText('Metadata (3 entries)').click();
    assert.deepEqual(await region.locator('dt').allInnerTexts(), ['epoch', '<b>chat</b>', 'long']);
    const [epoch, template, long] = await region.locator('dd').allInnerTexts();
    assert.deepEqual([epoch, template], ['12', '{% if true %}\n<i>{{ name }}</i>']);
    assert.match(long!, /^x{4000}… \(5,000 characters\)$/);
    await page.screenshot({ path: path.join(screenshotFolder, 'metadata.png') });
    assert.deepEqual(await violations(page), []);
  });

  it('never takes a name for markup', async () => {
    const page = await opened({ model: 'odd' });
    await page.locator('.row-label', { hasText: '<img src=x onerror=alert(1)>.weight' }).waitFor();
    assert.equal(await page.locator('img').count(), 0);
    assert.deepEqual(await violations(page), []);
  });

  it('asks to inspect all, shows progress and cancels', async () => {
    const page = await opened({ inspected: 'none' });
    await page.getByRole('button', { name: 'Inspect All' }).click();
    assert.deepEqual(await requests(page, 'inspect'), [{}]);
    await notify(page, 'queue', { done: 23, total: 111, active: ['model.embed_tokens.weight'] });
    await notify(page, 'progress', { name: 'model.embed_tokens.weight', stage: 'FARMS', fraction: 0.5 });
    await page.getByText('23 of 111 layers').waitFor();
    await page.getByRole('img', { name: 'FARMS, 50%' }).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    assert.deepEqual(await requests(page, 'cancel'), [{}]);
    await notify(page, 'queue', { done: 111, total: 111, active: [] });
    await page.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'hidden' });
  });

  it('lists problems with file, place and remedy', async () => {
    const page = await opened({ problems: '2' });
    await page.getByText('2 problems in this checkpoint').click();
    await page.getByText('model-00003-of-00003.safetensors is missing; put it beside the index').waitFor();
    await page.getByText('tensor model.layers.3.mlp.scale, byte 4,096').waitFor();
  });

  it('says a single problem without a click', async () => {
    const page = await opened({ problems: '1' });
    await page.getByText('model-00003-of-00003.safetensors is missing; put it beside the index').waitFor();
  });

  it('is one stop in the tab order for all unusual layers, with the arrow keys among them', async () => {
    const page = await opened({ model: 'odd' });
    const items = page.locator('.unusual-item');
    assert.equal(await page.locator('.unusual-item[tabindex="0"]').count(), 1);
    await items.first().focus();
    await page.keyboard.press('ArrowDown');
    const focused = (): Promise<string> => page.evaluate('document.activeElement.title');
    assert.match(await focused(), /^zero\.weight: all its elements are zero/);
    await page.keyboard.press('End');
    assert.match(await focused(), /^zero\.weight: all its elements are zero/);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Shift+Tab');
    assert.match(await focused(), /^zero\.weight: all its elements are zero/, 'where it was left');
  });

  it('says what could be saved, beside a layer too', async () => {
    const page = await opened();
    const finding = page.getByText(/^Keeping 9[05]% of the energy leaves [\d.]+% of the parameters at [\d.]+% error/);
    await finding.waitFor();
    await openUnusual(page);
    await page.locator('.layer svg.plot-svg').first().waitFor();
    await finding.waitFor();
  });

  it('says that the file changed and reloads it', async () => {
    const page = await opened();
    await notify(page, 'changed', {
      code: 'changed',
      message: 'changed on disk while it was open; reload it',
      file: '/a/b.pt',
    });
    await page.getByText('b.pt: changed on disk while it was open').waitFor();
    await page.getByRole('button', { name: 'Reload' }).click();
    await page.getByText('changed on disk').waitFor({ state: 'hidden' });
    assert.equal((await requests(page, 'reload')).length, 1);
  });

  it('tells a screen reader that the file changed; the keyboard reloads it and finds itself in the table', async () => {
    const page = await opened();
    const live = page.locator('[aria-live=polite]', { hasText: 'was removed while it was open' });
    await notify(page, 'changed', { code: 'changed', message: 'was removed while it was open', file: '/a/b.pt' });
    await live.waitFor();
    const focused = (): Promise<string> => page.evaluate('document.activeElement.textContent.trim()');
    for (let press = 0; press < 20 && (await focused()) !== 'Reload'; press++) await page.keyboard.press('Tab');
    assert.equal(await focused(), 'Reload');
    await page.keyboard.press('Enter');
    await live.waitFor({ state: 'hidden' });
    await page.locator('.table:focus').waitFor();
  });

  it('says that the file changed where the view comes back after it was hidden', async () => {
    const page = await opened({ changed: '' });
    await page.getByText('changed on disk while it was open').waitFor();
    await page.getByRole('button', { name: 'Reload' }).waitFor();
  });

  it('says that the engine died, on which layer, and that it is back', async () => {
    const page = await opened({ inspected: '20' });
    const failed = ['model.layers.3.mlp.up_proj.weight'];
    await notify(page, 'engine', { state: 'restarting', message: 'The engine ended unexpectedly.', failed });
    await page.getByText(`It stopped on ${failed[0]!}.`).waitFor();
    await notify(page, 'engine', { state: 'running', message: '', failed: [] });
    await page.getByText('The engine ended unexpectedly').waitFor({ state: 'hidden' });
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill(failed[0]!);
    await page.getByRole('img', { name: 'The engine stopped on this layer' }).first().waitFor();
  });

  it('says that a file is one shard of several, and opens the whole', async () => {
    const page = await opened({ shard: 'whole' });
    await page.getByText('This file is shard 2 of 3 of a model.').waitFor();
    await page.getByRole('button', { name: 'Open the Whole Model' }).click();
    assert.equal((await requests(page, 'openWhole')).length, 1);
    const alone = await opened({ shard: 'alone' });
    await alone.getByText('This file is shard 2 of 3 of a model. Not all of the others lie beside it.').waitFor();
    assert.equal(await alone.getByRole('button', { name: 'Open the Whole Model' }).count(), 0);
  });

  it('offers to inspect again what the engine died on, until it has numbers', async () => {
    const page = await opened({ inspected: '20' });
    const name = 'model.layers.3.mlp.up_proj.weight';
    await notify(page, 'engine', { state: 'restarting', message: 'The engine ended unexpectedly.', failed: [name] });
    await notify(page, 'engine', { state: 'running', message: '', failed: [] });
    const bar = page.locator('.banner', { hasText: `The engine stopped while it worked on ${name}.` });
    await bar.getByRole('button', { name: 'Inspect Again' }).click();
    assert.deepEqual(await requests(page, 'inspect'), [{ names: [name] }]);
    await page.evaluate(`window.mockHost.notify('results', [window.mockHost.resultOf('${name}')])`);
    await bar.waitFor({ state: 'detached' });
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill(name);
    await page.locator('.table-row', { hasText: name }).first().waitFor();
    assert.equal(await page.locator('.row-status.failed:visible').count(), 0);
  });

  it('says once that the engine stays off, ends what was running, and offers to restart it', async () => {
    const page = await opened({ inspected: '20' });
    await notify(page, 'queue', { done: 20, total: 111, active: ['model.layers.3.mlp.up_proj.weight'] });
    await page.getByRole('button', { name: 'Cancel' }).waitFor();
    await notify(page, 'engine', { state: 'stopped', message: 'The engine stays off.', failed: [] });
    await page.getByText('The engine stays off.').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'hidden' });
    assert.equal(await page.locator('.row-status.running:visible').count(), 0);
    await page.getByRole('button', { name: 'Restart Engine' }).click();
    await page.getByText('The engine stays off.').waitFor({ state: 'hidden' });
    assert.equal((await requests(page, 'reload')).length, 1);
  });

  it('says why a checkpoint could not be opened and tries again', async () => {
    const page = await opened({ fail: '1' });
    await page.getByRole('alert').getByText('the header is longer than the file; fetch it again').waitFor();
    await page.getByRole('button', { name: 'Try Again' }).click();
    await page.getByRole('treegrid').waitFor();
  });

  it('offers to show as text what is text in place of weights', async () => {
    const failed = await opened({ fail: '1' });
    await failed.getByRole('button', { name: 'Try Again' }).waitFor();
    assert.equal(await failed.getByRole('button', { name: 'Open as Text' }).count(), 0);
    const page = await opened({ fail: 'text' });
    await page.getByRole('button', { name: 'Open as Text' }).click();
    assert.equal((await requests(page, 'openAsText')).length, 1);
  });

  it('shares the room by keyboard', async () => {
    const page = await opened();
    await openUnusual(page);
    const bar = page.getByRole('separator', { name: 'Share of the table' });
    const before = Number(await bar.getAttribute('aria-valuenow'));
    await bar.focus();
    await page.keyboard.press('ArrowRight');
    const after = Number(await bar.getAttribute('aria-valuenow'));
    assert.ok(after > before, `from ${before} to ${after}`);
    const [table, whole] = await Promise.all([
      page.locator('.left').boundingBox(),
      page.locator('.main').boundingBox(),
    ]);
    assert.ok(Math.abs(table!.width / whole!.width - after / 100) < 0.01);
  });

  it('keeps several rows in sight above the layer in a low window, and the bar says what there is', async () => {
    const page = await openView({ width: 900, height: 480 });
    await openUnusual(page);
    const rowsInSight = (): Promise<number> =>
      page.evaluate(`(() => {
        const table = document.querySelector('.table').getBoundingClientRect();
        const head = document.querySelector('.table-head').getBoundingClientRect();
        return (table.bottom - head.bottom) / 24;
      })()`);
    assert.ok((await rowsInSight()) >= 4, String(await rowsInSight()));
    const bar = page.getByRole('separator', { name: 'Share of the table' });
    await bar.focus();
    for (let i = 0; i < 8; i++) await page.keyboard.press('ArrowUp');
    assert.ok((await rowsInSight()) >= 4, String(await rowsInSight()));
    const [table, whole, layer] = await Promise.all(
      ['.left', '.main', '.layer'].map((part) => page.locator(part).boundingBox()),
    );
    const share = Number(await bar.getAttribute('aria-valuenow')) / 100;
    assert.ok(
      Math.abs(table!.height / whole!.height - share) < 0.015,
      `${table!.height} of ${whole!.height}: ${share}`,
    );
    assert.ok(layer!.height >= 0.5 * whole!.height, 'the layer has its half');
    await page.keyboard.press('ArrowDown');
    assert.ok((await page.locator('.left').boundingBox())!.height > table!.height, 'the first key back moves it');
    await page.screenshot({ path: path.join(screenshotFolder, 'split-low.png') });
  });

  it('has the workspace remember how much room the table keeps, for views that open later', async () => {
    const page = await openView({ width: 900, height: 700 });
    await openUnusual(page);
    const bar = (): Locator => page.getByRole('separator', { name: 'Share of the table' });
    const share = async (): Promise<string | null> => bar().getAttribute('aria-valuenow');
    const usual = await share();
    await bar().focus();
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown');
    const chosen = await share();
    assert.notEqual(chosen, usual);
    // Not the page's own state, which another tab does not have.
    await page.evaluate(`sessionStorage.removeItem(location.search)`);
    await page.reload();
    await openUnusual(page);
    assert.equal(await share(), chosen);
  });
});
