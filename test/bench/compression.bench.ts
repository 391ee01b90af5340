/**
 * One layer compressed by `svd` and by `svd-llm`, Cholesky factor included, beside scipy's SVD of the same matrix: in turns,
 * the shortest time of each. scipy takes all singular vectors and keeps the first, as scripts for SVD-LLM do. Ours run in a
 * worker thread with onnxruntime's products on the main thread, as in the engine; EIGENSCOPE_BENCH_KERNELS=1 adds a
 * row of the worker's own kernels alone. A machine that other programs keep busy gets no verdict.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Remote } from '../../extension/engine/worker/remote';
import { WorkerPool } from '../../extension/engine/worker/workerPool';
import { createMatrixProducts } from '../../extension/linalg/products/matrixProducts';
import type { MatrixProducts } from '../../extension/linalg/products/productTypes';
import { DEFAULT_OPTIONS } from '../../extension/shared/compression/methodOptions';
import type { MethodName } from '../../extension/shared/compression/methodTable';
import type { LayerStatistics } from '../../extension/shared/compression/statistics';
import { seededRandom } from '../harness/numbers/denseReference';
import { pythonWith } from '../harness/python';
import { benchTable, type BenchRow } from './benchTable';
import { MachineLoad } from './machineLoad';
import type { MethodCalls } from './methodWorker.main';

const ORDER = Number(process.env['EIGENSCOPE_BENCH_ORDER'] ?? 4096);
const RANK = ORDER / 8;
const ROUNDS = 3;
/** Ours over scipy's, at order 4096. */
const LIMITS: Partial<Record<MethodName, number>> = { svd: 0.25, 'svd-llm': 0.4 };

function normalMatrix(rows: number, cols: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: rows * cols }, () => random() + random() + random() + random());
}

/** scipy's seconds. @param file the matrix */
function scipySvd(python: string, file: string, load: MachineLoad): number {
  const script = `
import sys, time, numpy as np, scipy.linalg
w = np.fromfile(sys.argv[1]).reshape(${ORDER}, ${ORDER})
t = time.perf_counter()
u, s, v = scipy.linalg.svd(w)
left, right = u[:, :${RANK}] * np.sqrt(s[:${RANK}]), np.sqrt(s[:${RANK}, None]) * v[:${RANK}]
print(time.perf_counter() - t, time.process_time())`;
  const { status, stdout, stderr } = spawnSync(python, ['-c', script, file], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const [seconds, processor] = stdout.split(' ').map(Number) as [number, number];
  load.addChild(processor);
  return seconds;
}

async function seconds(
  pool: WorkerPool,
  products: MatrixProducts | undefined,
  method: MethodName,
  w: Float64Array,
  statistics: LayerStatistics,
): Promise<number> {
  const lease = await pool.lease(new AbortController().signal);
  try {
    if (products) lease.serve(products);
    const size = { outputs: ORDER, inputs: ORDER };
    const input = { layer: 'w', w, ...size, rank: RANK, options: DEFAULT_OPTIONS, statistics };
    return await (lease.calls as unknown as Remote<MethodCalls>).time({ method, input });
  } finally {
    lease.release();
  }
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-bench-'));
  const products = await createMatrixProducts();
  const pool = new WorkerPool(1, path.join(__dirname, 'methodWorker.main.js'));
  try {
    const w = normalMatrix(ORDER, ORDER, 1);
    const x = normalMatrix(ORDER, ORDER + 64, 2);
    const gram = await products.multiply(x, x, ORDER, ORDER, ORDER + 64, false, true);
    const python = pythonWith('scipy');
    const file = path.join(folder, 'matrix');
    writeFileSync(file, w);
    const load = new MachineLoad();
    const methods = ['svd', 'svd-llm'] as const;
    const least = { svd: Infinity, 'svd-llm': Infinity, peer: Infinity };
    for (let round = 0; round < ROUNDS; round++) {
      for (const method of methods) {
        const ours = await seconds(pool, products, method, w, method === 'svd' ? {} : { gram });
        least[method] = Math.min(least[method], ours);
      }
      if (python !== undefined) least.peer = Math.min(least.peer, scipySvd(python, file, load));
    }
    const { others, quiet } = load.seen();
    const peer = python === undefined ? undefined : least.peer;
    const rows: BenchRow[] = methods.map((method) => ({
      work: `${method}, ${ORDER} × ${ORDER}, rank ${RANK}`,
      ours: least[method],
      ...(peer !== undefined && { peer }),
      bounds: 'ratio',
      ...(LIMITS[method] !== undefined && { limit: LIMITS[method] }),
      busy: !quiet,
      note:
        (peer === undefined ? 'no Python with scipy here' : 'peer: scipy.linalg.svd and a slice') +
        `; others took ${(100 * others).toFixed(0)} % of the processors`,
    }));
    if (process.env['EIGENSCOPE_BENCH_KERNELS'] !== undefined) {
      rows.push({
        work: `svd by the kernels of one thread`,
        ours: await seconds(pool, undefined, 'svd', w, {}),
        ...(peer !== undefined && { peer }),
        bounds: 'ratio',
        note: 'platforms without onnxruntime',
      });
    }
    process.stdout.write(benchTable(`Compression of one layer (products: ${products.device.provider})`, rows));
  } finally {
    await pool.terminate();
    await products.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
