// Mocha's spec output, and the counts in a file that the test runner adds up. EIGENSCOPE_TEST_RESULTS names that file;
// EIGENSCOPE_TEST_LOG, where set, receives the screen output (an extension host has no screen).
const { appendFileSync, writeFileSync } = require('node:fs');
const { format } = require('node:util');
const { reporters } = require('mocha');

class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    const { EIGENSCOPE_TEST_LOG: log, EIGENSCOPE_TEST_RESULTS: results } = process.env;
    if (log) reporters.Base.consoleLog = (...parts) => appendFileSync(log, `${format(...parts)}\n`);
    super(runner, options);
    if (!results) throw new Error('EIGENSCOPE_TEST_RESULTS does not name a file for the results');
    const counts = { passed: 0, failed: 0 };
    runner.on('pass', () => (counts.passed += 1));
    runner.on('fail', () => (counts.failed += 1));
    // A skipped test shows nothing: here it is one that did not pass.
    runner.on('pending', () => (counts.failed += 1));
    runner.once('end', () => writeFileSync(results, JSON.stringify(counts)));
  }
}

module.exports = CountingReporter;
