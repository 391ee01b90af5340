/** From the click on *Inspect Weights* to the first row of the table, in a real VS Code workbench in Chromium. */
import { timesToFirstRow } from '../e2e/firstRow';
import { benchTable, median } from './benchTable';

const OPENINGS = 6;

async function main(): Promise<void> {
  const seconds = (await timesToFirstRow(OPENINGS)).map((milliseconds) => milliseconds / 1000);
  const note = `median of ${OPENINGS}; ${seconds.map((time) => time.toFixed(2)).join(' ')}`;
  const row = { work: 'click to first row', ours: median(seconds), bounds: 'value', limit: 1, note } as const;
  process.stdout.write(benchTable('Opening in VS Code', [row]));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
