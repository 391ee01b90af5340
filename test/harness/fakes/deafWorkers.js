// Preloaded into an engine's process by tests: its worker threads never see that they were cancelled.
const { isMainThread } = require('node:worker_threads');

if (!isMainThread) Atomics.load = () => 0;
