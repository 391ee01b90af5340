/**
 * The eigensolver beside LAPACK's through scipy, on the same matrices in the same run: singular values of a float32 matrix as a
 * user of WeightWatcher gets them, against our Gram matrix and eigenvalues; how far that is from what the products alone would
 * take; how it grows; and many small matrices, as FARMS and convolutions ask for.
 *
 * `--quick` leaves out what takes minutes (the rectangular matrices and order 8192).
 */
import { widenPart } from '../../extension/engine/worker/widenElements';
import { CHUNK_BYTES } from '../../extension/engine/layer/layerInput';
import { bandEigenvalues } from '../../extension/linalg/eigen/bandEigenvalues';
import { reduceToBandMatrix } from '../../extension/linalg/eigen/bandReduction';
import { gram } from '../../extension/linalg/gram/gram';
import { loadKernels } from '../../extension/linalg/kernels/loadKernels';
import { createMatrixProducts } from '../../extension/linalg/products/matrixProducts';
import { symmetricEigenvalues } from '../../extension/linalg/eigen/symmetricEigenvalues';
import { topEigenvectors } from '../../extension/linalg/eigen/symmetricEigenvectors';
import { SymmetricSlabs } from '../../extension/linalg/gram/symmetricSlabs';
import type { MatrixProducts } from '../../extension/linalg/products/productTypes';
import { seededRandom } from '../harness/numbers/denseReference';
import { benchTable, median, type BenchRow } from './benchTable';
import { askLapack, eigenvalueErrors } from './lapackPeer';

/** Many small matrices are timed together. */
const SMALL_COUNT = 500;

/** Repeats for large matrices, ours and the peer's. */
const REPEATS = 3;

/** Limits of the square matrices: ours over scipy's svdvals. */
const SQUARE = [
  [1024, 2],
  [2048, 1],
  [4096, 0.75],
] as const;
const RECTANGULAR = [
  [4096, 11008, 0.5],
  [32000, 4096, 0.5],
] as const;
/** Ours over (n²·m + 4/3·n³) operations at the measured rate of products. */
const LIMIT_OF_PRODUCTS = 4;
const GROWTH = [512, 1024, 2048, 4096, 8192];
const MAX_EXPONENT = 3.1;
const MAX_VALUES = 4;

/** Entries with a heavy tail, as trained weights have. */
function heavyTailed(rows: number, cols: number): Float32Array {
  const random = seededRandom(rows + cols);
  const x = new Float32Array(rows * cols);
  for (let i = 0; i < x.length; i++) {
    const u = random();
    x[i] = Math.sign(u) * (1 - 2 * Math.abs(u) + 1e-6) ** -0.3;
  }
  return x;
}

async function seconds(repeats: number, work: () => void | Promise<void>): Promise<number> {
  const runs: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const started = performance.now();
    await work();
    runs.push((performance.now() - started) / 1000);
  }
  return median(runs);
}

/** All eigenvalues of the Gram matrix of a float32 matrix, widened on the way as the engine does. */
async function allEigenvalues(
  x: Float32Array,
  rows: number,
  cols: number,
  products: MatrixProducts,
): Promise<Float64Array> {
  const [side, long] = [Math.min(rows, cols), Math.max(rows, cols)];
  const slabs = new SymmetricSlabs(side);
  const step = Math.max(1, Math.floor(CHUNK_BYTES / (8 * side)));
  const bytes = new Uint8Array(x.buffer, x.byteOffset, x.byteLength);
  // In the same array each time: fresh memory costs more time than the products.
  const into = new Float64Array(side * Math.min(step, long));
  for (let start = 0; start < long; start += step) {
    const count = Math.min(step, long - start);
    const tall = rows > cols;
    const part = tall ? { row: start, col: 0, rows: count, cols } : { row: 0, col: start, rows, cols: count };
    await slabs.addGram(products, widenPart(bytes, 'F32', cols, part, tall, into), count);
  }
  return bandEigenvalues(await reduceToBandMatrix(slabs, { products, kernels: loadKernels() }));
}

async function large(rows: number, cols: number, limit: number, products: MatrixProducts): Promise<BenchRow[]> {
  const x = heavyTailed(rows, cols);
  let eigenvalues: Float64Array = new Float64Array(0);
  const ours = await seconds(REPEATS, async () => {
    eigenvalues = await allEigenvalues(x, rows, cols, products);
  });
  const work = `eigenvalues, one ${rows} × ${cols}`;
  const answer = askLapack(x, rows, cols, { count: 1, repeats: REPEATS, values: rows === cols });
  if (!answer) return [{ work, ours, bounds: 'ratio', limit, note: 'no python3 with scipy here' }];
  const errors = rows === cols && eigenvalueErrors(eigenvalues, answer.singularValues);
  const accuracy = errors ? `; upper half within ${errors.upperHalf.toExponential(1)}` : '';
  return [
    { work, ours, peer: answer.svdvals, bounds: 'ratio', limit, note: `peer: scipy svdvals${accuracy}` },
    { work, ours, peer: answer.gramEigvalsh, bounds: 'ratio', note: 'peer: float32 Gram + eigvalsh (stretch)' },
  ];
}

async function small(n: number): Promise<BenchRow> {
  const x = heavyTailed(n, n);
  const wide = Float64Array.from(x);
  let eigenvalues: Float64Array = new Float64Array(0);
  const ours = await seconds(3, () => {
    for (let i = 0; i < SMALL_COUNT; i++) eigenvalues = symmetricEigenvalues(gram(wide, n, n).matrix, n);
  });
  const work = `eigenvalues, ${SMALL_COUNT} of ${n} × ${n}`;
  const answer = askLapack(x, n, n, { count: SMALL_COUNT, repeats: 3, values: true });
  if (!answer) return { work, ours, bounds: 'ratio', note: 'no python3 with scipy here' };
  const { upperHalf } = eigenvalueErrors(eigenvalues, answer.singularValues);
  const note = `peer: scipy svdvals; upper half within ${upperHalf.toExponential(1)}`;
  return { work, ours, peer: answer.svdvals, bounds: 'ratio', note };
}

/** One matrix by one thread's one-stage kernels and by two stages: which is faster from where. */
async function crossover(n: number, products: MatrixProducts): Promise<BenchRow> {
  const x = heavyTailed(n, n);
  const wide = Float64Array.from(x);
  const oneStage = await seconds(5, () => {
    symmetricEigenvalues(gram(wide, n, n).matrix, n);
  });
  const ours = await seconds(5, async () => {
    await allEigenvalues(x, n, n, products);
  });
  return { work: `two stages, ${n} × ${n}`, ours, peer: oneStage, bounds: 'ratio', note: 'peer: our one-stage kernel' };
}

async function vectors(n: number, k: number): Promise<BenchRow> {
  const { matrix } = gram(Float64Array.from(heavyTailed(n, n)), n, n);
  const ours = await seconds(3, () => {
    topEigenvectors(matrix.slice(), n, k);
  });
  return { work: `${k} eigenvectors of ${n} × ${n}`, ours, bounds: 'value' };
}

/** Operations a second of large products, each multiply-add counted as two. */
async function productRate(products: MatrixProducts): Promise<number> {
  const n = 2048;
  const a = Float64Array.from(heavyTailed(n, n));
  const c = new Float64Array(n * n);
  return (2 * n ** 3) / (await seconds(5, () => products.accumulate(c, a, a, n, n, n, false, true)));
}

async function growth(orders: readonly number[], products: MatrixProducts): Promise<BenchRow[]> {
  const rate = await productRate(products);
  const points: { n: number; time: number }[] = [];
  let values = 0;
  for (const n of orders) {
    const x = heavyTailed(n, n);
    const before = process.memoryUsage().rss;
    const time = await seconds(n > 2048 ? 1 : 3, async () => {
      await allEigenvalues(x, n, n, products);
    });
    points.push({ n, time });
    values = (process.resourceUsage().maxRSS * 1024 - before) / 8 / n ** 2;
  }
  const { n: largest } = points.at(-1)!;
  const at4096 = points.find(({ n }) => n === 4096)!;
  const ideal = (4096 ** 3 + (4 / 3) * 4096 ** 3) / rate;
  return [
    {
      work: 'distance to the limit at 4096',
      ours: at4096.time,
      peer: ideal,
      bounds: 'ratio',
      limit: LIMIT_OF_PRODUCTS,
      note: `peer: n²·m + 4/3·n³ operations at ${(rate / 1e9).toFixed(0)} GFLOP/s, the products' float64 rate`,
    },
    {
      work: `growth of time, ${orders[0]!} … ${largest}`,
      ours: exponent(points),
      bounds: 'value',
      limit: MAX_EXPONENT,
      unit: '',
      note: points.map(({ n, time }) => `${n}: ${time.toPrecision(3)} s`).join(', '),
    },
    { work: `memory at ${largest}`, ours: values, bounds: 'value', limit: MAX_VALUES, unit: 'n² values' },
  ];
}

/** Slope of the least-squares line through log time over log n. */
function exponent(points: readonly { n: number; time: number }[]): number {
  const xs = points.map(({ n }) => Math.log(n));
  const ys = points.map(({ time }) => Math.log(time));
  const mean = (all: number[]): number => all.reduce((sum, value) => sum + value, 0) / all.length;
  const [mx, my] = [mean(xs), mean(ys)];
  const covariance = xs.reduce((sum, x, i) => sum + (x - mx) * (ys[i]! - my), 0);
  return covariance / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
}

async function main(): Promise<void> {
  const quick = process.argv.includes('--quick');
  const products = await createMatrixProducts();
  try {
    const rows: BenchRow[] = [];
    rows.push(...(await growth(quick ? GROWTH.slice(0, -1) : GROWTH, products)));
    for (const n of [16, 64, 256]) rows.push(await small(n));
    for (const n of [256, 384, 512, 768]) rows.push(await crossover(n, products));
    for (const [n, limit] of SQUARE) rows.push(...(await large(n, n, limit, products)));
    if (!quick) for (const [m, n, limit] of RECTANGULAR) rows.push(...(await large(m, n, limit, products)));
    rows.push(await vectors(1024, 256));
    const { provider, precision, threads } = products.device;
    process.stdout.write(benchTable(`Eigenvalues (products: ${precision} ${provider}, ${threads} threads)`, rows));
  } finally {
    await products.dispose();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
