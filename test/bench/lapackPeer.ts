/** LAPACK through scipy, on the same matrices in the same run. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface LapackAnswer {
  /** Median seconds of `count` calls of float32 `svdvals`, what a user of WeightWatcher waits for. */
  svdvals: number;
  /** The same for a float32 Gram matrix and `eigvalsh`, the fastest way known. */
  gramEigvalsh: number;
  /** Descending, by float64 `svdvals`; empty unless asked for. */
  singularValues: number[];
}

export interface LapackQuestion {
  count: number;
  repeats: number;
  /** Also the float64 values, to compare with. */
  values: boolean;
}

const SCRIPT = `
import sys, time, statistics, json, numpy as np
from scipy.linalg import svdvals, eigvalsh
file, dtype, rows, cols, count, repeats, values = sys.argv[1:]
w = np.fromfile(file, dtype=dtype).reshape(int(rows), int(cols))
f = w.astype(np.float32)
def seconds(work):
    times = []
    for _ in range(int(repeats)):
        t = time.perf_counter()
        for _ in range(int(count)): work()
        times.append(time.perf_counter() - t)
    return statistics.median(times)
gram = (lambda: eigvalsh(f @ f.T)) if f.shape[0] <= f.shape[1] else (lambda: eigvalsh(f.T @ f))
print(json.dumps({
    'svdvals': seconds(lambda: svdvals(f)) if int(repeats) else 0,
    'gramEigvalsh': seconds(gram) if int(repeats) else 0,
    'singularValues': svdvals(w.astype(np.float64)).tolist() if values == 'true' else [],
}))`;

/** Undefined without python3 and scipy. */
export function askLapack(
  x: Float32Array | Float64Array,
  rows: number,
  cols: number,
  { count, repeats, values }: LapackQuestion,
): LapackAnswer | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-bench-'));
  try {
    const file = path.join(folder, 'matrix');
    writeFileSync(file, x);
    const type = x instanceof Float32Array ? 'float32' : 'float64';
    const args = [file, type, ...[rows, cols, count, repeats, values].map(String)];
    for (const python of ['/usr/bin/python3', 'python3']) {
      const { status, stdout } = spawnSync(python, ['-c', SCRIPT, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
      if (status === 0) return JSON.parse(stdout) as LapackAnswer;
    }
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Largest relative error of the upper half of the eigenvalues, and largest error of all over λ₁. */
export function eigenvalueErrors(
  eigenvalues: Float64Array,
  singularValues: readonly number[],
): { upperHalf: number; all: number } {
  const n = eigenvalues.length;
  const largest = singularValues[0]! ** 2;
  let upperHalf = 0;
  let all = 0;
  for (let i = 0; i < n; i++) {
    const expected = singularValues[i]! ** 2;
    const error = Math.abs(eigenvalues[n - 1 - i]! - expected);
    if (largest > 0) all = Math.max(all, error / largest);
    else all = Math.max(all, error);
    if (i < n / 2 && error > 0) upperHalf = Math.max(upperHalf, error / expected);
  }
  return { upperHalf, all };
}
