/** Unusual layers, one line a group; a group opens to its layers, each of which leads to its view. */
import { groupFindings, type FindingGroup } from '../../extension/shared/findings/findingGroups';
import type { NumberWords } from '../../extension/shared/findings/numberWords';
import { unusualLayers, type UnusualKind, type UnusualLayer } from '../../extension/shared/findings/unusualLayers';
import { l10n } from '../../extension/shared/language/l10n';
import type { LayerResult } from '../../extension/shared/layers';
import type { ModelMap } from '../../extension/shared/names/modelMap';
import { button } from '../controls/controls';
import { element } from '../controls/elements';
import { icon, type IconName } from '../controls/icons';
import { roving } from '../controls/roving';
import { formatCount, formatNumber } from '../numbers/format';

/** Numbers in the reader's language. */
export const LOCAL_NUMBERS: NumberWords = { count: formatCount, number: (value) => formatNumber(value, 3) };

/** Groups, and layers of one that is open; the table, sorted, shows the rest. */
const MOST_GROUPS = 50;
const MOST_LAYERS = 100;

const KIND_ICONS: Record<UnusualKind, IconName> = {
  broken: 'error',
  failed: 'warning',
  'rank-loss': 'warning',
  under: 'triangle-up',
  over: 'triangle-down',
  shape: 'info',
};

export class FindingList {
  readonly element = element('ul', { class: 'unusual-list' });
  private readonly setTabStop = roving(this.element, '.unusual-item', ['ArrowUp', 'ArrowDown']);
  /** Groups that a person opened. */
  private readonly opened = new Set<string>();
  private groups: readonly FindingGroup[] = [];
  private notes: readonly string[] = [];

  constructor(
    private readonly map: () => ModelMap,
    private readonly open: (layer: string) => void,
    private readonly showInTable: (group: readonly UnusualLayer[]) => void,
  ) {
    // The tab key goes from a line to its button and on: the others' buttons are no stops.
    this.element.addEventListener('focusin', () => {
      for (const item of this.element.querySelectorAll<HTMLElement>('.unusual-filter')) {
        item.tabIndex = item.parentElement!.contains(document.activeElement) ? 0 : -1;
      }
    });
  }

  /**
   * @param notes sentences below the groups
   * @param none said if results came and nothing is unusual
   * @returns the number of unusual layers
   */
  show(results: readonly LayerResult[], notes: readonly string[], none: string): number {
    const unusual = unusualLayers(results, LOCAL_NUMBERS);
    this.groups = groupFindings(unusual, this.map(), LOCAL_NUMBERS);
    this.notes = unusual.length === 0 && results.length > 0 ? [none, ...notes] : notes;
    this.draw();
    return new Set(unusual.map(({ layer }) => layer)).size;
  }

  private draw(): void {
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.title : '';
    const hadFocus = this.element.contains(document.activeElement);
    const { scrollTop } = this.element;
    const items = this.groups.slice(0, MOST_GROUPS).map((group) => this.group(group));
    if (this.groups.length > MOST_GROUPS)
      items.push(note(l10n.t('and {0} more', formatCount(this.groups.length - MOST_GROUPS))));
    this.element.replaceChildren(...items, ...this.notes.map(note));
    this.element.scrollTop = scrollTop;
    // Keeps a keyboard reader of the list on the same line.
    if (hadFocus) [...this.element.querySelectorAll('button')].find((item) => item.title === focused)?.focus();
    this.setTabStop();
  }

  private group({ kind, layers, where, what }: FindingGroup): HTMLElement {
    const [first] = layers;
    if (layers.length === 1) return this.layer(first!);
    // As results come, a group grows: its blocks are another text, its kind and roles are not.
    const key = `${kind} ${where.slice(0, where.indexOf(','))}`;
    const isOpen = this.opened.has(key);
    const head = element(
      'button',
      {
        ...{ type: 'button', class: `unusual-item unusual-group ${kind}`, title: `${where}: ${what}` },
        'aria-expanded': String(isOpen),
        click: () => {
          if (!this.opened.delete(key)) this.opened.add(key);
          this.draw();
        },
      },
      icon(isOpen ? 'chevron-down' : 'chevron-right'),
      icon(KIND_ICONS[kind]),
      element('span', { class: 'unusual-where' }, element('bdi', {}, where)),
      element('span', { class: 'unusual-reason' }, what),
    );
    const filter = button({
      label: l10n.t('Show in the table: {0}', where),
      icon: 'filter',
      appearance: 'icon',
      title: l10n.t('Show these layers in the table'),
      onClick: () => this.showInTable(layers),
    });
    filter.classList.add('unusual-filter');
    filter.tabIndex = -1;
    const line = element('div', { class: 'unusual-line' }, head, filter);
    if (!isOpen) return element('li', {}, line);
    const more = layers.length - MOST_LAYERS;
    const members = layers.slice(0, MOST_LAYERS).map((found) => this.layer(found));
    if (more > 0) members.push(note(l10n.t('and {0} more', formatCount(more))));
    return element('li', {}, line, element('ul', { class: 'unusual-members' }, ...members));
  }

  private layer({ layer, kind, reason }: UnusualLayer): HTMLElement {
    const attributes = { type: 'button', class: `unusual-item ${kind}`, title: `${layer}: ${reason}` } as const;
    return element(
      'li',
      {},
      element(
        'button',
        { ...attributes, click: () => this.open(layer) },
        icon('blank'),
        icon(KIND_ICONS[kind]),
        element('span', { class: 'unusual-name' }, element('bdi', { dir: 'ltr' }, layer)),
        element('span', { class: 'unusual-reason' }, reason),
      ),
    );
  }
}

function note(text: string): HTMLElement {
  return element('li', { class: 'muted' }, text);
}
