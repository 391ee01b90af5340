// One limit for every test: it ends what hangs, and says nothing about how quick a test is.
const { testLimit } = require('./test/harness/machineSpeed');

module.exports = { timeout: testLimit(), slow: 2000 };
