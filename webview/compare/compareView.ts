/** Several layers that were chosen together, beside each other: their numbers in a table, their spectra in one plot. */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import { l10n } from '../../extension/shared/language/l10n';
import { problemText } from '../../extension/shared/language/problemText';
import type { Host } from '../connection';
import { button, checkbox } from '../controls/controls';
import { element } from '../controls/elements';
import { icon } from '../controls/icons';
import type { TreeNode } from '../model/moduleTree';
import { counted, formatCount } from '../numbers/format';
import type { TableColumns } from '../table/tableColumns';
import { compareHead, compareRows } from './compareTable';
import { rankedSigma, type Curve } from './curves';
import { OverlaidSpectra } from './overlaidSpectra';

/** More curves cannot be told apart. */
export const MOST_COMPARED = 6;

export interface CompareActions {
  close(): void;
  open(layer: string): void;
  /** The columns of the table: which numbers are compared. */
  columns(): TableColumns;
}

export class CompareView {
  readonly element: HTMLElement;
  private readonly title = element('h2', { class: 'layer-name', tabindex: -1 });
  private readonly tooMany = element('p', { class: 'muted', hidden: true });
  private readonly status = element('p', { class: 'compare-status muted', role: 'status' });
  private readonly problems = element('ul', { class: 'notes' });
  private readonly table = element('table', { class: 'numbers compare-numbers' });
  private readonly all = checkbox(l10n.t('All numbers'), false, () => this.fillRows());
  private readonly plotPlace = element('div', {});
  private nodes: readonly TreeNode[] = [];
  private readonly rows = element('tbody', {});
  private pending: CancellationTokenSource | null = null;

  constructor(
    private readonly host: Host,
    private readonly actions: CompareActions,
  ) {
    const close = button({
      ...{ label: l10n.t('Close (Escape)'), icon: 'close', appearance: 'icon' },
      onClick: () => actions.close(),
    });
    this.all.title = l10n.t('Also those that are no columns of the table');
    this.element = element(
      'section',
      { class: 'compare', 'aria-label': l10n.t('Comparison'), hidden: true },
      element('header', { class: 'layer-head' }, this.title, close),
      element(
        'div',
        { class: 'compare-body' },
        ...[this.tooMany, this.plotPlace, this.status, this.problems],
        element('div', { class: 'compare-head' }, element('h3', { class: 'plot-title' }, l10n.t('Numbers')), this.all),
        element(
          'div',
          { class: 'compare-scroll', tabindex: 0, role: 'region', 'aria-label': l10n.t('Numbers side by side') },
          this.table,
        ),
      ),
    );
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  /** @param chosen layers with a matrix, two at least; the first ones are compared if they are too many */
  show(chosen: readonly TreeNode[]): void {
    this.nodes = chosen.slice(0, MOST_COMPARED);
    const count = counted('layers', this.nodes.length);
    this.title.textContent = l10n.t('Comparison of {0}', count);
    this.tooMany.hidden = chosen.length <= MOST_COMPARED;
    this.tooMany.textContent = l10n.t(
      'These are the first {0} of {1} layers. Choose fewer to compare others.',
      formatCount(MOST_COMPARED),
      formatCount(chosen.length),
    );
    this.table.replaceChildren(
      element('caption', { class: 'hidden' }, this.title.textContent),
      compareHead(this.nodes, ({ layer }) => layer !== undefined && this.actions.open(layer)),
      this.rows,
    );
    this.element.hidden = false;
    this.fillRows();
    this.title.focus({ preventScroll: true });
    void this.readSpectra();
  }

  hide(): void {
    this.pending?.cancel();
    this.pending = null;
    this.nodes = [];
    this.element.hidden = true;
    this.plotPlace.replaceChildren();
  }

  /** Numbers may have come. */
  refresh(): void {
    if (this.isOpen) this.fillRows();
  }

  private fillRows(): void {
    const [, ...columns] = this.all.checked ? this.actions.columns().all : this.actions.columns().chosen;
    this.rows.replaceChildren(...compareRows(columns, this.nodes));
  }

  /** One after the other: the spectrum of a layer that was not inspected is computed now. */
  private async readSpectra(): Promise<void> {
    this.pending?.cancel();
    const source = new CancellationTokenSource();
    this.pending = source;
    const { nodes } = this;
    const plot = new OverlaidSpectra();
    const curves: Curve[] = [];
    this.plotPlace.replaceChildren(plot.element);
    this.problems.replaceChildren();
    for (const [index, node] of nodes.entries()) {
      const layer = node.layer!;
      this.status.textContent = l10n.t('Reading the spectrum of {0}…', layer);
      try {
        const { eigenvalues } = await this.host.request('spectrum', { layer }, source.token);
        if (this.pending !== source) return;
        if (eigenvalues.length > 0) curves.push({ layer, index, sigma: rankedSigma(eigenvalues) });
        else this.addProblem(l10n.t('{0} has no spectrum.', layer));
        plot.show([...curves]);
      } catch (error) {
        if (this.pending !== source) return;
        this.addProblem(l10n.t('{0}: {1}', layer, problemText(error)));
      }
    }
    this.status.textContent = '';
    plot.element.hidden = curves.length === 0;
  }

  private addProblem(text: string): void {
    this.problems.append(element('li', { class: 'problem' }, icon('error'), text));
  }
}
