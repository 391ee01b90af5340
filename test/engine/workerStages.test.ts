/** The order of a layer's calls to a worker thread: which stage leads where, and what is refused. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import path from 'node:path';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import type { LayerTask } from '../../extension/engine/worker/layerRecords';
import type { Remote } from '../../extension/engine/worker/remote';
import type { StreamedRows, WorkerCalls } from '../../extension/engine/worker/workerCalls';
import { WorkerPool, type WorkerLease } from '../../extension/engine/worker/workerPool';
import { layersOf } from '../../extension/spectral/matrices';
import { repositoryRoot } from '../harness/shared';

const ROWS = 6;
const COLS = 4;

const tensor = { name: 'weight', shape: [ROWS, COLS], dtype: 'F64', kernelLayout: 'OI…' } as const;
const task: LayerTask = {
  tensor: { ...tensor, shape: [...tensor.shape] },
  layer: layersOf(tensor).layers[0]!,
  settings: { farms: { ...DEFAULT_FARMS, enabled: false } },
};
const precision = { precision: 'float64' };

function bytesOf(value: (index: number) => number, rows = ROWS): Uint8Array {
  return new Uint8Array(Float64Array.from({ length: rows * COLS }, (_, index) => value(index)).buffer);
}

/* eslint-disable @typescript-eslint/no-unsafe-call -- what the compiler refuses has no type */
/** Never called: the compiler refuses what is not legal at a stage, and these lines fail where it does not. */
export async function refusedByTheCompiler(calls: Remote<WorkerCalls>, rows: Remote<StreamedRows>): Promise<void> {
  // @ts-expect-error a layer is opened before its spectra are asked for
  await calls.spectra(undefined);
  // @ts-expect-error rows are counted before there are eigenvalues
  await rows.eigenvalues({ bandMatrix: { n: 1, width: 0, rows: new Float64Array(1), scale: 1 } });
  // @ts-expect-error a streamed matrix cannot be shuffled
  await rows.shuffle();
  const held = await calls.hold({ task, bytes: new Uint8Array() });
  // @ts-expect-error it may hold NaN, and then has no spectra
  await held.spectra(undefined);
  if (held.stage === 'last') return;
  // @ts-expect-error the spectra come first
  await held.finish(precision);
  const spectra = await held.solved();
  // @ts-expect-error FARMS of a convolution gives no part of it away
  await (await spectra.convFarms(undefined)).part({ part: { row: 0, col: 0, rows: 1, cols: 1 }, turned: false });
  // @ts-expect-error shuffled entries have no FARMS
  await (await (await spectra.shuffle()).solved()).wholeFarms({ window: [1, 1] });
}
/* eslint-enable @typescript-eslint/no-unsafe-call */

describe('leases of one worker', () => {
  it('leave no listener behind on a signal that outlives them', async () => {
    const pool = new WorkerPool(1, path.join(repositoryRoot, 'dist', 'worker.js'));
    const { signal } = new AbortController();
    try {
      for (let layer = 0; layer < 12; layer++) {
        const first = await pool.lease(signal);
        const waiting = pool.lease(signal);
        first.release();
        (await waiting).release();
      }
      (await pool.lease(new AbortController().signal)).release();
      assert.equal(getEventListeners(signal, 'abort').length, 0);
    } finally {
      await pool.terminate();
    }
  });

  it('are given up by who waits for one, and go to the next', async () => {
    const pool = new WorkerPool(1, path.join(repositoryRoot, 'dist', 'worker.js'));
    const impatient = new AbortController();
    try {
      const first = await pool.lease(new AbortController().signal);
      const given = assert.rejects(pool.lease(impatient.signal), { name: 'AbortError' });
      const next = pool.lease(new AbortController().signal);
      impatient.abort();
      await given;
      first.release();
      (await next).release();
    } finally {
      await pool.terminate();
    }
  });
});

describe('the stages of a layer in a worker', () => {
  let pool: WorkerPool;
  let lease: WorkerLease;

  before(() => (pool = new WorkerPool(1, path.join(repositoryRoot, 'dist', 'worker.js'))));
  after(() => pool.terminate());
  beforeEach(async () => (lease = await pool.lease(new AbortController().signal)));
  afterEach(() => lease.release());

  it('end with the outcome of a held layer', async () => {
    const held = await lease.calls.hold({ task, bytes: bytesOf((index) => (index % (COLS + 1) === 0 ? 1 : 0)) });
    assert.equal(held.stage, 'matrices');
    const spectra = await held.spectra(undefined);
    const { eigenvalues } = await spectra.finish(precision);
    assert.equal(eigenvalues.length, COLS);
    assert.ok(eigenvalues.every((value) => value > 0.5));
  });

  it('are over at once where elements are not finite', async () => {
    const held = await lease.calls.hold({ task, bytes: bytesOf((index) => (index === 3 ? NaN : 1)) });
    assert.equal(held.stage, 'last');
    const { result, eigenvalues } = await held.finish(precision);
    assert.equal(eigenvalues.length, 0);
    assert.equal(result.noSpectrum, 'holds NaN or Inf');
  });

  it('count streamed rows once, however often they come', async () => {
    const rows = await lease.calls.stream({ task });
    const first = (): Uint8Array => bytesOf((index) => index, 2);
    await rows.nextRows({ start: 0, bytes: first() });
    const turned = await rows.nextRows({ start: 0, bytes: first() });
    assert.deepEqual([...turned], [0, 4, 1, 5, 2, 6, 3, 7]);
    await rows.nextRows({ start: 2, bytes: bytesOf((index) => index, ROWS - 2) });
    const matrix = await rows.counted();
    assert.equal(matrix.stage, 'matrix');
    const bandMatrix = { n: COLS, width: 1, rows: Float64Array.from({ length: 2 * COLS }, (_, i) => i % 2), scale: 1 };
    assert.equal(await matrix.eigenvalues({ bandMatrix }), null);
    const spectra = await matrix.solved();
    const { result, rankEigenvalues } = await spectra.finish(precision);
    assert.equal(result.statistics?.count, ROWS * COLS);
    assert.deepEqual([...rankEigenvalues], [1, 1, 1, 1]);
  });

  it('refuse a call to a stage that is over', async () => {
    const held = await lease.calls.hold({ task, bytes: bytesOf((index) => index) });
    if (held.stage !== 'matrices') assert.fail(`the stage is ${held.stage}`);
    await held.spectra(undefined);
    await assert.rejects(held.columns({ matrix: 0, start: 0, end: 1 }), /"columns" was called at a stage .* over/);
  });

  it('do not pass a matrix without eigenvalues', async () => {
    const held = await lease.calls.hold({ task, bytes: bytesOf((index) => index) });
    if (held.stage !== 'matrices') assert.fail(`the stage is ${held.stage}`);
    await assert.rejects(held.solved(), /weight: 0 of 1 matrices have eigenvalues/);
  });

  it('drop eigenvalues that the Gram matrix’s error is too much for', async () => {
    const held = await lease.calls.hold({ task, bytes: bytesOf((index) => index) });
    if (held.stage !== 'matrices') assert.fail(`the stage is ${held.stage}`);
    const bandMatrix = { n: COLS, width: 1, rows: Float64Array.from({ length: 2 * COLS }, (_, i) => i % 2), scale: 1 };
    assert.notEqual(await held.eigenvalues({ bandMatrix, errorBound: 1 }), null);
    await assert.rejects(held.solved(), /0 of 1 matrices have eigenvalues/);
  });

  it('belong to one lease', async () => {
    const held = await lease.calls.hold({ task, bytes: bytesOf((index) => index) });
    if (held.stage !== 'matrices') assert.fail(`the stage is ${held.stage}`);
    lease.release();
    lease = await pool.lease(new AbortController().signal);
    await lease.calls.squares({ bytes: bytesOf(() => 1), dtype: 'F64' });
    await assert.rejects(held.spectra(undefined), /at a stage of the layer that is over/);
  });
});
