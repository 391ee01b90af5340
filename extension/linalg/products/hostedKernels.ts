/** Kernels of a thread whose large products another one does. @see ProductHost */
import type { Kernels, ProductHost } from '../kernels/kernels';

/** Multiply-adds from which on the other thread is faster, the way there and back included. */
const LEAST_MULTIPLY_ADDS = 2 ** 23;

/** Kernels whose large products are the host's. */
export function hostedKernels(kernels: Kernels, host: ProductHost): Kernels {
  return {
    ...kernels,
    kind: 'hosted',
    host,
    multiply: (a, b, m, n, k, transA, transB) =>
      (m * n * k < LEAST_MULTIPLY_ADDS ? kernels : host).multiply(a, b, m, n, k, transA, transB),
  };
}
