/** What a layer's fits were made with, as the engine makes them: which tail starts were candidates follows from it. */
import type { LayerResult } from '../../extension/shared/layers';
import type { FitOptions } from '../../extension/spectral/tail/tailStarts';

/** What the fits of the whole matrix were made with. */
export function fitOptions({ M, rounding }: LayerResult): FitOptions {
  return { zeroFilter: true, zero: 0, ...(M !== undefined && { dimension: M }), ...(rounding && { rounding }) };
}

/** The same of FARMS's windows: rounding moves a smaller matrix less. */
export function farmsOptions({ N, M, rounding, farms }: LayerResult): FitOptions {
  const [rows, cols] = farms?.window ?? [N ?? 0, M ?? 0];
  const scale = (Math.sqrt(rows) + Math.sqrt(cols)) / (Math.sqrt(N ?? rows) + Math.sqrt(M ?? cols));
  return {
    ...{ zeroFilter: false, zero: 0, dimension: Math.min(rows, cols) },
    ...(rounding && { rounding: { type: rounding.type, norm: rounding.norm * scale } }),
  };
}
