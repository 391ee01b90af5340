/** The one browser of all page tests: started by the first of them, ended after the last. */
import type { Page } from 'playwright-core';
import { ViewServer, type ViewOptions } from './viewPage';

/** Each test file is a bundle of its own: what they share lies in the process. */
const shared = globalThis as { viewServer?: Promise<ViewServer> };

/** Opens the page of the running test. */
export async function openView(options: ViewOptions = {}): Promise<Page> {
  return (await viewServer()).open(options);
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
