// Preloaded into an engine's process by tests and benchmarks: every read of more than a header takes EIGENSCOPE_READ_MS longer.
const { open } = require('node:fs/promises');

const LARGE_BYTES = 1024 * 1024;
const wait = Number(process.env.EIGENSCOPE_READ_MS);

open(__filename).then(async (handle) => {
  const prototype = Object.getPrototypeOf(handle);
  const { read } = prototype;
  prototype.read = async function (buffer, offset, length, position) {
    if (length >= LARGE_BYTES) await new Promise((resolve) => setTimeout(resolve, wait));
    return read.call(this, buffer, offset, length, position);
  };
  await handle.close();
});
