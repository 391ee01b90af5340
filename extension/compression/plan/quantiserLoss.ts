/**
 * What quantisers lose of random matrices: an estimate for a layer whose loss was not measured. Entries are drawn from the
 * normal distribution; an interval comes from uniform and from Laplace entries, which have lighter and heavier tails than
 * most weights. Means over 2²¹ entries, computed with numpy (`test/golden/quantiserLoss.py`).
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
    [1.324e-5, 2.289e-5, 3.266e-5],
    [1.492e-5, 3.56e-5, 6.203e-5],
    [1.538e-5, 4.857e-5, 0.000101],
    [1.55e-5, 6.161e-5, 0.0001499],
    [1.551e-5, 7.448e-5, 0.0002092],
  ],
  int4: [
    [0.004255, 0.007266, 0.01025],
    [0.004869, 0.01161, 0.01984],
    [0.005042, 0.01596, 0.03229],
    [0.005073, 0.0203, 0.04746],
    [0.005073, 0.02455, 0.06543],
  ],
  fp8: [
    [0.0005429, 0.0004972, 0.0004129],
    [0.0006211, 0.0006278, 0.0005688],
    [0.0006429, 0.0006803, 0.0006506],
    [0.0006468, 0.000698, 0.0006819],
    [0.0006469, 0.0006999, 0.0006947],
  ],
} as const satisfies Record<string, readonly Row[]>;

/** Of 1 bit, 2 bits, … 8 bits, with the scales that `quantisers/fittedScale.ts` finds. */
const BIPOLAR: readonly (readonly Row[])[] = [
  [
    [0.2345, 0.3408, 0.4686],
    [0.2462, 0.358, 0.4921],
    [0.2491, 0.3622, 0.4979],
    [0.2498, 0.3632, 0.4993],
    [0.25, 0.3635, 0.4997],
  ],
  [
    [0.05844, 0.1035, 0.1558],
    [0.06106, 0.1143, 0.1848],
    [0.06215, 0.1178, 0.1932],
    [0.06244, 0.1189, 0.1955],
    [0.06252, 0.1191, 0.196],
  ],
  [
    [0.01412, 0.02512, 0.0381],
    [0.01554, 0.03585, 0.06135],
    [0.01561, 0.03962, 0.07023],
    [0.01565, 0.04181, 0.07317],
    [0.01566, 0.04373, 0.07426],
  ],
  [
    [0.003265, 0.005778, 0.008542],
    [0.003836, 0.009235, 0.01633],
    [0.003986, 0.0121, 0.02372],
    [0.00401, 0.01438, 0.02901],
    [0.004011, 0.0165, 0.0335],
  ],
  [
    [0.0007744, 0.001369, 0.00201],
    [0.000926, 0.00224, 0.003965],
    [0.0009826, 0.003098, 0.006407],
    [0.001002, 0.003913, 0.009032],
    [0.001007, 0.004675, 0.01183],
  ],
  [
    [0.0001879, 0.0003312, 0.0004866],
    [0.0002258, 0.0005467, 0.0009671],
    [0.0002412, 0.0007654, 0.001601],
    [0.0002472, 0.0009816, 0.002365],
    [0.0002491, 0.001189, 0.003257],
  ],
  [
    [4.628e-5, 8.166e-5, 0.0001197],
    [5.567e-5, 0.0001347, 0.0002384],
    [5.957e-5, 0.0001893, 0.0003966],
    [6.108e-5, 0.0002436, 0.0005924],
    [6.16e-5, 0.0002958, 0.0008273],
  ],
  [
    [1.148e-5, 2.025e-5, 2.971e-5],
    [1.381e-5, 3.338e-5, 5.91e-5],
    [1.479e-5, 4.7e-5, 9.848e-5],
    [1.519e-5, 6.06e-5, 0.0001473],
    [1.531e-5, 7.366e-5, 0.0002066],
  ],
];

/** Its blocks have 32 elements whatever is asked for. */
const MXFP4: Row = [0.02076, 0.01321, 0.01606];

/** @param inputs elements of a row, which a block of 0 means */
export function quantiserLoss(
  { quantiser, bits, block }: Pick<MethodOptions, 'quantiser' | 'bits' | 'block'>,
  inputs: number,
): Loss {
  if (quantiser === 'mxfp4') return loss(MXFP4);
  const rows: readonly Row[] = quantiser === 'bipolar' ? BIPOLAR[bits - 1]! : LOSSES[quantiser];
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
