/** The quantised checkpoint that methods use which repair what it lost: the button that asks for it, and what it holds. */
import type { QuantisedSummary } from '../../extension/shared/compression/quantisedCheckpoint';
import { l10n } from '../../extension/shared/language/l10n';
import { problemOf } from '../../extension/shared/rpc';
import { fileName } from '../../extension/shared/names/fileName';
import type { Host } from '../connection';
import { button, type Button } from '../controls/controls';
import { element } from '../controls/elements';
import { icon } from '../controls/icons';
import { formatCount, counted } from '../numbers/format';

/** More help nobody. */
const MOST_LISTED = 2000;

export interface QuantisedActions {
  /** Another one is in use, or none. */
  used(quantised: QuantisedSummary | null): void;
  failed(message: string): void;
}

export class QuantisedLine {
  readonly element = element('div', { class: 'statistics', hidden: true });
  readonly button: Button;
  quantised: QuantisedSummary | null = null;

  constructor(
    private readonly host: Host,
    private readonly actions: QuantisedActions,
  ) {
    this.button = button({
      label: l10n.t('Quantised Checkpoint…'),
      shrinks: true,
      icon: 'json',
      title: l10n.t('A quantised checkpoint of this model: an adapter can hold what it lost'),
      onClick: () => void this.use(null),
    });
  }

  /** @param path of the checkpoint; the host asks for it if it is null */
  async use(path: string | null): Promise<void> {
    this.button.disabled = true;
    try {
      const found = await this.host.request('useQuantised', { path });
      if (found) this.set(found);
    } catch (error) {
      this.actions.failed(problemOf(error).message);
    } finally {
      this.button.disabled = false;
    }
  }

  private set(quantised: QuantisedSummary | null): void {
    this.quantised = quantised;
    this.element.hidden = quantised === null;
    this.element.replaceChildren(...(quantised ? this.contents(quantised) : []));
    this.actions.used(quantised);
  }

  private contents({ path, format, layers, missing }: QuantisedSummary): HTMLElement[] {
    const name = fileName(path);
    const text = l10n.t(
      'Quantised checkpoint {0} ({1}): {2} of {3}.',
      name,
      format,
      formatCount(layers.length),
      counted('layers', layers.length + missing.length),
    );
    const forget = button({
      label: l10n.t('Use no quantised checkpoint'),
      icon: 'close',
      appearance: 'icon',
      onClick: () => this.set(null),
    });
    const items = missing
      .slice(0, MOST_LISTED)
      .map(({ layer, why }) => element('li', {}, `${layer} ${l10n.known(why)}`));
    const rest = missing.length - items.length;
    if (rest > 0) items.push(element('li', {}, l10n.t('and {0} more', formatCount(rest))));
    const list = element(
      'div',
      {
        class: 'statistics-scroll',
        tabindex: 0,
        role: 'region',
        'aria-label': l10n.t('Layers that are not quantised there'),
      },
      missing.length > 0
        ? element('ul', {}, ...items)
        : element('p', { class: 'muted' }, l10n.t('It holds every layer.')),
    );
    return [element('details', {}, element('summary', {}, icon('json'), text), list), forget];
  }
}
