// Runs dist/test/vscode in the extension host of a real workbench: code-server, opened by a headless browser.
const { existsSync, mkdtempSync, readFileSync, rmSync, statSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { repositoryRoot } = require('./setup');
const { launchChromium, patientContext } = require('./chromium');
const { testLimit } = require('./machineSpeed');
const { startWorkbench } = require('./vscode');

const POLL_MS = 250;

/** @param resultsFile where the suite's reporter leaves its counts */
async function runWorkbenchTests(resultsFile) {
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-workspace-'));
  const screenLog = `${resultsFile}.log`;
  rmSync(resultsFile, { force: true });
  const serverLines = [];
  const workbench = await startWorkbench({
    log: (text) => serverLines.push(text),
    installed: [path.join(__dirname, 'companion')],
    environment: { EIGENSCOPE_TEST_RESULTS: resultsFile, EIGENSCOPE_TEST_LOG: screenLog },
  });
  const browser = await launchChromium();
  try {
    const page = await (await patientContext(browser)).newPage();
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

/**
 * Copies what is appended to a file onto the screen until `done`.
 *
 * @throws Error after a silence longer than mocha's own limit: the workbench did not start the suite, or it hangs
 */
async function followLog(file, done) {
  const silence = 1.2 * testLimit();
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
    if (Date.now() - heard > silence) {
      throw new Error(`the tests in the extension host said nothing for ${(silence / 1000).toFixed(0)} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

module.exports = { runWorkbenchTests };
