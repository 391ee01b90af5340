/** What the spectra of a layer are drawn from, in the layer's view and in a report alike. */
import { l10n } from '../../extension/shared/language/l10n';
import { layerVerdict, type Named } from '../../extension/shared/layerFindings';
import type { LayerResult } from '../../extension/shared/layers';
import type { FitOptions } from '../../extension/spectral/tail/tailStarts';
import { formatCount, formatShape } from '../numbers/format';
import type { EsdInput } from '../plots/esdInput';
import { farmsOptions, fitOptions } from './fitOptions';

export interface SpectrumInput {
  input: EsdInput;
  options: FitOptions;
}

/**
 * The spectrum of the whole matrix, or of a kernel's positions pooled; null without a fit to show.
 *
 * @param eigenvalues λ ascending
 * @param found what was found about the layer since its result
 */
export function wholeSpectrumInput(
  layer: LayerResult,
  tensor: Named,
  eigenvalues: Float64Array,
  found: () => Pick<LayerResult, 'goodness'> = () => ({}),
): SpectrumInput | null {
  const { KS, xmin_mid, xmin_peak } = layer.fits;
  const fits = [KS, xmin_mid, xmin_peak].filter((fit) => fit !== undefined);
  if (fits.length === 0 || eigenvalues.length === 0) return null;
  const title = layer.matrices > 1 ? l10n.t('Kernel, pooled') : l10n.t('Whole matrix');
  const edge = layer.metrics.lambda_plus ?? null;
  return {
    input: {
      ...{ title, layer: layer.name, eigenvalues, fits, edge, ...aspectRatio(layer) },
      judge: (chosen) => layerVerdict({ ...layer, ...found() }, tensor, chosen),
    },
    options: fitOptions(layer),
  };
}

/** The pooled spectrum of FARMS's windows; null without one. @param eigenvalues λ ascending */
export function farmsSpectrumInput(layer: LayerResult, eigenvalues: Float64Array): SpectrumInput | null {
  const { name, farms } = layer;
  if (!farms || eigenvalues.length === 0) return null;
  const { windows, windows_total: total, window, interval } = farms;
  const share =
    windows === total ? formatCount(windows) : l10n.t('{0} of {1}', formatCount(windows), formatCount(total));
  const sampling = l10n.t('{0}, each {1}', share, formatShape(window));
  return {
    input: {
      ...{ title: 'FARMS', layer: name, eigenvalues, fits: [farms], edge: null, sampling },
      ...(interval && { interval }),
    },
    options: farmsOptions(layer),
  };
}

/** Of the matrices behind the spectrum: the law of their bulk follows from it. */
function aspectRatio({ N, M }: LayerResult): { Q?: number } {
  return N !== undefined && M !== undefined && M > 0 ? { Q: N / M } : {};
}
