/** The spectra of a layer, of its whole matrix and of FARMS's windows, each with D against xmin, and the test of the fit. */
import { layerVerdict } from '../../extension/shared/layerFindings';
import type { LayerResult, LayerSpectrum } from '../../extension/shared/layers';
import type { TensorSummary } from '../../extension/shared/tensors';
import { element } from '../controls/elements';
import { formatCount, formatNumber, formatShape } from '../numbers/format';
import { farmsMissing } from '../numbers/measures';
import { AlphaStrip } from '../plots/alphaStrip';
import type { EsdInput } from '../plots/esdPlot';
import { SpectrumPlots } from '../plots/spectrumPlots';
import { farmsReference } from './farmsReference';
import { farmsOptions, fitOptions } from './fitOptions';
import type { Host } from '../connection';
import type { FitTest } from './fitTest';
import type { KeptPlace } from './layerPlace';
import { ShufflePanel } from './shufflePanel';

export class SpectrumPanel {
  readonly element: HTMLElement;
  private readonly layer: LayerResult;
  private readonly whole: SpectrumPlots;
  private readonly farms: SpectrumPlots | null;
  private readonly shuffle: ShufflePanel;
  private strip: AlphaStrip | null = null;
  private readonly stripPlace = element('div');

  /**
   * @param place how the layer was left
   * @param others results of the model's layers, as far as they are known
   */
  constructor(
    host: Host,
    spectrum: LayerSpectrum,
    tensor: TensorSummary,
    test: FitTest,
    place: KeptPlace,
    private readonly others: () => Iterable<LayerResult>,
  ) {
    const { layer, eigenvalues, farmsEigenvalues } = spectrum;
    this.layer = layer;
    const { KS, xmin_mid, xmin_peak } = layer.fits;
    const fits = [KS, xmin_mid, xmin_peak].filter((fit) => fit !== undefined);
    const edge = layer.metrics.lambda_plus ?? null;
    const title = layer.matrices > 1 ? 'Kernel, pooled' : 'Whole matrix';
    this.whole = new SpectrumPlots(
      {
        ...{ title, layer: layer.name, eigenvalues, fits, edge, ...aspectRatio(layer) },
        judge: (chosen) => layerVerdict({ ...layer, ...test.found }, tensor, chosen),
        ...keptTail(place, title),
      },
      fitOptions(layer),
    );
    test.onTested = () => this.whole.esd.rejudge();
    this.farms = farmsPlots(layer, farmsEigenvalues, place);
    this.shuffle = new ShufflePanel(host, spectrum, (shuffled) => this.whole.esd.showShuffled(shuffled));
    const tested = element('div', {}, this.whole.element, test.element, this.shuffle.element);
    const sampled = element('div', {}, this.farms?.element ?? noFarms(layer), this.stripPlace);
    this.element = element('div', { class: 'spectra' }, tested, sampled);
    if (!this.farms) this.element.classList.add('one-spectrum');
    this.refresh();
  }

  /** More layers may be known. */
  refresh(): void {
    const reference = farmsReference(this.layer.name, this.layer, this.others());
    if (!reference) return;
    if (this.strip) this.strip.show(reference);
    else {
      this.strip = new AlphaStrip(this.layer.name, reference);
      this.stripPlace.append(this.strip.element);
    }
  }

  /** Nobody looks any more. */
  stop(): void {
    this.shuffle.cancel();
    this.whole.stop();
    this.farms?.stop();
  }
}

/** Of the matrices behind the spectrum: the law of their bulk follows from it. */
function aspectRatio({ N, M }: LayerResult): { Q?: number } {
  return N !== undefined && M !== undefined && M > 0 ? { Q: N / M } : {};
}

/** The tail that was chosen in a plot, and where to keep the next one. */
function keptTail(place: KeptPlace, plot: string): Pick<EsdInput, 'chosen' | 'onChoose'> {
  return { chosen: place.current.tails[plot], onChoose: (chosen) => place.chose(plot, chosen) };
}

function farmsPlots(layer: LayerResult, eigenvalues: Float64Array, place: KeptPlace): SpectrumPlots | null {
  const { name, farms } = layer;
  if (!farms || eigenvalues.length === 0) return null;
  const { windows, windows_total: total, window, interval } = farms;
  const share = windows === total ? formatCount(windows) : `${formatCount(windows)} of ${formatCount(total)}`;
  const sampling = `${share}, each ${formatShape(window)}`;
  return new SpectrumPlots(
    {
      ...{ title: 'FARMS', layer: name, eigenvalues, fits: [farms], edge: null, sampling },
      ...(interval && { interval }),
      ...keptTail(place, 'FARMS'),
    },
    farmsOptions(layer),
  );
}

function noFarms(layer: LayerResult): HTMLElement {
  const { farms } = layer;
  let reason = `No FARMS alpha: ${farmsMissing(layer)}.`;
  if (farms?.status === 'success') {
    reason =
      `FARMS alpha ${formatNumber(farms.alpha ?? NaN, 4)}, the mean over ${formatCount(farms.windows)} blocks of the kernel, ` +
      'each fitted by itself: there is no pooled spectrum to draw.';
  }
  return element(
    'section',
    { class: 'plot no-farms' },
    element('h3', { class: 'plot-title' }, 'FARMS'),
    element('p', { class: 'plot-finding' }, reason),
  );
}
