/**
 * How far our eigenvalues are from float64 LAPACK's squared singular values, by either route, on matrices that are hard in
 * different ways. The tests hold the same bounds against closed forms and Jacobi rotations.
 */
import path from 'node:path';
import { openModel } from '../../extension/checkpoint/openModel';
import { widen } from '../../extension/checkpoint/elements/dtype';
import { bandEigenvalues } from '../../extension/linalg/eigen/bandEigenvalues';
import { reduceToBandMatrix } from '../../extension/linalg/eigen/bandReduction';
import { loadKernels } from '../../extension/linalg/kernels/loadKernels';
import type { MatrixProducts } from '../../extension/linalg/products/productTypes';
import { deflatedEigenvalues } from '../../extension/linalg/singular/deflation';
import { gram } from '../../extension/linalg/gram/gram';
import { createMatrixProducts } from '../../extension/linalg/products/matrixProducts';
import { uncertainBelow } from '../../extension/linalg/gram/precisionPolicy';
import { symmetricEigenvalues } from '../../extension/linalg/eigen/symmetricEigenvalues';
import { SymmetricSlabs } from '../../extension/linalg/gram/symmetricSlabs';
import { naiveProduct, randomMatrix, withSpectrum } from '../harness/numbers/denseReference';
import { sharedFolder } from '../harness/shared';
import { benchTable, type BenchRow } from './benchTable';
import { askLapack, eigenvalueErrors } from './lapackPeer';
import { transpose } from '../../extension/linalg/kernels/transpose';

const ORDER = 500;
/** Limit of the accuracy policy: upper half relative to each value, all relative to the largest. */
const LIMIT = 1e-6;

interface Case {
  name: string;
  x: Float64Array;
  rows: number;
  cols: number;
  /** If most of the upper half lies below what a Gram matrix resolves, its relative error means nothing. */
  resolved: boolean;
}

function made(name: string, x: Float64Array, resolved = true): Case {
  return { name, x, rows: ORDER, cols: ORDER, resolved };
}

function cases(): Case[] {
  const spectrum = (value: (i: number) => number): Float64Array =>
    withSpectrum(
      Float64Array.from({ length: ORDER }, (_, i) => value(i)),
      5,
    );
  const thin = (k: number): Float64Array =>
    naiveProduct(randomMatrix(ORDER, k, 1), randomMatrix(k, ORDER, 2), ORDER, ORDER, k);
  return [
    made('random', randomMatrix(ORDER, ORDER, 3)),
    made('low rank (20)', thin(20), false),
    made(
      'σ₁/σ_M = 1e12',
      spectrum((i) => 10 ** ((-12 * i) / (ORDER - 1))),
    ),
    made(
      'clustered',
      spectrum((i) => 1 + (i % 3) + 1e-13 * i),
    ),
    made('zero', new Float64Array(ORDER * ORDER)),
    made('rank 1', thin(1), false),
    { name: 'tall random', x: randomMatrix(2000, 300, 4), rows: 2000, cols: 300, resolved: true },
  ];
}

async function realCases(): Promise<Case[]> {
  if (!sharedFolder) return [];
  const checkpoint = await openModel(path.join(sharedFolder, 'checkpoints/use-lite-sharded-derived'));
  try {
    const matrices = checkpoint.tensors.filter(({ shape }) => shape.length === 2 && Math.min(...shape) >= 256);
    const found: Case[] = [];
    for (const tensor of matrices.slice(0, 3)) {
      const [rows, cols] = tensor.shape as [number, number];
      const x = widen(await checkpoint.read(tensor), tensor.dtype);
      found.push({ name: `real: ${tensor.name.split('/').slice(-2).join('/')}`, x, rows, cols, resolved: true });
    }
    return found;
  } finally {
    await checkpoint.close();
  }
}

async function twoStage(x: Float64Array, rows: number, cols: number, products: MatrixProducts): Promise<Float64Array> {
  const kernels = loadKernels();
  const side = Math.min(rows, cols);
  const slabs = new SymmetricSlabs(side);
  await slabs.addGram(products, rows > cols ? transpose(x, rows, cols) : x, Math.max(rows, cols));
  return bandEigenvalues(await reduceToBandMatrix(slabs, { products, kernels }));
}

async function main(): Promise<void> {
  const products = await createMatrixProducts();
  const rows: BenchRow[] = [];
  try {
    for (const { name, x, rows: m, cols, resolved } of [...cases(), ...(await realCases())]) {
      const answer = askLapack(x, m, cols, { count: 0, repeats: 0, values: true });
      if (!answer) {
        process.stdout.write('Accuracy of eigenvalues: no python3 with scipy here to compare with\n');
        return;
      }
      const { matrix, n } = gram(x, m, cols);
      for (const [route, found] of [
        ['one stage', symmetricEigenvalues(matrix, n)],
        ['two stages', await twoStage(x, m, cols, products)],
      ] as const) {
        // As the engine does with held matrices.
        const uncertain = uncertainBelow(found) !== undefined;
        const eigenvalues = uncertain ? deflatedEigenvalues(x.slice(), m, cols, found) : found;
        const { upperHalf, all } = eigenvalueErrors(eigenvalues, answer.singularValues);
        const shape = `${name}, ${m} × ${cols}, ${route}${uncertain ? ', deflated' : ''}`;
        const note = resolved ? `upper half within ${upperHalf.toExponential(1)}` : 'upper half: zeros';
        rows.push({ work: `${shape}: all, of λ₁`, ours: all, bounds: 'value', limit: LIMIT, unit: '', note });
        if (resolved) {
          rows.push({ work: `${shape}: upper half`, ours: upperHalf, bounds: 'value', limit: LIMIT, unit: '' });
        }
      }
    }
    process.stdout.write(benchTable('Accuracy of eigenvalues (peer: float64 LAPACK svdvals)', rows));
  } finally {
    await products.dispose();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
