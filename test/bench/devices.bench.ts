/**
 * Devices beside the CPU: all eigenvalues of a large matrix with its Gram matrix made there, over the same with it made on the
 * CPU; and how far the upper half of the spectrum then is from float64's. A device is one that passes the engine's own trial
 * when asked for by name.
 *
 * A software device (Chromium's, on which the tests run WebGPU) proves that the numbers are right, and
 * its speed says nothing: only correctness is measured there, on a small matrix.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { trialProcess } from '../../extension/engine/resources/trialProcess';
import { CHUNK_BYTES } from '../../extension/engine/layer/layerInput';
import { bandEigenvalues } from '../../extension/linalg/eigen/bandEigenvalues';
import { reduceToBandMatrix } from '../../extension/linalg/eigen/bandReduction';
import type { DeviceTrial } from '../../extension/linalg/devices/deviceTrial';
import { openGramDevice } from '../../extension/linalg/devices/gramDevice';
import { gramByProducts, type GramSum } from '../../extension/linalg/gram/gramSum';
import { loadKernels } from '../../extension/linalg/kernels/loadKernels';
import { createMatrixProducts } from '../../extension/linalg/products/matrixProducts';
import { acceleratorsOf } from '../../extension/linalg/devices/providers';
import type { MatrixProducts } from '../../extension/linalg/products/productTypes';
import { softwareVulkan } from '../harness/chromium';
import { generator } from '../harness/checkpoints/madeCheckpoints';
import { repositoryRoot } from '../harness/shared';
import { benchTable, type BenchRow } from './benchTable';

const SIDES = [2048, 4096, 8192];
/** Small enough for a device in software. */
const SOFTWARE_SIDE = 386;

/** Error of an eigenvalue in the upper half, as a share of itself: what the engine's policy allows. */
const MAX_ERROR = 1e-6;

/** Drivers may compile for long. */
const TRIAL_MS = 120_000;

/** Set where this program is the one that runs on the software device. */
const ON_SOFTWARE = 'EIGENSCOPE_BENCH_SOFTWARE';

interface Solved {
  eigenvalues: Float64Array;
  seconds: number;
}

/** A square float32 matrix of seeded heavy-tailed numbers, widened chunk by chunk. */
function madeMatrix(side: number): Float32Array {
  const next = generator(side);
  return Float32Array.from({ length: side * side }, () => {
    const u = 2 * next() - 1;
    return Math.sign(u) * (1 - Math.abs(u) + 1e-6) ** -0.3;
  });
}

async function allEigenvalues(x: Float32Array, side: number, sum: GramSum, products: MatrixProducts): Promise<Solved> {
  const started = performance.now();
  const step = Math.max(1, Math.floor(CHUNK_BYTES / (8 * side)));
  for (let start = 0; start < side; start += step) {
    const count = Math.min(step, side - start);
    const chunk = new Float64Array(side * count);
    for (let i = 0; i < side; i++) chunk.set(x.subarray(i * side + start, i * side + start + count), i * count);
    await sum.add(chunk, count);
  }
  const kernels = loadKernels();
  const eigenvalues = bandEigenvalues(await reduceToBandMatrix(await sum.finish(), { products, kernels }), { kernels });
  return { eigenvalues, seconds: (performance.now() - started) / 1000 };
}

/** Largest relative difference among the larger half of the eigenvalues, both ascending. */
function upperHalfError(found: Float64Array, expected: Float64Array): number {
  let worst = 0;
  for (let i = Math.floor(expected.length / 2); i < expected.length; i++) {
    const error = Math.abs(found[i]! - expected[i]!) / expected[i]!;
    // A NaN is the worst of all.
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

async function deviceRows(trial: DeviceTrial, sides: readonly number[], timed: boolean): Promise<BenchRow[]> {
  const { provider, arithmetic, precision, rate } = trial;
  const products = await createMatrixProducts();
  const device = await openGramDevice(provider, arithmetic);
  device.rate = rate;
  const rows: BenchRow[] = [];
  try {
    for (const side of sides) {
      const x = madeMatrix(side);
      const cpu = await allEigenvalues(x, side, gramByProducts(products, side), products);
      const ours = await allEigenvalues(x, side, device.begin(side), products);
      const work = `${provider}, all eigenvalues of ${side}²`;
      const note = `${precision}; peer: ${products.device.provider}`;
      if (timed) rows.push({ work, ours: ours.seconds, peer: cpu.seconds, bounds: 'ratio', limit: 1, note });
      const error = upperHalfError(ours.eigenvalues, cpu.eigenvalues);
      rows.push({
        work: `${provider}, largest error in the upper half, ${side}²`,
        ...{ ours: error, bounds: 'value', limit: MAX_ERROR, unit: '× λ' },
        note: timed ? precision : `${precision}, on a software device`,
      });
    }
  } finally {
    await device.release();
    await products.dispose();
  }
  return rows;
}

/** Rows of the software device, by this program in that device's environment; none where there is no such device. */
function softwareRows(): BenchRow[] {
  const environment = softwareVulkan();
  if (!environment) return [];
  const env = { ...process.env, ...environment, [ON_SOFTWARE]: '1' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [__filename], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`on the software device: ${stderr}`);
  return JSON.parse(stdout) as BenchRow[];
}

async function main(): Promise<void> {
  if (process.env[ON_SOFTWARE] !== undefined) {
    // No trial: whether it is fast enough for one is not asked here, only whether it is right.
    const trial: DeviceTrial = {
      ...{ provider: 'webgpu', arithmetic: 'split', precision: 'float32×5' },
      ...{ seconds: null, cpuSeconds: 1, rate: 1e9 },
    };
    process.stdout.write(JSON.stringify(await deviceRows(trial, [SOFTWARE_SIDE], false)));
    return;
  }
  const rows: BenchRow[] = [];
  const refused: string[] = [];
  const tried = trialProcess(path.join(repositoryRoot, 'dist', 'trial.js'));
  for (const provider of acceleratorsOf(process.platform)) {
    const verdict = await tried(provider, TRIAL_MS);
    // One without a time is too slow to be worth minutes here: software, as a rule.
    if ('refused' in verdict) refused.push(`${provider}: ${verdict.refused}`);
    else if (verdict.trial.seconds === null) refused.push(`${provider}: far slower than the CPU`);
    else rows.push(...(await deviceRows(verdict.trial, SIDES, true)));
  }
  const title = rows.length > 0 ? 'Devices' : `Devices\n\nno accelerator here: not measured (${refused.join('; ')})`;
  process.stdout.write(benchTable(title, [...rows, ...softwareRows()]));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
