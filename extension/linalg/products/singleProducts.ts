/**
 * Products of a float32 matrix with a few vectors: onnxruntime's, at twice the speed of float64 and half the memory; else the
 * float64 kernels', a piece at a time. For estimates only: spectra are made in float64.
 */
import { loadKernels } from '../kernels/loadKernels';
import { productModel } from './onnxGraph';
import { loadOnnxruntime, openSession } from './onnxSession';

/** Row-major float32 C (m×n) = op(A)·op(B), as `Multiply` has it. */
export type MultiplySingle = (
  a: Float32Array,
  b: Float32Array,
  m: number,
  n: number,
  k: number,
  transA: boolean,
  transB: boolean,
) => Promise<Float32Array>;

export interface SingleProducts {
  provider: 'cpu' | 'wasm';
  multiply: MultiplySingle;
  dispose(): Promise<void>;
}

/** @throws Error where onnxruntime cannot be loaded; the products reject where it refuses the graph */
export async function openSingleProducts(): Promise<SingleProducts> {
  const onnxruntime = await loadOnnxruntime();
  const sessions = new Map<string, ReturnType<typeof openSession>>();
  const session = (transA: boolean, transB: boolean): ReturnType<typeof openSession> => {
    const key = `${transA} ${transB}`;
    let opening = sessions.get(key);
    if (!opening) {
      opening = openSession(productModel({ precision: 'float32', transA, transB, accumulate: false }), 'cpu');
      sessions.set(key, opening);
    }
    return opening;
  };
  return {
    provider: 'cpu',
    multiply: async (a, b, m, n, k, transA, transB) => {
      const { Y } = await (
        await session(transA, transB)
      ).run({
        A: new onnxruntime.Tensor('float32', a, transA ? [k, m] : [m, k]),
        B: new onnxruntime.Tensor('float32', b, transB ? [n, k] : [k, n]),
      });
      if (!(Y?.data instanceof Float32Array)) throw new Error('onnxruntime returned no float32 product');
      return Y.data;
    },
    dispose: async () => {
      const opened = await Promise.allSettled(sessions.values());
      sessions.clear();
      for (const each of opened) if (each.status === 'fulfilled') await each.value.release();
    },
  };
}

/** Products of this thread's kernels. */
export function kernelSingleProducts(): SingleProducts {
  const kernels = loadKernels();
  return {
    provider: 'wasm',
    multiply: (a, b, m, n, k, transA, transB) =>
      Promise.resolve(
        Float32Array.from(kernels.multiply(Float64Array.from(a), Float64Array.from(b), m, n, k, transA, transB)),
      ),
    dispose: () => Promise.resolve(),
  };
}
