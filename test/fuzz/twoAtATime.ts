/** Runs of the fuzzer, two at a time: each is one busy process, and the machines that test have two cores at least. */
import type { FuzzReport } from './fuzzer';

const AT_ONCE = 2;

/** Starts all of them, in their order. @returns the report of each, by name */
export function twoAtATime(
  runs: ReadonlyMap<string, () => Promise<FuzzReport>>,
): ReadonlyMap<string, Promise<FuzzReport>> {
  const waiting = [...runs.values()].map((run) => {
    let start: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (start = resolve));
    const report = started.then(run);
    // Told by the test that awaits it.
    report.catch(() => undefined);
    return { start, report };
  });
  const reports = new Map([...runs.keys()].map((name, index) => [name, waiting[index]!.report]));
  const next = (): void => {
    const run = waiting.shift();
    if (!run) return;
    run.start();
    run.report.then(next, next);
  };
  for (let running = 0; running < AT_ONCE; running++) next();
  return reports;
}
