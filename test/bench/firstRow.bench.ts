/** From the click on *Inspect Weights* to the first row of the table, in a real VS Code workbench in Chromium. */
import { REST_MS, timesToFirstRow } from '../e2e/firstRow';
import { benchTable, median, type BenchRow } from './benchTable';

const OPENINGS = 6;

async function row(work: string, restMs: number, limit?: number): Promise<BenchRow> {
  const seconds = (await timesToFirstRow(OPENINGS, restMs)).map((milliseconds) => milliseconds / 1000);
  const note = `median of ${OPENINGS}; ${seconds.map((time) => time.toFixed(2)).join(' ')}`;
  return { work, ours: median(seconds), bounds: 'value', ...(limit !== undefined && { limit }), note };
}

async function main(): Promise<void> {
  const rows = [
    await row('click to first row', REST_MS, 1),
    // VS Code is still starting, and so is the host that extensions live in: the click waits for both.
    await row('the same, in a window that just opened', 0),
  ];
  process.stdout.write(benchTable('Opening in VS Code', rows));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
