// Preloaded into the engine's process by benchmarks: on SIGUSR2 it writes how long its event loop was held up since the
// last time, its memory and its processor time, to the file that EIGENSCOPE_PROBE names.
const { renameSync, writeFileSync } = require('node:fs');
const { monitorEventLoopDelay } = require('node:perf_hooks');
const { isMainThread } = require('node:worker_threads');

// Worker threads run preloaded scripts, too.
if (isMainThread) {
  const target = process.env.EIGENSCOPE_PROBE;
  const resolution = 5;
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  process.on('SIGUSR2', () => {
    // The histogram holds whole intervals of its timer.
    const milliseconds = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - resolution);
    const usage = process.resourceUsage();
    const report = {
      stalls: { p99: milliseconds(delay.percentile(99)), max: milliseconds(delay.max) },
      peakMegabytes: usage.maxRSS / 1024,
      cpuSeconds: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
    };
    delay.reset();
    writeFileSync(`${target}.partial`, JSON.stringify(report));
    renameSync(`${target}.partial`, target);
  });
}
