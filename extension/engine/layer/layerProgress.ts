/** How far a layer is: the expected cost of each stage, so that its progress moves evenly. */

/**
 * Up to this side the worker's own Gram kernel and one-stage reduction beat sending chunks to onnxruntime and a band back.
 */
export const WORKER_SIDE = 384;

/** Operations a second, for the share of each stage in the progress; only ratios matter. */
const PRODUCT_RATE = 5e10;
const ONE_STAGE_RATE = 6e9;
/** Share of the two-stage eigenvalues' time that the reduction to band form takes. */
export const REDUCTION_SHARE = 0.7;

export class LayerProgress {
  private done = 0;
  constructor(
    private readonly total: number,
    private readonly report: (stage: string, fraction: number) => void,
  ) {}

  within(stage: string, cost: number): (fraction: number) => void {
    return (fraction) => this.report(stage, Math.min(1, (this.done + cost * fraction) / this.total));
  }

  finish(cost: number): void {
    this.done += cost;
  }
}

/** Seconds, roughly, of so many multiply-adds in products of large matrices. */
export function productCost(multiplyAdds: number): number {
  return multiplyAdds / PRODUCT_RATE;
}

/** Seconds, roughly, of the Gram matrix of the smaller side. */
export function gramCost({ rows, cols }: { rows: number; cols: number }): number {
  return productCost(rows * cols * Math.min(rows, cols));
}

/** Seconds, roughly, of the eigenvalues of one n×n matrix. */
export function eigenvalueCost(n: number): number {
  return ((4 / 3) * n ** 3) / (n <= WORKER_SIDE ? ONE_STAGE_RATE : REDUCTION_SHARE * PRODUCT_RATE);
}

/** Stages that are over sooner than this are not worth a message. */
const ANNOUNCED_MS = 100;

/** Tells of a stage that reports no progress of its own, once it takes long enough for a person to wonder. */
export async function announced<T>(stage: Promise<T>, tell: () => void): Promise<T> {
  const timer = setTimeout(tell, ANNOUNCED_MS);
  try {
    return await stage;
  } finally {
    clearTimeout(timer);
  }
}
