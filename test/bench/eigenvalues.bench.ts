/**
 * The eigensolver beside LAPACK's through scipy, on the same matrices in the same run: singular values of a float32 matrix as a
 * user of WeightWatcher gets them, against our Gram matrix and eigenvalues; and many small ones, as FARMS and
 * convolutions ask for.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gram } from '../../extension/linalg/gram';
import { bandEigenvalues } from '../../extension/linalg/bandEigenvalues';
import { reduceToBand } from '../../extension/linalg/bandReduction';
import { loadKernels } from '../../extension/linalg/kernels';
import { SymmetricSlabs } from '../../extension/linalg/symmetricSlabs';
import { createMatrixProducts, type MatrixProducts } from '../../extension/linalg/matrixProducts';
import { symmetricEigenvalues } from '../../extension/linalg/symmetricEigenvalues';
import { topEigenvectors } from '../../extension/linalg/symmetricEigenvectors';
import { seededRandom } from '../harness/denseReference';
import { benchTable, median, type BenchRow } from './benchTable';

const REPEATS = 3;
/** Many small matrices are timed together. */
const SMALL_COUNT = 500;

/** Entries with a heavy tail, as trained weights have. */
function heavyTailed(rows: number, cols: number): Float32Array {
  const random = seededRandom(rows + cols);
  return Float32Array.from({ length: rows * cols }, () => {
    const u = random();
    return Math.sign(u) * (1 - 2 * Math.abs(u) + 1e-6) ** -0.3;
  });
}

async function seconds(work: () => void | Promise<void>): Promise<number> {
  const runs: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const started = performance.now();
    await work();
    runs.push((performance.now() - started) / 1000);
  }
  return median(runs);
}

interface Peer {
  seconds: number;
  singularValues: number[];
}

/** scipy's seconds for `count` runs, and the singular values; undefined without python3 and scipy. */
function scipySvdvals(x: Float32Array, n: number, count: number, folder: string): Peer | undefined {
  const file = path.join(folder, 'matrix');
  writeFileSync(file, x);
  const script = `
import sys, time, statistics, json, numpy as np
from scipy.linalg import svdvals
w = np.fromfile(sys.argv[1], dtype=np.float32).reshape(${n}, ${n})
times = []
for _ in range(${REPEATS}):
    t = time.perf_counter()
    for _ in range(${count}): svdvals(w)
    times.append(time.perf_counter() - t)
print(json.dumps({'seconds': statistics.median(times), 'singularValues': svdvals(w.astype(np.float64)).tolist()}))`;
  for (const python of ['/usr/bin/python3', 'python3']) {
    const { status, stdout } = spawnSync(python, ['-c', script, file], { encoding: 'utf8', maxBuffer: 1 << 28 });
    if (status === 0) return JSON.parse(stdout) as Peer;
  }
  return undefined;
}

/** Largest relative error of the upper half of the eigenvalues against scipy's float64 singular values. */
function upperHalfError(eigenvalues: Float64Array, singularValues: number[]): number {
  const n = eigenvalues.length;
  let worst = 0;
  for (let i = 0; i < n / 2; i++)
    worst = Math.max(worst, Math.abs(eigenvalues[n - 1 - i]! / singularValues[i]! ** 2 - 1));
  return worst;
}

async function large(n: number, products: MatrixProducts, folder: string): Promise<BenchRow> {
  const x = heavyTailed(n, n);
  let eigenvalues = new Float64Array(0);
  const ours = await seconds(async () => {
    const gram = new SymmetricSlabs(n);
    await gram.addGram(products, Float64Array.from(x), n);
    eigenvalues = Float64Array.from(bandEigenvalues(await reduceToBand(gram, { products, kernels: loadKernels() })));
  });
  return row(`eigenvalues, one ${n} × ${n}`, ours, scipySvdvals(x, n, 1, folder), eigenvalues);
}

async function small(n: number, folder: string): Promise<BenchRow> {
  const x = heavyTailed(n, n);
  const wide = Float64Array.from(x);
  let eigenvalues = new Float64Array(0);
  const ours = await seconds(() => {
    for (let i = 0; i < SMALL_COUNT; i++) {
      const { matrix } = gram(wide, n, n);
      eigenvalues = Float64Array.from(symmetricEigenvalues(matrix, n));
    }
  });
  return row(`eigenvalues, ${SMALL_COUNT} of ${n} × ${n}`, ours, scipySvdvals(x, n, SMALL_COUNT, folder), eigenvalues);
}

function row(work: string, ours: number, peer: Peer | undefined, eigenvalues: Float64Array): BenchRow {
  if (!peer) return { work, ours, bounds: 'ratio', limit: 3, note: 'no python3 with scipy here' };
  const error = upperHalfError(eigenvalues, peer.singularValues);
  const note = `peer: scipy svdvals; upper half within ${error.toExponential(1)}`;
  return { work, ours, peer: peer.seconds, bounds: 'ratio', limit: 3, note };
}

async function vectors(n: number, k: number): Promise<BenchRow> {
  const { matrix } = gram(Float64Array.from(heavyTailed(n, n)), n, n);
  const ours = await seconds(() => {
    topEigenvectors(matrix.slice(), n, k);
  });
  return { work: `${k} eigenvectors of ${n} × ${n}`, ours, bounds: 'value' };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-bench-'));
  const products = await createMatrixProducts();
  try {
    const rows: BenchRow[] = [];
    for (const n of [16, 64]) rows.push(await small(n, folder));
    for (const n of [512, 1024, 2048]) rows.push(await large(n, products, folder));
    rows.push(await vectors(1024, 256));
    const { provider, precision, threads } = products.device;
    process.stdout.write(benchTable(`Eigenvalues (products: ${precision} ${provider}, ${threads} threads)`, rows));
  } finally {
    await products.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
