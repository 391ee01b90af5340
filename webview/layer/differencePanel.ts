/** What one method loses of a layer: both spectra, the difference as a heat map, its worst rows and columns. */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { LayerDifference, WorstLine } from '../../extension/shared/compression/layerDifference';
import { layerMethod } from '../../extension/shared/compression/methodTable';
import type { LayerChoice } from '../../extension/shared/compression/plans';
import { l10n } from '../../extension/shared/language/l10n';
import { problemText } from '../../extension/shared/language/problemText';
import type { Host } from '../connection';
import { button } from '../controls/controls';
import { element, tableHead } from '../controls/elements';
import { icon } from '../controls/icons';
import { formatCount, formatPercent } from '../numbers/format';
import { HeatMapPlot } from '../plots/heat/heatMapPlot';
import { beforeAfterPlot } from '../plots/beforeAfterPlot';

export class DifferencePanel {
  readonly element = element('section', { class: 'difference', 'aria-label': l10n.t('Difference'), hidden: true });
  private pending: CancellationTokenSource | null = null;

  constructor(
    private readonly host: Host,
    private readonly layer: string,
    /** Files that methods read beside the model. */
    private readonly sources: { readonly statistics?: string; readonly quantised?: string },
  ) {}

  clear(): void {
    this.pending?.cancel();
    this.pending = null;
    this.element.hidden = true;
  }

  dispose(): void {
    this.pending?.cancel();
  }

  async show(choice: LayerChoice): Promise<void> {
    this.pending?.cancel();
    const source = new CancellationTokenSource();
    this.pending = source;
    this.element.hidden = false;
    const { label } = layerMethod(choice.method);
    const title = element('h3', { class: 'plot-title', tabindex: -1 }, l10n.t('What {0} loses', label));
    this.element.replaceChildren(title, waiting(l10n.t('Compressing the layer…')));
    title.focus();
    try {
      const params = { layer: this.layer, choice, ...this.sources };
      const found = await this.host.request('choiceDifference', params, source.token);
      if (this.pending !== source) return;
      this.element.replaceChildren(title, ...this.contents(found, label));
    } catch (error) {
      if (this.pending !== source) return;
      const again = button({ label: l10n.t('Try Again'), onClick: () => void this.show(choice) });
      const message = element('p', {}, problemText(error));
      this.element.replaceChildren(
        title,
        element('div', { class: 'layer-message error', role: 'alert' }, icon('error'), message, again),
      );
    }
  }

  private contents({ measured, map, rows, columns, before, after }: LayerDifference, label: string): HTMLElement[] {
    const notes = measured.notes.map((note) => element('li', {}, icon('info'), l10n.known(note)));
    return [
      ...(notes.length > 0 ? [element('ul', { class: 'notes' }, ...notes)] : []),
      element(
        'div',
        { class: 'difference-grid' },
        beforeAfterPlot(this.layer, label, before, after),
        new HeatMapPlot(map, undefined, { title: l10n.t('Heat map of the difference') }).element,
        worstTable(l10n.t('Worst outputs (rows)'), l10n.t('Row'), rows),
        worstTable(l10n.t('Worst inputs (columns)'), l10n.t('Column'), columns),
      ),
    ];
  }
}

function worstTable(caption: string, what: string, lines: readonly WorstLine[]): HTMLElement {
  if (lines.length === 0) {
    return element('p', { class: 'muted' }, l10n.t('{0}: none, the difference is zero.', caption));
  }
  const body = lines.map(({ index, relative, share }) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, formatCount(index)),
      element('td', {}, Number.isFinite(relative) ? formatPercent(relative) : l10n.t('was zero')),
      element('td', {}, formatPercent(share)),
    ),
  );
  return element(
    'table',
    { class: 'numbers worst' },
    element('caption', {}, caption),
    tableHead([what, l10n.t('Error'), l10n.t('Share of the whole')]),
    element('tbody', {}, ...body),
  );
}

function waiting(text: string): HTMLElement {
  return element('div', { class: 'layer-message', role: 'status' }, icon('loading'), element('p', {}, text));
}
