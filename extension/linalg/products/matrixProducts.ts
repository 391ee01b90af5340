/**
 * Float64 matrix products on the engine's main thread: onnxruntime on the CPU where it loads and proves itself on a
 * small problem, else this thread's own kernels.
 */
import type { DeviceInfo } from '../../shared/devices';
import { type Kernels } from '../kernels/kernels';
import { loadKernels } from '../kernels/loadKernels';
import { openOnnxProducts } from './onnxProducts';
import { accumulateInPieces, inPieces } from './productPieces';
import type { Multiply, Accumulate, MatrixProducts, OpenedProducts } from './productTypes';
import { shortReason } from './shortReason';

/**
 * Multiply-adds of one piece: some 30 ms at 60 GFLOP/s on onnxruntime, 100 ms at 10 GFLOP/s on the kernels. Onnxruntime
 * packs the second matrix anew for each piece: shorter ones are slower.
 */
const PIECE_MULTIPLY_ADDS = { onnxruntime: 1e9, kernels: 5e8 };

/** Order of the problem a provider must solve before it is used; no multiple of any block size. */
const CHECK_SIZE = 67;
/** Rounding of sums of 67 products of numbers below 1 stays a hundred times below this. */
const CHECK_TOLERANCE = 1e-12;

/**
 * Onnxruntime's products where it loads and its answers are right, else the kernels', with the reason in `device.refused`.
 *
 * @param open opens onnxruntime
 * @throws WebAssembly.CompileError where the runtime cannot compile the kernels
 */
export async function createMatrixProducts(
  open: () => Promise<OpenedProducts> = openOnnxProducts,
): Promise<MatrixProducts> {
  try {
    const opened = await checked(open);
    return {
      device: { provider: 'cpu', precision: 'float64', refused: [], threads: opened.threads },
      multiply: inPieces(opened.multiply, opened.accumulate, PIECE_MULTIPLY_ADDS.onnxruntime),
      accumulate: accumulateInPieces(opened.accumulate, PIECE_MULTIPLY_ADDS.onnxruntime),
      dispose: opened.release,
    };
  } catch (error) {
    return kernelProducts(loadKernels(), [{ provider: 'cpu', reason: `onnxruntime: ${messageOf(error)}` }]);
  }
}

/** @throws Error if onnxruntime cannot be opened or its answers are wrong; it is released then */
export async function checked(open: () => Promise<OpenedProducts>): Promise<OpenedProducts> {
  const opened = await open();
  try {
    await checkProducts(opened);
    return opened;
  } catch (error) {
    const problems = [error];
    await opened.release().catch((problem: unknown) => problems.push(problem));
    throw new Error(problems.map(messageOf).join('; then '), { cause: error });
  }
}

function messageOf(problem: unknown): string {
  return shortReason(problem instanceof Error ? problem.message : String(problem));
}

/** A real product in every orientation against the kernels'. @throws Error where it is wrong */
async function checkProducts({ multiply, accumulate }: OpenedProducts): Promise<void> {
  const n = CHECK_SIZE;
  const a = Float64Array.from({ length: n * n }, (_, i) => Math.sin(i));
  const b = Float64Array.from({ length: n * n }, (_, i) => Math.cos(3 * i));
  for (const transA of [false, true]) {
    for (const transB of [false, true]) {
      const expected = loadKernels().multiply(a, b, n, n, n, transA, transB);
      const product = await multiply(a, b, n, n, n, transA, transB);
      const sum = a.slice();
      await accumulate(sum, a, b, n, n, n, transA, transB);
      const worst = expected.reduce(
        (largest, value, i) => Math.max(largest, Math.abs(value - product[i]!), Math.abs(a[i]! + value - sum[i]!)),
        0,
      );
      if (!(worst <= CHECK_TOLERANCE)) throw new Error(`its float64 product is wrong by ${worst}`);
    }
  }
}

/** Products by the project's own kernels. */
export function kernelProducts(kernels: Kernels, refused: DeviceInfo['refused'] = []): MatrixProducts {
  const multiply: Multiply = (a, b, m, n, k, transA, transB) =>
    Promise.resolve(kernels.multiply(a, b, m, n, k, transA, transB));
  const accumulate: Accumulate = (c, ...product) => {
    const added = kernels.multiply(...product);
    for (let i = 0; i < added.length; i++) c[i] = c[i]! + added[i]!;
    return Promise.resolve();
  };
  return {
    device: { provider: kernels.kind, precision: 'float64', refused, threads: 1 },
    multiply: inPieces(multiply, accumulate, PIECE_MULTIPLY_ADDS.kernels),
    accumulate: accumulateInPieces(accumulate, PIECE_MULTIPLY_ADDS.kernels),
    dispose: () => Promise.resolve(),
  };
}
