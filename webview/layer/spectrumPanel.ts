/** The spectra of a layer, of its whole matrix and of FARMS's windows, each with D against xmin, and the test of the fit. */
import { l10n } from '../../extension/shared/language/l10n';
import type { LayerResult, LayerSpectrum } from '../../extension/shared/layers';
import type { TensorSummary } from '../../extension/shared/tensors';
import { element } from '../controls/elements';
import { formatCount, formatNumber } from '../numbers/format';
import { farmsMissing } from '../numbers/measures';
import { AlphaStrip } from '../plots/alphaStrip';
import { SpectrumPlots } from '../plots/spectrumPlots';
import { farmsReference } from './farmsReference';
import type { Host } from '../connection';
import type { FitTest } from './fitTest';
import type { ChosenStart, KeptPlace } from './layerPlace';
import { ShufflePanel } from './shufflePanel';
import { farmsSpectrumInput, wholeSpectrumInput, type SpectrumInput } from './spectrumInputs';

export class SpectrumPanel {
  readonly element: HTMLElement;
  private readonly layer: LayerResult;
  private readonly whole: SpectrumPlots | null;
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
    const whole = wholeSpectrumInput(layer, tensor, eigenvalues, () => test.found);
    this.whole = whole && drawn(whole, place);
    test.onTested = () => this.whole?.esd.rejudge();
    const farms = farmsSpectrumInput(layer, farmsEigenvalues);
    this.farms = farms && drawn(farms, place);
    this.shuffle = new ShufflePanel(host, spectrum, (shuffled) => this.whole?.esd.showShuffled(shuffled));
    const tested = element('div', {}, this.whole?.element, test.element, this.shuffle.element);
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
    this.whole?.stop();
    this.farms?.stop();
  }
}

/** With the tail that was chosen in it before; the next one is kept, too. */
function drawn({ input, options }: SpectrumInput, place: KeptPlace): SpectrumPlots {
  const { title } = input;
  const kept = { chosen: place.current.tails[title], onChoose: (to: ChosenStart | null) => place.chose(title, to) };
  return new SpectrumPlots({ ...input, ...kept }, options);
}

function noFarms(layer: LayerResult): HTMLElement {
  const { farms } = layer;
  let reason = l10n.t('No FARMS alpha: {0}.', farmsMissing(layer));
  if (farms?.status === 'success') {
    reason = l10n.t(
      'FARMS alpha {0}, the mean over {1} blocks of the kernel, each fitted by itself: there is no pooled spectrum to draw.',
      formatNumber(farms.alpha ?? NaN, 4),
      formatCount(farms.windows),
    );
  }
  return element(
    'section',
    { class: 'plot no-farms' },
    element('h3', { class: 'plot-title' }, 'FARMS'),
    element('p', { class: 'plot-finding' }, reason),
  );
}
