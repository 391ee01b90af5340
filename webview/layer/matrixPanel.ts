/**
 * A layer's matrix as a picture, and its leading singular vectors in numbers. Both are asked for when the panel is
 * first looked at: the engine reads the whole tensor for them.
 */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import { l10n } from '../../extension/shared/language/l10n';
import type { LayerSpectrum } from '../../extension/shared/layers';
import { problemText } from '../../extension/shared/language/problemText';
import { problemOf } from '../../extension/shared/rpc';
import type { Host } from '../connection';
import { button } from '../controls/controls';
import { element } from '../controls/elements';
import { formatCount } from '../numbers/format';
import { icon } from '../controls/icons';
import { HeatMapPlot } from '../plots/heat/heatMapPlot';
import { MapElements } from './values/mapElements';
import { vectorTable } from './vectorTable';

/** Singular values in the table. */
const VECTORS = 10;

export class MatrixPanel {
  readonly element: HTMLElement;
  private readonly picture = element('div', { class: 'matrix-picture' });
  private readonly vectors = element('section', { class: 'matrix-vectors' });
  private readonly status = element('p', { class: 'matrix-status', role: 'status' });
  private readonly source = new CancellationTokenSource();
  private plot: HeatMapPlot | null = null;
  private ordering: CancellationTokenSource | null = null;
  private asked = false;

  constructor(
    private readonly host: Host,
    private readonly spectrum: LayerSpectrum,
    private readonly onElement: (row: number, col: number) => void,
  ) {
    this.element = element('div', { class: 'matrix-panel' }, this.picture, this.vectors);
  }

  /** Asks the engine, once. */
  load(): void {
    if (this.asked) return;
    this.asked = true;
    void this.loadPicture();
    if (this.spectrum.eigenvalues.length > 0) void this.loadVectors();
  }

  /** Nobody looks any more. */
  dispose(): void {
    this.source.cancel();
    this.ordering?.cancel();
  }

  private async loadPicture(): Promise<void> {
    const { layer, eigenvalues } = this.spectrum;
    this.picture.replaceChildren(waiting(l10n.t('Reading the matrix…')));
    try {
      const map = await this.host.request('heatMap', { layer: layer.name, order: 0 }, this.source.token);
      const onOrder = eigenvalues.length > 0 ? (order: number): void => void this.reorder(order) : undefined;
      this.plot = new HeatMapPlot(map, onOrder, {
        onElement: this.onElement,
        elements: (changed) => this.elementsOf(layer.name, changed),
      });
      this.picture.replaceChildren(this.plot.element, this.status);
    } catch (error) {
      this.fail(this.picture, error, () => void this.loadPicture());
    }
  }

  private elementsOf(layer: string, changed: () => void): MapElements {
    const known = (): void => {
      this.status.textContent = '';
      changed();
    };
    const failed = (error: unknown): void => {
      this.status.textContent = problemText(error);
    };
    return new MapElements(this.host, layer, this.source.token, known, failed);
  }

  private async loadVectors(): Promise<void> {
    const { layer, rankEigenvalues, rankMatrix } = this.spectrum;
    const count = Math.min(VECTORS, rankMatrix.rows, rankMatrix.cols);
    const title = element('h3', { class: 'plot-title' }, l10n.t('Singular vectors'));
    this.vectors.replaceChildren(title, waiting(l10n.t('Computing the {0} largest…', formatCount(count))));
    try {
      const found = await this.host.request('vectorMetrics', { layer: layer.name, count }, this.source.token);
      const total = rankEigenvalues.reduce((sum, value) => sum + value, 0);
      this.vectors.replaceChildren(title, vectorTable(found, total));
    } catch (error) {
      this.fail(this.vectors, error, () => void this.loadVectors());
    }
  }

  private async reorder(order: number): Promise<void> {
    this.ordering?.cancel();
    const source = new CancellationTokenSource();
    this.ordering = source;
    this.status.textContent = l10n.t('Ordering rows and columns…');
    try {
      const map = await this.host.request('heatMap', { layer: this.spectrum.layer.name, order }, source.token);
      if (this.ordering !== source) return;
      this.plot?.show(map);
      this.status.textContent = '';
    } catch (error) {
      if (this.ordering === source) this.status.textContent = problemText(error);
    }
  }

  private fail(place: HTMLElement, error: unknown, again: () => void): void {
    if (this.source.token.isCancellationRequested) return;
    const retry = button({ label: l10n.t('Try Again'), onClick: again });
    const { message } = problemOf(error);
    place.replaceChildren(
      element('div', { class: 'layer-message error', role: 'alert' }, icon('error'), element('p', {}, message), retry),
    );
  }
}

function waiting(text: string): HTMLElement {
  return element('div', { class: 'layer-message', role: 'status' }, icon('loading'), element('p', {}, text));
}
