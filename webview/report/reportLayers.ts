/** The layers of a report: each folded under its name, with its numbers, and its spectra if the report holds them. */
import { reportSpectra } from './reportSpectra';
import type { ReportSpectrum } from '../../extension/report/reportRecords';
import { l10n } from '../../extension/shared/language/l10n';
import { breakableName, element } from '../controls/elements';
import { aboutLayer } from '../layer/aboutLayer';
import { allNumbers } from '../layer/allNumbers';
import type { Inspection } from '../model/inspection';
import { formatNumber, formatShape } from '../numbers/format';

export class ReportLayers {
  readonly element: HTMLElement;
  private readonly shown = new Map<string, HTMLDetailsElement>();
  private readonly spectra: ReadonlyMap<string, ReportSpectrum>;

  constructor(
    private readonly inspection: Inspection,
    spectra: readonly ReportSpectrum[],
  ) {
    this.spectra = new Map(spectra.map((each) => [each.layer, each]));
    this.element = element(
      'section',
      { class: 'report-layers', 'aria-labelledby': 'layers-title' },
      element('h2', { id: 'layers-title' }, l10n.t('Layers')),
      element('p', { class: 'muted' }, l10n.t('A layer that is chosen above is added here.')),
    );
    for (const { layer } of spectra) this.add(layer);
  }

  /** Unfolds the layer, and moves the focus to it. */
  open(layer: string): void {
    const details = this.shown.get(layer) ?? this.add(layer);
    if (!details) return;
    details.open = true;
    const head = details.querySelector('summary')!;
    head.focus({ preventScroll: true });
    head.scrollIntoView({ block: 'start' });
  }

  private add(layer: string): HTMLDetailsElement | undefined {
    const tensor = this.inspection.leafOf(layer)?.tensor;
    if (!tensor) return undefined;
    const result = this.inspection.results.get(layer);
    const alpha = result?.metrics.alpha;
    const facts = [
      formatShape(tensor.shape),
      tensor.encoding ?? tensor.dtype,
      ...(typeof alpha === 'number' ? [`α ${formatNumber(alpha, 3)}`] : []),
    ];
    const title = element('bdi', { class: 'report-layer-name', dir: 'ltr' }, ...breakableName(layer));
    const head = element('summary', {}, title, ' ', element('span', { class: 'muted' }, facts.join(' · ')));
    const details = element('details', { class: 'report-layer layer' }, head);
    details.dataset.about = result ? aboutLayer(result) : layer;
    const fill = (): void => {
      if (!details.open || details.childElementCount > 1) return;
      if (!result) {
        details.append(element('p', {}, l10n.t('It was not inspected when the report was made.')));
        return;
      }
      const notes = result.problems.map(({ message }) =>
        element('p', { class: 'notice warning' }, l10n.known(message)),
      );
      details.append(...notes, ...this.drawn(layer), allNumbers(result, tensor));
    };
    details.addEventListener('toggle', fill);
    this.shown.set(layer, details);
    this.element.append(details);
    return details;
  }

  private drawn(layer: string): HTMLElement[] {
    const result = this.inspection.results.get(layer)!;
    const spectrum = this.spectra.get(layer);
    if (spectrum) return [reportSpectra(result, this.inspection.leafOf(layer)!.tensor!, spectrum)];
    if (result.matrices === 0)
      return result.noSpectrum === undefined ? [] : [said(l10n.t('No spectrum: {0}.', result.noSpectrum))];
    return [said(l10n.t('This report holds the numbers of this layer, not its spectrum.'))];
  }
}

function said(text: string): HTMLElement {
  return element('p', { class: 'muted' }, text);
}
