/** A layer's view in a real browser: one step of dragging xmin over 4096 eigenvalues, and the longest task of measuring D. */
import { ViewServer } from '../browser/viewPage';
import { benchTable, median, type BenchRow } from './benchTable';

/** Milliseconds of each of 60 steps of xmin, with the layout that they cause. */
const STEPS = `(() => {
  const slider = document.querySelectorAll('.esd .tail-handle')[1];
  const times = [];
  for (let step = 0; step < 60; step++) {
    const before = performance.now();
    slider.dispatchEvent(new KeyboardEvent('keydown', { key: step % 2 ? 'ArrowRight' : 'PageDown', bubbles: true, cancelable: true }));
    document.querySelector('.layer').getBoundingClientRect();
    times.push(performance.now() - before);
  }
  return times;
})()`;

/** Ends when D is measured. */
const LONGEST_TASK = `new Promise((resolve) => {
  let longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
  }).observe({ type: 'longtask' });
  const look = () => {
    const name = document.querySelectorAll('.distance .plot-svg')[1].getAttribute('aria-label');
    if (name.includes('takes the')) resolve(longest);
    else setTimeout(look, 50);
  };
  look();
})`;

async function main(): Promise<void> {
  const server = await ViewServer.start();
  try {
    const open = async (values: string) => {
      const page = await server.open({ query: { farms: values } });
      const box = page.getByRole('textbox', { name: 'Filter tensors by name' });
      await box.fill('model.layers.0.mlp.gate_proj.weight');
      await page.locator('.table-body .table-row').first().click();
      await page.locator('.distance').nth(1).waitFor();
      return page;
    };
    const short = await open('4096');
    await short.evaluate(LONGEST_TASK);
    const steps = await short.evaluate<number[]>(STEPS);
    const long = await open('200000');
    const longest = await long.evaluate<number>(LONGEST_TASK);
    const rows: BenchRow[] = [
      {
        ...{ work: 'a step of xmin, 4096 values', ours: median(steps), bounds: 'value', limit: 8, unit: 'ms' },
        note: `median of ${steps.length}, layout included; the worst ${Math.max(0, ...steps).toFixed(1)} ms`,
      },
      {
        ...{ work: 'longest task while D is measured, 200 000 values', ours: longest, bounds: 'value', limit: 100 },
        ...{ unit: 'ms', note: 'tasks below 50 ms count as 0' },
      },
    ];
    process.stdout.write(benchTable('A layer’s view', rows));
  } finally {
    await server.stop();
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
