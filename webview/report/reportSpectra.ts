/** The spectra of a layer in a report, drawn by the plots of the layer's view: xmin can be moved here, too. */
import type { ReportSpectrum } from '../../extension/report/reportRecords';
import { l10n } from '../../extension/shared/language/l10n';
import { layerVerdict, type Named } from '../../extension/shared/layerFindings';
import type { LayerResult } from '../../extension/shared/layers';
import { element } from '../controls/elements';
import { farmsOptions, fitOptions } from '../layer/fitOptions';
import { SpectrumPlots } from '../plots/spectrumPlots';

export function reportSpectra(layer: LayerResult, tensor: Named, spectrum: ReportSpectrum): HTMLElement {
  const { KS, xmin_mid, xmin_peak } = layer.fits;
  const fits = [KS, xmin_mid, xmin_peak].filter((fit) => fit !== undefined);
  const plots: HTMLElement[] = [];
  const eigenvalues = doubles(spectrum.eigenvalues);
  if (fits.length > 0 && eigenvalues.length > 0) {
    plots.push(
      new SpectrumPlots(
        {
          ...{
            title: l10n.t('Whole matrix'),
            layer: layer.name,
            eigenvalues,
            fits,
            edge: layer.metrics.lambda_plus ?? null,
          },
          judge: (chosen) => layerVerdict(layer, tensor, chosen),
        },
        fitOptions(layer),
      ).element,
    );
  }
  const farms = doubles(spectrum.farms);
  if (layer.farms && farms.length > 0) {
    const { interval } = layer.farms;
    plots.push(
      new SpectrumPlots(
        {
          ...{ title: 'FARMS', layer: layer.name, eigenvalues: farms, fits: [layer.farms], edge: null },
          ...(interval && { interval }),
        },
        farmsOptions(layer),
      ).element,
    );
  }
  return element('div', { class: 'spectra' }, ...plots);
}

/** @param base64 of little-endian doubles */
function doubles(base64: string): Float64Array {
  return new Float64Array(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer);
}
