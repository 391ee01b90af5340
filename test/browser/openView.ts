/** The one browser of all page tests: started by the first of them, ended after the last. */
import type { Page } from 'playwright-core';
import { ViewServer, type ViewOptions } from './viewPage';

/** Each test file is a bundle of its own: what they share lies in the process. */
const shared = globalThis as { viewServer?: Promise<ViewServer> };

/** Opens the page of the running test. */
export async function openView(options: ViewOptions = {}): Promise<Page> {
  return (await viewServer()).open(options);
}

/** The same with the view of a layer open, as by a click in the table. */
export async function openLayer(layer: string, options: ViewOptions = {}): Promise<Page> {
  const page = await openView(options);
  await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill(layer);
  await page.locator('.table-body .table-row').first().click();
  await page.getByRole('heading', { name: layer, exact: true }).waitFor();
  return page;
}

function viewServer(): Promise<ViewServer> {
  shared.viewServer ??= ViewServer.start();
  return shared.viewServer;
}

// Outside of any suite: for all files.
before('start the browser', async () => {
  await viewServer();
});
afterEach('give up the page of a failed test', async function () {
  // A test that is tried again has no state.
  if (this.currentTest?.state !== 'passed') await (await shared.viewServer)?.discardPage();
});
after('end the browser', async () => {
  const server = await shared.viewServer;
  shared.viewServer = undefined;
  await server?.stop();
});
