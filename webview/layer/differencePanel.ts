/** What one method loses of a layer: both spectra, the difference as a heat map, its worst rows and columns. */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { LayerDifference, WorstLine } from '../../extension/shared/compression/layerDifference';
import { layerMethod } from '../../extension/shared/compression/methodTable';
import type { LayerChoice } from '../../extension/shared/compression/plans';
import { problemOf } from '../../extension/shared/rpc';
import type { Host } from '../connection';
import { button } from '../controls/controls';
import { element, tableHead } from '../controls/elements';
import { icon } from '../controls/icons';
import { formatCount, formatPercent } from '../numbers/format';
import { HeatMapPlot } from '../plots/heat/heatMapPlot';
import { beforeAfterPlot } from '../plots/beforeAfterPlot';

export class DifferencePanel {
  readonly element = element('section', { class: 'difference', 'aria-label': 'Difference', hidden: true });
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
    const title = element('h3', { class: 'plot-title', tabindex: -1 }, `What ${label} loses`);
    this.element.replaceChildren(title, waiting('Compressing the layer…'));
    title.focus();
    try {
      const params = { layer: this.layer, choice, ...this.sources };
      const found = await this.host.request('choiceDifference', params, source.token);
      if (this.pending !== source) return;
      this.element.replaceChildren(title, ...this.contents(found, label));
    } catch (error) {
      if (this.pending !== source) return;
      const again = button({ label: 'Try Again', onClick: () => void this.show(choice) });
      const message = element('p', {}, problemOf(error).message);
      this.element.replaceChildren(
        title,
        element('div', { class: 'layer-message error', role: 'alert' }, icon('error'), message, again),
      );
    }
  }

  private contents({ measured, map, rows, columns, before, after }: LayerDifference, label: string): HTMLElement[] {
    const notes = measured.notes.map((note) => element('li', {}, icon('info'), note));
    return [
      ...(notes.length > 0 ? [element('ul', { class: 'notes' }, ...notes)] : []),
      element(
        'div',
        { class: 'difference-grid' },
        beforeAfterPlot(this.layer, label, before, after),
        new HeatMapPlot(map, undefined, { title: 'Heat map of the difference' }).element,
        worstTable('Worst outputs (rows)', 'Row', rows),
        worstTable('Worst inputs (columns)', 'Column', columns),
      ),
    ];
  }
}

function worstTable(caption: string, what: string, lines: readonly WorstLine[]): HTMLElement {
  if (lines.length === 0) {
    return element('p', { class: 'muted' }, `${caption}: none, the difference is zero.`);
  }
  const body = lines.map(({ index, relative, share }) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, formatCount(index)),
      element('td', {}, Number.isFinite(relative) ? formatPercent(relative) : 'was zero'),
      element('td', {}, formatPercent(share)),
    ),
  );
  return element(
    'table',
    { class: 'numbers worst' },
    element('caption', {}, caption),
    tableHead([what, 'Error', 'Share of the whole']),
    element('tbody', {}, ...body),
  );
}

function waiting(text: string): HTMLElement {
  return element('div', { class: 'layer-message', role: 'status' }, icon('loading'), element('p', {}, text));
}
