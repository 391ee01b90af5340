/**
 * A worker that compresses with the products of the main thread: what comes out is what its own kernels find, a cancel is
 * heard while the main thread is at work, and an error there is the layer's.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { StoredLayer } from '../../../extension/compression/compressMatrix';
import type { CompressTask } from '../../../extension/engine/worker/workerCalls';
import { WorkerPool, type WorkerLease } from '../../../extension/engine/worker/workerPool';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import { createMatrixProducts } from '../../../extension/linalg/products/matrixProducts';
import type { MatrixProducts } from '../../../extension/linalg/products/productTypes';
import type { LayerChoice } from '../../../extension/shared/compression/plans';
import { randomMatrix } from '../../harness/numbers/denseReference';
import { repositoryRoot } from '../../harness/shared';

/** Orders from 512 on are solved by products. */
const [OUTPUTS, INPUTS] = [520, 560];
const NEVER = new AbortController().signal;

const w = randomMatrix(OUTPUTS, INPUTS, 5).map((value, at) => value * (1 + (at % INPUTS)) ** -0.5);
const x = randomMatrix(INPUTS, INPUTS + 30, 6);
const gram = loadKernels().multiply(x, x, INPUTS, INPUTS, INPUTS + 30, false, true);

function task(choice: LayerChoice): CompressTask {
  const bytes = new Uint8Array(w.buffer.slice(0));
  const matrix = { layer: 'w', bytes, dtype: 'F64', rows: OUTPUTS, cols: INPUTS } as const;
  const known = { storedBytes: w.byteLength };
  return { matrix, inputsFirst: false, known, choice, statistics: { gram }, dtype: 'F64', form: 'parts' };
}

const CHOICES: readonly LayerChoice[] = [
  { method: 'svd', rank: 40 },
  { method: 'svd-llm', rank: 40 },
  { method: 'lq-lora', rank: 16, bits: 3, rounds: 2 },
];

describe('compression with the products of the main thread', function () {
  this.timeout(120_000);
  let pool: WorkerPool;
  let products: MatrixProducts;

  before(async () => {
    pool = new WorkerPool(1, path.join(repositoryRoot, 'dist', 'worker.js'));
    products = await createMatrixProducts();
  });
  after(async () => {
    await pool.terminate();
    await products.dispose();
  });

  async function leased<T>(
    served: MatrixProducts | undefined,
    work: (lease: WorkerLease) => Promise<T>,
    signal = NEVER,
  ): Promise<T> {
    const lease = await pool.lease(signal);
    try {
      if (served) lease.serve(served);
      return await work(lease);
    } finally {
      lease.release();
    }
  }

  const compressed = (choice: LayerChoice, served?: MatrixProducts): Promise<StoredLayer> =>
    leased(served, (lease) => lease.calls.compressChoice(task(choice)));

  for (const choice of CHOICES) {
    it(`${choice.method} of rank ${choice.rank} is what the worker finds by itself`, async () => {
      let asked = 0;
      const counted: MatrixProducts = {
        ...products,
        multiply: (...product) => {
          asked++;
          return products.multiply(...product);
        },
      };
      const [own, hosted] = [await compressed(choice), await compressed(choice, counted)];
      assert.ok(asked > 0, 'the main thread multiplied');
      const { metric_error: expected } = own.measured;
      const { metric_error: found } = hosted.measured;
      assert.ok(Math.abs(found - expected) <= 1e-8 * expected + 1e-12, `${found}, not ${expected}`);
    });
  }

  it('hears a cancel while the main thread is at work, and is of use afterwards', async () => {
    const abort = new AbortController();
    let asked: () => void;
    const working = new Promise<void>((resolve) => (asked = resolve));
    // Ends only when the lease is cancelled, as onnxruntime's pieces do.
    const slow: MatrixProducts = {
      ...products,
      accumulate: (...product) => {
        asked();
        return new Promise((_, reject) => {
          abort.signal.addEventListener('abort', () => reject(new Error(`given up at ${product.length} operands`)));
        });
      },
    };
    const running = leased(slow, (lease) => lease.calls.compressChoice(task(CHOICES[0]!)), abort.signal);
    await working;
    abort.abort();
    await assert.rejects(running, { name: 'AbortError' });
    const { measured } = await compressed(CHOICES[0]!, products);
    assert.ok(measured.relative_error > 0 && measured.relative_error < 1);
  });

  it('fails with the error of the main thread, and is of use afterwards', async () => {
    const broken: MatrixProducts = { ...products, accumulate: () => Promise.reject(new Error('no memory for C')) };
    await assert.rejects(compressed(CHOICES[0]!, broken), /no memory for C/);
    const { measured } = await compressed(CHOICES[0]!, products);
    assert.ok(measured.relative_error > 0 && measured.relative_error < 1);
  });
});
