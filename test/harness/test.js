// `npm test`: all set-up, then every check of this repository in order. The last line is "N passed, N failed".
const { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { softwareVulkan } = require('./chromium');
const { ensureDependencies, repositoryRoot, run, runQuietly } = require('./setup');
const { installWorkbench } = require('./vscode');

/** As many of the run's slowest tests are listed. */
const SLOWEST = 10;

/** So much of a failure's message is repeated at the end. */
const MESSAGE_CHARACTERS = 400;

const testFolder = path.join(repositoryRoot, 'dist/test');

/** Bundled tests of a folder of dist/test. */
function testFiles(folder) {
  const folderPath = path.join(testFolder, folder);
  if (!existsSync(folderPath)) return [];
  return readdirSync(folderPath, { recursive: true })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => path.join(folderPath, name))
    .sort();
}

/** A check that is one program: it counts as one test. */
function checked(...commands) {
  return async () => {
    for (const [script, ...args] of commands) await startProgram(process.execPath, [script, ...args]);
    return { passed: 1, failed: 0 };
  };
}

/** Mocha over a folder of bundled tests, in a process of its own. */
function mocha(folder, options = []) {
  return (results, extraEnvironment = {}) => mochaOver(testFiles(folder), options, results, extraEnvironment);
}

/**
 * Mocha over tests that share windows of VS Code. Its own limits of time (7 s to look for what activates an extension, say)
 * hold on a busy machine, too, and no test can lift them: a file with a failure runs once more, in new windows. What needed
 * that is listed at the end.
 */
function mochaInWindows(folder) {
  return async (results) => {
    const first = await mochaOver(testFiles(folder), [], results);
    const again = [...new Set(first.failures.map(({ file }) => file))];
    if (first.failed === 0 || again.includes(undefined)) return first;
    const second = await mochaOver(again, [], `${results}.again`);
    const before = again.reduce((sum, file) => sum + (first.passedIn[file] ?? 0), 0);
    return {
      passed: first.passed - before + second.passed,
      failed: second.failed,
      failures: second.failures,
      retried: first.failures,
      slowest: [...first.slowest, ...second.slowest],
    };
  };
}

function mochaOver(files, options, results, extraEnvironment = {}) {
  const ended = runMocha(files, options, results, extraEnvironment);
  // If the results count failures, the error is asked no more: what it holds of the output is shown here.
  return countsOf(
    results,
    ended.catch((error) => {
      console.log(error.message);
      throw new Error('a test failed or the run crashed, see above');
    }),
  );
}

async function runMocha(files, options, results, extraEnvironment) {
  if (files.length === 0) throw new Error('no tests were built');
  const script = path.join(repositoryRoot, 'node_modules/mocha/bin/mocha.js');
  const reporter = path.join(__dirname, 'reporter.js');
  const environment = { ...process.env, ...extraEnvironment, EIGENSCOPE_TEST_RESULTS: results };
  // Its exit status counts failures, which the results file tells as well.
  await startProgram(process.execPath, [script, '--reporter', reporter, ...options, ...files], { env: environment });
}

async function workbench(results) {
  const { runWorkbenchTests } = require('./workbenchTests');
  return countsOf(results, runWorkbenchTests(results));
}

/** Makes every platform's package, then looks into them, installs one and uses it. */
async function packages(results) {
  await startProgram(process.execPath, ['test/harness/package/package.js']);
  return mochaInWindows('package')(results);
}

/** The graphics path without a graphics card. Not run where that cannot be; where it can, nothing is left out. */
async function webgpu(results) {
  const platform = `${process.platform}-${process.arch}`;
  const environment = platform === 'linux-x64' ? softwareVulkan() : undefined;
  if (environment) return mocha('webgpu')(results, environment);
  const reason =
    platform === 'linux-x64'
      ? 'Chromium brings no software Vulkan device (vk_swiftshader_icd.json) here'
      : `it needs linux-x64, this is ${platform}`;
  console.log(`NOT RUN: ${reason}`);
  return { passed: 0, failed: 0 };
}

/** The counts that the reporter left. @throws Error where it left none: the run crashed, whatever its exit status */
async function countsOf(results, ended) {
  const failure = await ended.then(
    () => undefined,
    (error) => error,
  );
  if (!existsSync(results)) throw new Error('the run ended without results', { cause: failure });
  const counts = JSON.parse(readFileSync(results, 'utf8'));
  if (counts.passed + counts.failed === 0) throw new Error('the run had no tests');
  if (failure && counts.failed === 0) throw failure;
  return counts;
}

const local = (name) => path.join(repositoryRoot, 'node_modules', name);

/**
 * About one busy thread each, so two run at a time: whichever is free takes the next. The longest come first, so that both
 * end at about the same time.
 */
const STAGES = [
  ['end to end', mochaInWindows('e2e')],
  ['unit', mocha('unit')],
  // Each opens a page of its own, so it can be tried again. Those that need it are listed at the end.
  ['pages in a browser', mocha('browser', ['--retries', '1'])],
  ['engine and terminal', mocha('engine')],
  [
    'lint',
    checked(
      [local('eslint/bin/eslint.js'), '-c', '.eslintrc.mjs', '.'],
      [local('prettier/bin/prettier.cjs'), '--check', '.'],
      [
        local('dependency-cruiser/bin/dependency-cruise.mjs'),
        ...['--config', '.dependency-cruiser.cjs', 'extension', 'webview', 'test'],
      ],
    ),
  ],
  ['golden', mocha('golden')],
  ['packages', packages],
  ['fuzz', mocha('fuzz')],
  ['inside VS Code', workbench],
  ['webgpu on the software device', webgpu],
  ['types', checked([local('typescript/bin/tsc'), '-p', '.'], [local('typescript/bin/tsc'), '-p', 'webview'])],
];

/** So many stages run at a time. */
const LANES = Math.min(2, os.availableParallelism());

/** Stages that run beside others print at their end. */
const startProgram = STAGES.filter(isChosen).length === 1 || LANES === 1 ? run : runQuietly;

function isChosen([name]) {
  const chosen = process.argv.slice(2);
  return chosen.length === 0 || chosen.some((part) => name.includes(part));
}

async function main() {
  await ensureDependencies();
  await installWorkbench();
  await run(process.execPath, ['esbuild.js', '--tests']);
  const results = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-results-'));
  const waiting = STAGES.filter(isChosen);
  const outcomes = [];
  const lane = async () => {
    for (let stage; (stage = waiting.shift());) outcomes.push(await runStage(...stage, results));
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  rmSync(results, { recursive: true, force: true });
  if (outcomes.length === 0) throw new Error(`no stage is called ${process.argv.slice(2).join(' or ')}`);
  const sum = (key) => outcomes.reduce((total, outcome) => total + outcome[key], 0);
  const summary = outcomes.map(
    ({ name, passed, failed, seconds }) => `${name}: ${passed} passed, ${failed} failed (${seconds} s)`,
  );
  console.log(
    `\n${[slowestTests(outcomes), summary, troubles(outcomes)].map((lines) => lines.join('\n')).join('\n\n')}`,
  );
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
  process.exitCode = sum('failed') > 0 ? 1 : 0;
}

/** Of all stages, once more: a long log's end is what people are shown. */
function troubles(outcomes) {
  const lines = (word, name, tests = []) =>
    tests.map(({ title, message }) => `${word}  ${name}: ${title}\n    ${message.slice(0, MESSAGE_CHARACTERS)}`);
  return outcomes.flatMap(({ name, failures, retried }) => [
    ...lines('TRIED AGAIN', name, retried),
    ...lines('FAILED', name, failures),
  ]);
}

/** Of all stages: where the run's time goes. */
function slowestTests(outcomes) {
  const tests = outcomes.flatMap(({ name, slowest = [] }) => slowest.map((test) => ({ name, ...test })));
  const longest = tests.sort((a, b) => b.milliseconds - a.milliseconds).slice(0, SLOWEST);
  return longest.map(({ name, title, milliseconds }) => `${(milliseconds / 1000).toFixed(1)} s  ${name}: ${title}`);
}

/** A stage that cannot run is one failure. */
async function runStage(name, stage, results) {
  console.log(`\n── ${name}: begins`);
  const started = Date.now();
  let counts;
  try {
    counts = await stage(path.join(results, `${name}.json`));
  } catch (error) {
    const message = error.cause ? `${error.message}: ${error.cause.message}` : error.message;
    console.error(message);
    counts = { passed: 0, failed: 1, failures: [{ title: 'the stage itself', message }] };
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.log(`\n── ${name}: ${counts.passed} passed, ${counts.failed} failed (${seconds} s)`);
  return { name, ...counts, seconds };
}

main().catch((error) => {
  // Set-up failed before any test ran: that is a failure, too.
  console.error(error.message);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
});
