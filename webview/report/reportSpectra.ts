/** The spectra of a layer in a report, drawn by the plots of the layer's view: xmin can be moved here, too. */
import type { ReportSpectrum } from '../../extension/report/reportRecords';
import type { Named } from '../../extension/shared/layerFindings';
import type { LayerResult } from '../../extension/shared/layers';
import { element } from '../controls/elements';
import { farmsSpectrumInput, wholeSpectrumInput } from '../layer/spectrumInputs';
import { SpectrumPlots } from '../plots/spectrumPlots';

export function reportSpectra(layer: LayerResult, tensor: Named, spectrum: ReportSpectrum): HTMLElement {
  const inputs = [
    wholeSpectrumInput(layer, tensor, doubles(spectrum.eigenvalues)),
    farmsSpectrumInput(layer, doubles(spectrum.farms)),
  ];
  const plots = inputs.flatMap((each) => (each ? [new SpectrumPlots(each.input, each.options).element] : []));
  return element('div', { class: 'spectra' }, ...plots);
}

/** @param base64 of little-endian doubles */
function doubles(base64: string): Float64Array {
  return new Float64Array(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer);
}
