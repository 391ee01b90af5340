/** The heavy-tailed matrices of `golden/synthetic.json`, made bit for bit by the generator written out there. */
import { loadKernels } from '../../extension/linalg/kernels/loadKernels';

/** x[t+1] = (1664525·x[t] + 1013904223) mod 2³²; values x/2³² − 0.5, the seed itself not emitted. */
export function* uniform(seed: number): Generator<number> {
  for (let state = seed; ;) {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    yield state / 2 ** 32 - 0.5;
  }
}

/** W = (R + (A·g)·Bᵀ)/√cols with g_k = 4·k^−0.75, rounded once to float32; row-major. */
export function syntheticMatrix(rows: number, cols: number, spikes: number, seed: number): Float64Array {
  const stream = (count: number, from: number): Float64Array => {
    const values = uniform(from);
    return Float64Array.from({ length: count }, () => values.next().value as number);
  };
  const R = stream(rows * cols, seed);
  const A = stream(rows * spikes, seed + 1);
  const B = stream(cols * spikes, seed + 2);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < spikes; k++) A[row * spikes + k]! *= 4 * (k + 1) ** -0.75;
  }
  const product = loadKernels().multiply(A, B, rows, cols, spikes, false, true);
  const scale = Math.sqrt(cols);
  return R.map((value, index) => Math.fround((value + product[index]!) / scale));
}
