/** The answers before any click: which layers are unusual and why, and how much could be saved at what error. */
import { agreeing } from '../../extension/shared/agreeing';
import { judgedShare } from '../../extension/shared/layerFindings';
import { button } from '../controls/controls';
import { element } from '../controls/elements';
import { formatCount, plural } from '../numbers/format';
import { icon, type IconName } from '../controls/icons';
import type { Inspection } from '../model/inspection';
import { ofTheModel } from '../numbers/ofTheModel';
import { SavingsPlot } from '../plots/savingsPlot';
import { roving } from '../controls/roving';
import { savings } from '../numbers/savings';
import { unusualLayers, type UnusualLayer } from '../../extension/shared/findings/unusualLayers';

/** Lines of unusual layers; the table, sorted, shows the rest. */
const MOST_LISTED = 100;

/** Least time between two drawings, and the share of the time that they may take: of 100 000 results each one is long. */
const REDRAW_MS = 400;
const LARGEST_SHARE = 0.1;

const KIND_ICONS: Record<UnusualLayer['kind'], IconName> = {
  broken: 'error',
  failed: 'warning',
  'rank-loss': 'warning',
  under: 'triangle-up',
  over: 'triangle-down',
  shape: 'info',
};

export interface OverviewActions {
  open(layer: string): void;
  /** Plans the compression of the whole model. */
  compress(): void;
}

export class Overview {
  readonly element: HTMLElement;
  private readonly count = element('span', { class: 'badge' });
  private readonly list = element('ul', { class: 'unusual-list' });
  private readonly setTabStop = roving(this.list, '.unusual-item', ['ArrowUp', 'ArrowDown']);
  private readonly savingsPlot: SavingsPlot;
  private readonly ofTheModel: ReturnType<typeof ofTheModel>;
  /** What the drawing stands for, and when it was made. */
  private shown = '';
  private drawn = -Infinity;
  private took = 0;
  private timer = 0;

  constructor(
    private readonly inspection: Inspection,
    private readonly actions: OverviewActions,
  ) {
    this.ofTheModel = ofTheModel(inspection.summary.tensors);
    const hopeless = inspection.summary.tensors.every(({ layers }) => layers.length === 0);
    this.savingsPlot = new SavingsPlot(
      hopeless ? 'No tensor here has a spectrum.' : 'Appears with the first inspected layers.',
      hopeless ? [] : [button({ label: 'Compress Model…', icon: 'fold', onClick: () => actions.compress() })],
    );
    this.element = element(
      'section',
      { class: 'overview', 'aria-label': 'Overview' },
      element('h2', { class: 'hidden' }, 'Overview'),
      element(
        'section',
        { class: 'unusual', 'aria-label': 'Unusual layers' },
        element('h3', { class: 'plot-title' }, 'Unusual layers ', this.count),
        this.list,
      ),
      this.savingsPlot.element,
    );
    this.refresh();
  }

  /** Results come by the hundred a second: what they add up to is worked out now and then. */
  refresh(): void {
    if (this.timer !== 0 || this.shown === this.stateShown()) return;
    const wait = this.drawn + Math.max(REDRAW_MS, this.took / LARGEST_SHARE) - performance.now();
    if (wait <= 0) this.draw();
    else {
      this.timer = window.setTimeout(() => {
        this.timer = 0;
        this.draw();
      }, wait);
    }
  }

  private stateShown(): string {
    return `${this.inspection.version} ${this.inspection.busy}`;
  }

  private draw(): void {
    const { results } = this.inspection;
    this.shown = this.stateShown();
    this.drawn = performance.now();
    const ofModel = this.ofTheModel(results.values());
    const unusual = unusualLayers(ofModel);
    this.count.textContent = formatCount(unusual.length);
    this.count.hidden = unusual.length === 0;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.title : '';
    const items = unusual.slice(0, MOST_LISTED).map((found) => this.item(found));
    if (unusual.length === 0) {
      const text = results.size === 0 ? 'Layers that stand out are listed here, with the reason.' : this.allWell();
      items.push(element('li', { class: 'muted' }, text));
    } else if (unusual.length > MOST_LISTED) {
      items.push(element('li', { class: 'muted' }, `and ${formatCount(unusual.length - MOST_LISTED)} more`));
    }
    const { judged, layers } = judgedShare(ofModel);
    if (layers > 0) {
      const text = `${formatCount(judged)} of ${plural(layers, 'layer')} ${agreeing(layers, 'gives', 'give')} enough evidence for a verdict.`;
      items.push(element('li', { class: 'muted' }, text));
    }
    const hadFocus = this.list.contains(document.activeElement);
    this.list.replaceChildren(...items);
    // Keeps a keyboard reader of the list on the same layer.
    if (hadFocus) [...this.list.querySelectorAll('button')].find((item) => item.title === focused)?.focus();
    this.setTabStop();
    this.savingsPlot.show(savings(ofModel));
    this.took = performance.now() - this.drawn;
  }

  private allWell(): string {
    return this.inspection.busy ? 'None found so far.' : 'None found.';
  }

  private item({ layer, kind, reason }: UnusualLayer): HTMLElement {
    return element(
      'li',
      {},
      element(
        'button',
        {
          type: 'button',
          class: `unusual-item ${kind}`,
          title: `${layer}: ${reason}`,
          click: () => this.actions.open(layer),
        },
        icon(KIND_ICONS[kind]),
        element('span', { class: 'unusual-name' }, element('bdi', { dir: 'ltr' }, layer)),
        element('span', { class: 'unusual-reason' }, reason),
      ),
    );
  }
}
