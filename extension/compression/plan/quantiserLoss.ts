/**
 * What quantisers lose of random matrices: an estimate for a layer whose loss was not measured. Entries are drawn from the
 * normal distribution; an interval comes from uniform and from Laplace entries, which have lighter and heavier tails than
 * most weights. Means over 2²¹ entries with absmax scales, computed with numpy (`test/golden/quantiserLoss.py`).
 */
import type { MethodOptions } from '../../shared/compression/methodOptions';

/** ‖W − Q‖_F²/‖W‖_F². */
export interface Loss {
  readonly least: number;
  readonly estimate: number;
  readonly most: number;
}

const BLOCKS = [16, 64, 256, 1024, 4096] as const;

type Row = readonly [uniform: number, normal: number, laplace: number];

const LOSSES = {
  nf4: [
    [0.007284, 0.00654, 0.006689],
    [0.008339, 0.008451, 0.01075],
    [0.008634, 0.009741, 0.01523],
    [0.00871, 0.01085, 0.02053],
    [0.008729, 0.01202, 0.02696],
  ],
  nf3: [
    [0.02859, 0.03032, 0.03091],
    [0.03274, 0.04064, 0.05053],
    [0.0339, 0.04753, 0.07143],
    [0.03421, 0.05315, 0.09492],
    [0.03428, 0.05867, 0.1224],
  ],
  int8: [
    [1.292e-5, 2.205e-5, 3.151e-5],
    [1.478e-5, 3.529e-5, 6.146e-5],
    [1.532e-5, 4.848e-5, 1.008e-4],
    [1.546e-5, 6.162e-5, 1.498e-4],
    [1.55e-5, 7.452e-5, 2.092e-4],
  ],
  int4: [
    [0.004254, 0.007265, 0.01025],
    [0.004869, 0.01161, 0.01984],
    [0.005044, 0.01596, 0.03229],
    [0.005088, 0.0203, 0.04747],
    [0.0051, 0.02455, 0.06543],
  ],
  fp8: [
    [0.0005423, 0.0004963, 0.0004117],
    [0.0006211, 0.0006275, 0.0005684],
    [0.0006432, 0.0006802, 0.0006504],
    [0.0006489, 0.0006979, 0.0006818],
    [0.0006503, 0.0006998, 0.0006948],
  ],
} as const satisfies Record<string, readonly Row[]>;

/** Its blocks have 32 elements whatever is asked for. */
const MXFP4: Row = [0.02076, 0.01321, 0.01606];

/**
 * @param inputs elements of a row, which a block of 0 means
 * @returns NaN for bipolar integers: their scales are fitted, and what they lose depends on that
 */
export function quantiserLoss({ quantiser, block }: Pick<MethodOptions, 'quantiser' | 'block'>, inputs: number): Loss {
  if (quantiser === 'bipolar') return { least: NaN, estimate: NaN, most: NaN };
  if (quantiser === 'mxfp4') return loss(MXFP4);
  const rows: readonly Row[] = LOSSES[quantiser];
  // A double step of the block adds about the same each time.
  const at = Math.log2(Math.min(block === 0 ? inputs : block, inputs) / BLOCKS[0]) / 2;
  const place = Math.max(0, Math.min(rows.length - 1, at));
  const below = Math.min(rows.length - 2, Math.floor(place));
  const share = place - below;
  return loss(
    rows[below]!.map((value, i) => value + share * (rows[below + 1]![i]! - value)) as [number, number, number],
  );
}

function loss([uniform, normal, laplace]: Row): Loss {
  return {
    least: Math.min(uniform, normal, laplace),
    estimate: normal,
    most: Math.max(uniform, normal, laplace),
  };
}
