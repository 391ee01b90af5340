/** The map of a model of 126 blocks and nine roles, in a real browser: drawn anew, and coloured by another number. */
import { ViewServer } from '../browser/viewPage';
import { benchTable, median, type BenchRow } from './benchTable';

const DRAWINGS = 60;

/** Milliseconds of each drawing, with the layout that it causes. A change of the theme has a plot drawn anew. */
const DRAW = `(() => {
  const map = document.querySelector('.model-map');
  const times = [];
  for (let drawing = 0; drawing < ${DRAWINGS}; drawing++) {
    const before = performance.now();
    map.dispatchEvent(new Event('eigenscope-theme'));
    map.getBoundingClientRect();
    times.push(performance.now() - before);
  }
  return times;
})()`;

/** Milliseconds from choosing another number until the map and the plot against depth show it. */
const COLOUR = `(() => {
  const list = document.querySelector('.model-map vscode-dropdown');
  const times = [];
  for (let choice = 1; choice <= 10; choice++) {
    const before = performance.now();
    list.selectedIndex = choice % list.options.length;
    list.dispatchEvent(new Event('change', { bubbles: true }));
    document.querySelector('.overview').getBoundingClientRect();
    times.push(performance.now() - before);
  }
  return times;
})()`;

const cells = `document.querySelector('.model-map [role=slider]')?.getAttribute('aria-valuetext') ?? ''`;

async function main(): Promise<void> {
  const server = await ViewServer.start();
  try {
    const page = await server.open({ width: 1500, query: { model: 'deep' } });
    await page.locator('.model-map').waitFor();
    // Numbers are there: an empty map would be drawn in no time.
    await page.waitForFunction(`/\\d/.test(${cells})`);
    const drawings = await page.evaluate<number[]>(DRAW);
    const colours = await page.evaluate<number[]>(COLOUR);
    const rows: BenchRow[] = [
      {
        ...{ work: 'the map of 126 × 9 cells, drawn anew', ours: median(drawings), unit: 'ms' },
        ...{ bounds: 'value', limit: 16, note: `median of ${drawings.length}; the worst ${worst(drawings)} ms` },
      },
      {
        ...{ work: 'the map and the depth by another number', ours: median(colours), unit: 'ms' },
        ...{ bounds: 'value', note: `median of ${colours.length}; the worst ${worst(colours)} ms` },
      },
    ];
    process.stdout.write(benchTable('The map of a model', rows));
  } finally {
    await server.stop();
  }
}

function worst(times: readonly number[]): string {
  return Math.max(0, ...times).toFixed(1);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
