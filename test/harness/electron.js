// `npm run test:electron`: the suite of test/vscode inside desktop VS Code, the one VSCODE_EXECUTABLE names or one that
// @vscode/test-electron downloads.
const { existsSync, mkdtempSync, readFileSync, rmSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ensureDependencies, repositoryRoot, run } = require('./setup');

/** The oldest version the extension supports. */
const VERSION = '1.100.3';

async function main() {
  await ensureDependencies();
  await run(process.execPath, ['esbuild.js', '--tests']);
  const { runTests } = require('@vscode/test-electron');
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-electron-'));
  const results = path.join(scratch, 'results.json');
  const { VSCODE_EXECUTABLE: vscodeExecutablePath } = process.env;
  const ended = runTests({
    ...(vscodeExecutablePath ? { vscodeExecutablePath } : { version: VERSION }),
    extensionDevelopmentPath: [repositoryRoot, path.join(__dirname, 'companion')],
    extensionTestsPath: path.join(repositoryRoot, 'dist/test/vscode/index.js'),
    extensionTestsEnv: { EIGENSCOPE_TEST_RESULTS: results },
    launchArgs: [
      mkdtempSync(path.join(scratch, 'workspace-')),
      '--disable-extensions',
      '--disable-workspace-trust',
      ...['--user-data-dir', path.join(scratch, 'user')],
    ],
  });
  try {
    // Failed tests end it with an error, too: the results, where there are any, say more.
    await ended.catch((error) => {
      if (!existsSync(results)) throw error;
    });
    const { passed, failed } = JSON.parse(readFileSync(results, 'utf8'));
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed > 0 ? 1 : 0;
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
