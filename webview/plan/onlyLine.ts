/** Says that a plan is limited to layers that were chosen in the table, and takes the limit away. */
import type { PlanTarget } from '../../extension/shared/compression/plans';
import { l10n } from '../../extension/shared/language/l10n';
import { button } from '../controls/controls';
import { breakableName, element, type Child } from '../controls/elements';
import { counted } from '../numbers/format';
import type { OnlyLayers } from './planSettings';

export class OnlyLine {
  readonly element = element('div', { class: 'plan-only', role: 'group', 'aria-label': l10n.t('Layers of this plan') });

  /** @param onAll hears the target that the whole model had before */
  constructor(private readonly onAll: (before: PlanTarget) => void) {}

  show(only: OnlyLayers | null): void {
    this.element.hidden = only === null;
    if (!only) return;
    const { label, layers, before } = only;
    const all = button({
      label: l10n.t('All Layers'),
      icon: 'close',
      title: l10n.t('Plan all layers again'),
      onClick: () => this.onAll(before),
    });
    const name = element('bdi', { dir: 'ltr' }, ...breakableName(label));
    this.element.replaceChildren(
      element('p', {}, ...l10n.pieces<'Only {0}: {1}', Child>('Only {0}: {1}', name, counted('layers', layers.length))),
      all,
    );
  }
}
