/**
 * Tries a device before it is used: opens it, holds its Gram matrices against float64, and times them against the
 * CPU's. Runs in a process of its own (`engine/trial.ts`), because a driver may take its process down.
 */
import type { MatrixProducts } from '../products/productTypes';
import { CheckedGram } from '../gram/gramCheck';
import { gramByProducts } from '../gram/gramSum';
import type { GramDevice, OpenGramDevice } from './gramDevice';
import type { Kernels } from '../kernels/kernels';
import { shortReason } from '../products/shortReason';
import { PROVIDERS, type Accelerator, type DeviceArithmetic } from './providers';
import { BLOCK_DEPTH, SLICE_LIMIT } from './splitGraph';

export interface DeviceTrial {
  provider: Accelerator;
  arithmetic: DeviceArithmetic;
  precision: string;
  /** Multiply-adds a second. */
  rate: number;
  /** For the last Gram matrix of the trial, its check included; null where the device was too slow to get that far. */
  seconds: number | null;
  cpuSeconds: number;
}

/** A matrix of `order` × `depth`. */
interface Size {
  order: number;
  depth: number;
}

/**
 * Gram matrices that are timed. The last is large enough for a graphics card to show what it can do, and a fraction of
 * a second on any CPU; on the way there a slow device is given up before it costs more than a moment.
 */
const STEPS: readonly Size[] = [
  { order: 128, depth: BLOCK_DEPTH },
  { order: 512, depth: 2 * BLOCK_DEPTH },
  { order: 2048, depth: 1024 },
];

/** Who takes this long for a step before the last would take seconds for that, where one processor core takes one. */
const MAX_STEP_SECONDS = 0.1;

/**
 * Of ‖xᵢ‖·‖xⱼ‖ for each element xᵢᵀxⱼ: slices and float64 stay far below, a product that rounds to float32, or
 * to less, anywhere on the way does not.
 */
const CHECK_TOLERANCE = 1e-9;

export interface TrialTools {
  open: OpenGramDevice;
  /** Float64 on the CPU. */
  products: MatrixProducts;
  kernels: Kernels;
}

/**
 * The fastest arithmetic of a device that gives right numbers.
 *
 * @throws Error with the reason where none does
 */
export async function tryDevice(
  provider: Accelerator,
  tools: TrialTools,
  steps: readonly Size[] = STEPS,
): Promise<DeviceTrial> {
  let cpuSeconds: number | undefined;
  const trials: DeviceTrial[] = [];
  const problems: string[] = [];
  for (const arithmetic of PROVIDERS[provider].arithmetic) {
    try {
      const device = await tools.open(provider, arithmetic);
      try {
        await checkDevice(device, tools.kernels);
        cpuSeconds ??= await timed(steps.at(-1)!, (size) => cpuGram(tools.products, size));
        const measured = await measure(device, tools.products, steps);
        trials.push({ provider, arithmetic, precision: device.precision, ...measured, cpuSeconds });
      } finally {
        await device.release();
      }
    } catch (error) {
      const reason = shortReason(error instanceof Error ? error.message : String(error));
      if (!problems.includes(reason)) problems.push(reason);
    }
  }
  const [best] = trials.sort((a, b) => (a.seconds ?? Infinity) - (b.seconds ?? Infinity) || b.rate - a.rate);
  if (!best) throw new Error(problems.join('; '));
  return best;
}

/** @throws Error where a Gram matrix of rows that are hard to split, or to sum exactly, is wrong */
export async function checkDevice(device: GramDevice, kernels: Kernels): Promise<void> {
  const depth = 2 * BLOCK_DEPTH + 7;
  const rows = hardRows(depth);
  const n = rows.length;
  const x = Float64Array.from({ length: n * depth }, (_, p) => rows[Math.floor(p / depth)]!(p % depth));
  const expected = kernels.gram(x, n, depth, 'rows');
  const sum = device.begin(n);
  await sum.add(x, depth);
  const { slabs } = await sum.finish();
  // So few rows are one slab.
  const gram = slabs[0]!.elements;
  let worst = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const error = Math.abs(gram[i * n + j]! - expected[i * n + j]!);
      const scale = Math.sqrt(expected[i * n + i]! * expected[j * n + j]!);
      worst = Math.max(worst, scale === 0 ? error : error / scale);
    }
  }
  if (!(worst <= CHECK_TOLERANCE)) throw new Error(`its products are wrong by ${worst.toExponential(1)}`);
}

function hardRows(depth: number): ((column: number) => number)[] {
  // 127 in each of three slices: sums come close to 2²⁴.
  const full = (127 + 127 / 256 + 127 / 65536) / SLICE_LIMIT;
  const spread = (column: number): number => Math.fround(Math.sin(12.9898 * (column + 1)));
  return [
    spread,
    () => full,
    (column) => (column % 2 === 0 ? full : -full),
    (column) => Math.fround(spread(3 * column) * 1e-12),
    (column) => Math.fround(spread(5 * column) * 1e12),
    (column) => Math.fround(spread(7 * column) ** 9),
    (column) => (column === depth - 1 ? 1 : Math.fround(spread(11 * column) / 1000)),
    () => 0,
    (column) => Math.fround(Math.cos(column)),
  ];
}

async function measure(
  device: GramDevice,
  products: MatrixProducts,
  steps: readonly Size[],
): Promise<{ rate: number; seconds: number | null }> {
  for (const step of steps) {
    const seconds = await timed(step, (size) => deviceGram(device, products, size));
    device.rate = (step.order * step.order * step.depth) / 2 / seconds;
    if (step === steps.at(-1)) return { rate: device.rate, seconds };
    if (seconds > MAX_STEP_SECONDS) break;
  }
  return { rate: device.rate, seconds: null };
}

/** Seconds of the second run: the first one compiles. */
async function timed(size: Size, run: (matrix: TrialMatrix) => Promise<void>): Promise<number> {
  const x = Float64Array.from({ length: size.order * size.depth }, (_, i) => Math.fround(Math.sin(i)));
  await run({ ...size, x });
  const started = performance.now();
  await run({ ...size, x });
  return (performance.now() - started) / 1000;
}

type TrialMatrix = Size & { x: Float64Array };

async function cpuGram(products: MatrixProducts, { order, depth, x }: TrialMatrix): Promise<void> {
  await gramByProducts(products, order).add(x, depth);
}

/** @throws Error where the Gram matrix is wrong */
async function deviceGram(
  device: GramDevice,
  products: MatrixProducts,
  { order, depth, x }: TrialMatrix,
): Promise<void> {
  const checked = new CheckedGram(device.begin(order), products, order);
  await checked.add(x, depth);
  const { errorBound } = await checked.finish();
  // The trace of the Gram matrix: no norm of it is larger.
  const squares = x.reduce((sum, value) => sum + value * value, 0);
  if (!(errorBound <= CHECK_TOLERANCE * squares)) {
    throw new Error(`its Gram matrix of order ${order} is wrong by ${(errorBound / squares).toExponential(1)}`);
  }
}
