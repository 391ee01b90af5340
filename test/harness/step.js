// Says what a long set-up is at: a line when a step begins, and one more every few seconds while it lasts.
const EVERY_MS = 5000;

/** @returns what `work` returns */
async function step(text, work) {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  console.log(`${text}…`);
  const timer = setInterval(() => console.log(`  … ${seconds()} s`), EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

module.exports = { step };
