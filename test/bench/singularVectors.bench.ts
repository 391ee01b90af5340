/**
 * Singular vectors: the largest ten, and the directions of a truncated SVD, by block Krylov beside the way through the
 * whole Gram matrix, and beside ARPACK through scipy, on the same matrices in the same run. From these numbers come the
 * limits in `compression/leadingDirections.ts` and `linalg/singularTriplets.ts`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fewDirections, leadingDirections } from '../../extension/compression/leadingDirections';
import { truncatedSvd } from '../../extension/compression/truncatedSvd';
import { loadKernels } from '../../extension/linalg/kernels/loadKernels';
import type { MatrixProducts } from '../../extension/linalg/products/productTypes';
import { heldBands } from '../../extension/linalg/singular/rowBandProducts';
import { createMatrixProducts } from '../../extension/linalg/products/matrixProducts';
import { topTriplets } from '../../extension/linalg/singular/singularTriplets';
import { topEigenvectors } from '../../extension/linalg/eigen/symmetricEigenvectors';
import { symmetricEigenvalues } from '../../extension/linalg/eigen/symmetricEigenvalues';
import { seededRandom } from '../harness/numbers/denseReference';
import { benchTable, median, type BenchRow } from './benchTable';

const REPEATS = 3;
const TRIPLETS = 10;
const kernels = loadKernels();
const solve = (matrix: Float64Array, n: number, k: number) => Promise.resolve(topEigenvectors(matrix, n, k));

const MATRICES = {
  /** No structure at all: the σ at the edge lie closest together, the worst case. */
  random: () => 1,
  /** σ that fall by a power law, as those of trained weights do. */
  graded: (col: number) => (1 + col) ** -0.35,
} as const;

function made(kind: keyof typeof MATRICES, rows: number, cols: number): Float64Array {
  const random = seededRandom(rows + cols);
  const size = MATRICES[kind];
  return Float64Array.from({ length: rows * cols }, (_, i) => (random() + random() + random()) * size(i % cols));
}

async function seconds(work: () => unknown): Promise<number> {
  const runs: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const started = performance.now();
    await work();
    runs.push((performance.now() - started) / 1000);
  }
  return median(runs);
}

/** scipy's seconds for the k largest triplets by ARPACK to the same tolerance; undefined without python3 and scipy. */
function scipySvds(w: Float64Array, rows: number, cols: number, k: number, folder: string): number | undefined {
  const file = path.join(folder, 'matrix');
  writeFileSync(file, w);
  const script = `
import sys, time, statistics, numpy as np
from scipy.sparse.linalg import svds
w = np.fromfile(sys.argv[1]).reshape(${rows}, ${cols})
times = []
for _ in range(${REPEATS}):
    t = time.perf_counter(); svds(w, k=${k}, tol=1e-9, random_state=1); times.append(time.perf_counter() - t)
print(statistics.median(times))`;
  for (const python of ['/usr/bin/python3', 'python3']) {
    const { status, stdout } = spawnSync(python, ['-c', script, file], { encoding: 'utf8' });
    if (status === 0) return Number(stdout);
  }
  return undefined;
}

async function triplets(
  kind: keyof typeof MATRICES,
  rows: number,
  cols: number,
  products: MatrixProducts,
  folder: string,
): Promise<BenchRow> {
  const w = made(kind, rows, cols);
  let worst = 0;
  const ours = await seconds(async () => {
    const tools = { products, solve };
    const { residuals, singularValues } = await topTriplets(heldBands(w, rows, cols), TRIPLETS, tools, {
      tolerance: 1e-9,
      capacity: 1024,
    });
    worst = Math.max(...residuals) / singularValues[0]!;
  });
  const peer = scipySvds(w, rows, cols, TRIPLETS, folder);
  return {
    work: `${TRIPLETS} largest triplets, ${kind} ${rows} × ${cols}`,
    ours,
    ...(peer !== undefined && { peer }),
    bounds: 'ratio',
    note: `${peer === undefined ? 'no python3 with scipy here' : 'peer: scipy svds'}; residual ${worst.toExponential(1)}·σ₁`,
  };
}

/** The whole way against the few directions: both end in the two factors. */
async function truncated(
  kind: keyof typeof MATRICES,
  n: number,
  rank: number,
  products: MatrixProducts,
): Promise<BenchRow> {
  const w = made(kind, n, n);
  let directions: Float64Array | undefined;
  let kept = 0;
  const ours = await seconds(async () => {
    directions = await leadingDirections(heldBands(w, n, n), rank, { products, solve });
    const { singularValues } = truncatedSvd(w, n, n, rank, { kernels }, directions);
    kept = singularValues.reduceRight((sum, sigma) => sum + sigma * sigma, 0);
  });
  const peer = await seconds(() => truncatedSvd(w, n, n, rank, { kernels }));
  const lambda = symmetricEigenvalues(kernels.gram(w, n, n, 'columns'), n);
  const total = w.reduce((sum, x) => sum + x * x, 0);
  const optimal = lambda.subarray(0, n - rank).reduce((sum, value) => sum + value, 0);
  const excess = Math.sqrt((total - kept) / optimal) - 1;
  return {
    work: `truncated SVD, ${kind} ${n}, rank ${rank}`,
    ours,
    peer,
    bounds: 'ratio',
    // Elsewhere the whole spectrum is taken, and the row says why.
    ...(fewDirections(n, n, rank) && { limit: 1 }),
    note: `peer: the whole spectrum; error above the optimum by ${excess.toExponential(1)}${directions ? '' : '; gave up'}`,
  };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-bench-'));
  const products = await createMatrixProducts();
  try {
    const rows: BenchRow[] = [];
    for (const kind of ['random', 'graded'] as const) {
      for (const [height, width] of [
        [1024, 1024],
        [2048, 2048],
        [4096, 4096],
        [32_000, 1024],
      ] as const) {
        rows.push(await triplets(kind, height, width, products, folder));
      }
      for (const [n, rank] of [
        [1024, 16],
        [1024, 64],
        [2048, 32],
        [2048, 128],
        [2048, 256],
      ] as const) {
        rows.push(await truncated(kind, n, rank, products));
      }
    }
    const { provider, precision, threads } = products.device;
    process.stdout.write(benchTable(`Singular vectors (products: ${precision} ${provider}, ${threads} threads)`, rows));
  } finally {
    await products.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
