// Runs dist/test/vscode in the extension host of a real workbench: code-server, opened by a headless browser.
const { existsSync, mkdtempSync, readFileSync, rmSync, statSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { repositoryRoot } = require('./setup');
const { launchChromium } = require('./chromium');
const { startWorkbench } = require('./vscode');

const POLL_MS = 250;

/** Without any word from the suite for this long, the workbench did not start it or it hangs. */
const SILENCE_LIMIT_MS = 120_000;

/** @param resultsFile where the suite's reporter leaves its counts */
async function runWorkbenchTests(resultsFile) {
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-workspace-'));
  const screenLog = `${resultsFile}.log`;
  rmSync(resultsFile, { force: true });
  const serverLines = [];
  const workbench = await startWorkbench({
    log: (text) => serverLines.push(text),
    environment: { EIGENSCOPE_TEST_RESULTS: resultsFile, EIGENSCOPE_TEST_LOG: screenLog },
  });
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    const tests = path.join(repositoryRoot, 'dist/test/vscode/index.js');
    await page.goto(workbench.url({ folder: scratch, tests }));
    await followLog(screenLog, () => existsSync(resultsFile));
  } catch (error) {
    process.stdout.write(serverLines.join(''));
    throw error;
  } finally {
    await browser.close();
    await workbench.stop();
    rmSync(scratch, { recursive: true, force: true });
    rmSync(screenLog, { force: true });
  }
}

/** Copies what is appended to a file onto the screen until `done`. @throws Error after a long silence */
async function followLog(file, done) {
  let shown = 0;
  let heard = Date.now();
  for (;;) {
    const finished = done();
    if (existsSync(file) && statSync(file).size > shown) {
      const bytes = readFileSync(file);
      process.stdout.write(bytes.subarray(shown));
      shown = bytes.length;
      heard = Date.now();
    }
    if (finished) return;
    if (Date.now() - heard > SILENCE_LIMIT_MS) {
      throw new Error(`the tests in the extension host said nothing for ${SILENCE_LIMIT_MS / 1000} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

module.exports = { runWorkbenchTests };
