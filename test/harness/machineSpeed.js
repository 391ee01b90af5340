// How fast this machine is, so that limits of time mean the same everywhere. No test may fail because a machine is slow or
// busy: a limit on work counts the process's own time and scales by the machine; a limit on waiting only ends a hang.
const { readFileSync } = require('node:fs');

/** What `work` takes where the limits were set: two cores of an AMD EPYC, Node 20, the least of many times. */
const REFERENCE_MS = 45;

/** The first time it is not yet compiled; any of them can meet a busy neighbour on the same core. */
const TIMES = 4;

/** Longest wait for one thing to happen on the reference machine. Nothing but a hang takes so long, however busy it is. */
const WAIT_MS = 180_000;

/** Longest test. The slowest takes a minute; a busy machine was seen to take ten times as long as a quiet one. */
const TEST_MS = 900_000;

/** Each bundle of tests holds this module: what one of them measured lies in the process, for all. */
const MEASURED = Symbol.for('eigenscope.slowness');

/**
 * Milliseconds since some moment, on Linux without those that the process's main thread has waited for a processor: work
 * takes no longer by it on a busy machine than on an idle one. Goes on as the clock does where the process is gone.
 *
 * @see https://docs.kernel.org/scheduler/sched-stats.html (`/proc/<pid>/schedstat`: the second number, in nanoseconds)
 */
function ownTime(pid = 'self') {
  return performance.now() - waited(pid);
}

function waited(pid) {
  if (process.platform !== 'linux') return 0;
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0; // Gone.
  }
}

/**
 * Milliseconds of processor time that all threads of a process have had, of this one by default. Where the system does not
 * tell those of another process, the clock.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html (utime and stime, in hundredths of a second)
 */
function processorTime(pid) {
  if (pid === undefined) {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }
  if (process.platform !== 'linux') return performance.now();
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold spaces: fields are counted behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** What opening a checkpoint does most: objects, texts, entries of a map, and a pass over more memory than a cache holds. */
function work() {
  const named = new Map();
  for (let i = 0; i < 75_000; i++) {
    named.set(`layers.${i}.weight`, { index: i, shape: [i, 2], place: { start: i, end: i + 2 } });
  }
  let sum = 0;
  for (const [name, { shape, place }] of named) sum += name.length + shape[0] + place.end;
  const values = new Float64Array(2 ** 21);
  for (let pass = 0; pass < 3; pass++) {
    for (let i = 0; i < values.length; i++) sum += values[i] += i;
  }
  return sum;
}

/**
 * How much longer than the reference machine this one takes for the same work; at least 1. Measured once a process, which
 * holds its loop up for a third of a second: whoever watches that asks before.
 */
function slowness() {
  if (globalThis[MEASURED] === undefined) {
    let least = Infinity;
    for (let time = 0; time < TIMES; time++) {
      const started = ownTime();
      if (!Number.isFinite(work())) throw new Error('the calibration computed no number');
      least = Math.min(least, ownTime() - started);
    }
    globalThis[MEASURED] = Math.max(1, least / REFERENCE_MS);
  }
  return globalThis[MEASURED];
}

/** A limit in milliseconds of the reference machine, in those of this one. For times that `ownTime` measured. */
function allowed(milliseconds) {
  return milliseconds * slowness();
}

/** Longest wait for one thing to happen: a page, a process, an answer. Ends hangs, and judges nothing. */
function patience() {
  return allowed(WAIT_MS);
}

/** Longest test: mocha's own limit. */
function testLimit() {
  return Math.round(allowed(TEST_MS));
}

module.exports = { allowed, ownTime, patience, processorTime, slowness, testLimit };
