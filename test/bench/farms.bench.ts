/**
 * FARMS of a large matrix, every window and adaptively, beside the singular values that the reference takes of each window;
 * and what adaptive runs say of 200 made matrices and of the reference checkpoints' layers.
 *
 * `--quick` takes a quarter of the side and a tenth of the matrices: other numbers than those the limits are about.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openModel } from '../../extension/checkpoint/openModel';
import { CHECKPOINT_ENDINGS } from '../../extension/shared/names/checkpointNames';
import { planFarms } from '../../extension/engine/layer/farmsPlan';
import { FarmsRun } from '../../extension/engine/layer/farmsRun';
import { CHUNK_BYTES } from '../../extension/engine/layer/layerInput';
import { WorkerPool } from '../../extension/engine/worker/workerPool';
import { createMatrixProducts } from '../../extension/linalg/products/matrixProducts';
import type { MatrixProducts } from '../../extension/linalg/products/productTypes';
import type { FarmsResult, FitRule, InspectSettings } from '../../extension/shared/layers';
import { farmsWindows } from '../../extension/spectral/farms/farms';
import { layerMatrices } from '../golden/spectra';
import { adaptiveOutcome, madeMatrix, windowed, type AdaptiveOutcome } from '../harness/numbers/adaptiveCoverage';
import { seededRandom } from '../harness/numbers/denseReference';
import { goldenFiles } from '../harness/golden';
import { safetensorsHeader } from '../harness/checkpoints/madeCheckpoints';
import { repositoryRoot, sharedFolder } from '../harness/shared';
import { benchTable, type BenchRow } from './benchTable';

const FULL_LIMIT = 1.5;
const ADAPTIVE_LIMIT = 0.06;
const MIN_COVERAGE = 93;
const MAX_DEVIATION = 0.5;

const TOLERANCE = 0.01;
/** Mode `auto` takes no more windows. */
const LIMIT = 16;
const THREADS = 2;

const quick = process.argv.includes('--quick');
const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-bench-'));

/** Entries with a heavy tail, as trained weights have. */
function heavyTailed(side: number): Float32Array {
  const random = seededRandom(2 * side);
  const x = new Float32Array(side * side);
  for (let i = 0; i < x.length; i++) {
    const u = random();
    x[i] = Math.sign(u) * (1 - 2 * Math.abs(u) + 1e-6) ** -0.3;
  }
  return x;
}

/** Seconds of one window's singular values by what the reference calls, or by scipy where torch is not there. */
function peerSeconds(x: Float32Array, side: number, rows: number): { seconds: number; peer: string } | undefined {
  const file = path.join(folder, 'matrix');
  writeFileSync(file, x);
  const script = `
import sys, time, statistics, numpy as np
w = np.ascontiguousarray(np.fromfile('${file}', dtype=np.float32).reshape(${side}, ${side})[:${rows}, :${rows}])
if sys.argv[1] == 'torch':
    import torch
    t = torch.from_numpy(w); work = lambda: torch.linalg.svdvals(t)
else:
    from scipy.linalg import svdvals
    work = lambda: svdvals(w)
times = []
work()
for _ in range(5):
    s = time.perf_counter(); work(); times.append(time.perf_counter() - s)
print(statistics.median(times))`;
  for (const peer of ['torch', 'scipy']) {
    for (const python of ['/usr/bin/python3', 'python3']) {
      const { status, stdout } = spawnSync(python, ['-c', script, peer], { encoding: 'utf8' });
      if (status === 0) return { seconds: Number(stdout), peer };
    }
  }
  return undefined;
}

/** FARMS alone of one float32 matrix in a file, as the engine does it. */
async function farms(
  file: string,
  settings: InspectSettings['farms'],
  products: MatrixProducts,
): Promise<{ seconds: number; farms: FarmsResult }> {
  const checkpoint = await openModel(file);
  const pool = new WorkerPool(THREADS, path.join(repositoryRoot, 'dist', 'worker.js'));
  const { signal } = new AbortController();
  try {
    const tensor = checkpoint.tensors[0]!;
    const [rows, cols] = tensor.shape as [number, number];
    const layer = { name: tensor.name, tensor: tensor.name, kind: 'matrix' as const, rows, cols, count: 1 };
    const bytes = await checkpoint.read(tensor);
    const lease = await pool.lease(signal);
    const { name, shape, dtype, kernelLayout } = tensor;
    const stored = { name, shape: [...shape], dtype, kernelLayout };
    const task = { tensor: stored, layer, settings: { farms: settings } };
    const held = await lease.calls.hold({ task, bytes }, { transfer: [bytes.buffer] });
    if (held.stage !== 'matrices') throw new Error(`${file} has no spectrum`);
    // FARMS comes after the matrix's own spectrum, which is no part of what is measured: one of zeros will do.
    const order = Math.min(rows, cols);
    await held.eigenvalues({ bandMatrix: { n: order, width: 1, rows: new Float64Array(2 * order), scale: 1 } });
    const spectra = await held.solved();
    const started = performance.now();
    const plan = planFarms(layer, settings, { held: true, memory: 1e9 });
    if (plan.kind !== 'windows') throw new Error(`${file} has no windows`);
    const context = { checkpoint, pool, products: () => Promise.resolve(products), tolerance: TOLERANCE, signal };
    const run = new FarmsRun(context, spectra, lease, tensor, true, CHUNK_BYTES);
    const known = await run.run(plan, () => undefined);
    const seconds = (performance.now() - started) / 1000;
    return { seconds, farms: (await known.finish({ precision: 'float64' })).result.farms! };
  } finally {
    await pool.terminate();
    await checkpoint.close();
  }
}

/** The run of the middle time of three: all have the same numbers. */
async function median3(run: () => ReturnType<typeof farms>): ReturnType<typeof farms> {
  const runs = [await run(), await run(), await run()];
  return runs.sort((a, b) => a.seconds - b.seconds)[1]!;
}

async function speed(): Promise<BenchRow[]> {
  const [side, rows] = quick ? [1024, 500] : [4096, 2000];
  const x = heavyTailed(side);
  const file = path.join(folder, 'matrix.safetensors');
  const { header } = safetensorsHeader([{ name: 'weight', shape: [side, side] }], 'F32', 4);
  writeFileSync(file, Buffer.concat([header, Buffer.from(x.buffer)]));
  const products = await createMatrixProducts();
  try {
    const settings = { enabled: true, rows, q: 1, ops: 15, tolerance: TOLERANCE };
    const run = (fit: FitRule, mode: 'full' | 'adaptive' | 'auto'): ReturnType<typeof farms> =>
      farms(file, { ...settings, fit, mode }, products);
    const adaptive = await median3(() => run('xmin_mid', 'adaptive'));
    const full = await run('xmin_mid', 'full');
    const peak = await run('xmin_peak', 'auto');
    const peer = peerSeconds(x, side, rows);
    const total = full.farms.windows_total;
    const beside = peer
      ? { peer: peer.seconds * total, name: `peer: ${total} × ${peer.peer} svdvals` }
      : { name: 'no python3 with torch or scipy here' };
    const row = (work: string, ours: number, limit: number, note: string): BenchRow => ({
      ...{ work: `FARMS ${side} × ${side}, ${rows} rows, ${work}`, ours, bounds: 'ratio' },
      ...(peer && { peer: peer.seconds * total }),
      // The limits are about the whole problem.
      ...(!quick && { limit }),
      note: `${beside.name}; ${note}`,
    });
    const off = 100 * Math.abs(adaptive.farms.alpha! / full.farms.alpha! - 1);
    const half = (result: FarmsResult): string =>
      result.interval ? ((result.interval[1] - result.interval[0]) / 2).toPrecision(2) : '0';
    return [
      row('full', full.seconds, FULL_LIMIT, `alpha ${full.farms.alpha!.toFixed(4)}`),
      row(
        'adaptive',
        adaptive.seconds,
        ADAPTIVE_LIMIT,
        `${adaptive.farms.windows} windows, alpha ${adaptive.farms.alpha!.toFixed(4)} ± ${half(adaptive.farms)}, ${off.toFixed(3)} % off`,
      ),
      {
        ...{ work: `the same with xmin_peak, auto`, ours: peak.seconds, bounds: 'value' },
        note: `${peak.farms.windows} windows, alpha ${peak.farms.alpha!.toFixed(3)} ± ${half(peak.farms)}`,
      },
    ];
  } finally {
    await products.dispose();
  }
}

/** @param deviation percent that the estimate may be off; of made matrices the interval is what is promised */
function outcomeRows(what: string, outcomes: readonly AdaptiveOutcome[], deviation?: number): BenchRow[] {
  const stopped = outcomes.filter(({ taken, windows }) => taken < windows);
  const narrow = stopped.filter(({ halfWidth }) => halfWidth! <= TOLERANCE);
  const worst = narrow.reduce((most, { deviation }) => Math.max(most, deviation), 0);
  const covered = outcomes.filter(({ holds }) => holds).length;
  const note = `${stopped.length} of ${outcomes.length} not all windows, ${narrow.length} within ${100 * TOLERANCE} %`;
  const rows: BenchRow[] = [
    {
      ...{ work: `${what}: worst deviation`, ours: 100 * worst, bounds: 'value', unit: '%' },
      ...(deviation !== undefined && { limit: deviation }),
      note,
    },
  ];
  const share = (100 * covered) / outcomes.length;
  rows.push({
    ...{ work: `${what}: alpha outside of its interval`, ours: 100 - share, bounds: 'value' },
    ...{ limit: 100 - MIN_COVERAGE, unit: '%', note: `${covered} of ${outcomes.length} hold it` },
  });
  return rows;
}

async function coverage(): Promise<BenchRow[]> {
  const rules: FitRule[] = ['xmin_mid', 'xmin_peak', 'KS'];
  const outcomes = new Map(rules.map((rule) => [rule, [] as AdaptiveOutcome[]]));
  const count = quick ? 20 : 200;
  for (let seed = 0; seed < count; seed++) {
    const matrix = madeMatrix(seed);
    for (const rule of rules) {
      const outcome = await adaptiveOutcome(matrix, rule, { tolerance: TOLERANCE, limit: LIMIT });
      if (outcome) outcomes.get(rule)!.push(outcome);
    }
  }
  return [...outcomes].flatMap(([rule, all]) => outcomeRows(`${count} made matrices, ${rule}`, all));
}

/** Adaptive runs to the tolerance on every golden matrix with windows enough to leave some out. */
async function golden(shared: string): Promise<BenchRow[]> {
  const outcomes: AdaptiveOutcome[] = [];
  const more = [
    { rows: 32, q: 1, ops: 15, fit: 'xmin_mid' as const },
    { rows: 64, q: 1, ops: 15, fit: 'xmin_mid' as const },
  ];
  for (const { golden: reference } of goldenFiles(shared, CHECKPOINT_ENDINGS)) {
    const checkpoint = await openModel(path.join(shared, 'checkpoints', reference.checkpoint));
    for (const tensor of checkpoint.tensors) {
      const own = (reference.layers[tensor.name]?.farms ?? []).map((entry) => ({
        ...{ rows: entry.num_row_samples, q: entry.Q_ratio, ops: entry.sampling_ops_per_dim, fit: entry.fit },
      }));
      for (const { layer, matrices } of own.length > 0 ? await layerMatrices(checkpoint, tensor) : []) {
        for (const { fit, ...settings } of layer.kind === 'conv' ? [] : [...own, ...more]) {
          if (farmsWindows(layer.rows, layer.cols, settings).windows.length < 12) continue;
          const matrix = windowed(layer.name, matrices[0]!, layer.rows, layer.cols, settings);
          const outcome = await adaptiveOutcome(matrix, fit, { tolerance: TOLERANCE, limit: Infinity });
          if (outcome) outcomes.push(outcome);
        }
      }
    }
    await checkpoint.close();
  }
  return outcomeRows('golden matrices', outcomes, MAX_DEVIATION);
}

async function main(): Promise<void> {
  const rows = [...(await speed()), ...(await coverage())];
  if (sharedFolder !== undefined) rows.push(...(await golden(sharedFolder)));
  process.stdout.write(
    benchTable(`FARMS, ${THREADS} threads${quick ? ' (quick: not what the limits are about)' : ''}`, rows),
  );
}

main()
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => rmSync(folder, { recursive: true, force: true }));
