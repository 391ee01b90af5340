// Mocha's spec output. The counts, the failures, the second tries and the slowest tests go into the file that
// EIGENSCOPE_TEST_RESULTS names, for the test runner to add up. EIGENSCOPE_TEST_LOG, where set, receives the screen output
// (an extension host has no screen).
const { appendFileSync, writeFileSync } = require('node:fs');
const { format } = require('node:util');
const { reporters } = require('mocha');

/** As many of a stage's tests are noted. */
const SLOWEST = 10;

class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    const { EIGENSCOPE_TEST_LOG: log, EIGENSCOPE_TEST_RESULTS: results } = process.env;
    if (log) reporters.Base.consoleLog = (...parts) => appendFileSync(log, `${format(...parts)}\n`);
    super(runner, options);
    if (!results) throw new Error('EIGENSCOPE_TEST_RESULTS does not name a file for the results');
    const counts = { passed: 0, failed: 0 };
    const times = [];
    const failures = [];
    const retried = [];
    /** By the bundle that they stand in. */
    const passedIn = {};
    const fail = (test, message) => {
      counts.failed += 1;
      failures.push({ title: test.fullTitle(), message, file: test.file });
    };
    runner.on('pass', ({ file }) => {
      counts.passed += 1;
      passedIn[file] = (passedIn[file] ?? 0) + 1;
    });
    runner.on('fail', (test, error) => fail(test, String(error?.message ?? error)));
    // A skipped test shows nothing: here it is one that did not pass.
    runner.on('pending', (test) => fail(test, 'it was skipped'));
    // A pass at the second try counts, but is not passed over: the runner lists it.
    runner.on('retry', (test, error) =>
      retried.push({ title: test.fullTitle(), message: String(error?.message ?? error) }),
    );
    runner.on('test end', (test) => times.push({ title: test.fullTitle(), milliseconds: test.duration ?? 0 }));
    runner.once('end', () => {
      const slowest = times.sort((a, b) => b.milliseconds - a.milliseconds).slice(0, SLOWEST);
      writeFileSync(results, JSON.stringify({ ...counts, passedIn, failures, retried, slowest }));
    });
  }
}

module.exports = CountingReporter;
