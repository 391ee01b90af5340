/** Explains the table's filter in a panel of examples, each of which can be tried with a click. */
import { l10n } from '../../extension/shared/language/l10n';
import { element } from '../controls/elements';
import { openPopup } from '../controls/popup';

const EXAMPLES: readonly { filter: string; meaning: string }[] = [
  { filter: 'norm', meaning: l10n.t('names that contain “norm”; of several words, all must be found') },
  { filter: 'layers.*.mlp', meaning: l10n.t('a pattern: * any text, ? one character, {q,k} either') },
  { filter: 'alpha>6', meaning: l10n.t('any column’s number, with > < >= <= =') },
  { filter: 'params>1M', meaning: l10n.t('k, M, B and T multiply') },
  { filter: 'dtype:bf16', meaning: l10n.t('the type as stored') },
  { filter: '64x172', meaning: l10n.t('the shape; shape:64x* for one side') },
  { filter: 'finding:over', meaning: l10n.t('what was found: over, under, shape, rank-loss, failed, broken') },
  {
    filter: 'role=q_proj,k_proj',
    meaning: l10n.t('the role in a block; = asks for the whole word, a comma for either'),
  },
  { filter: 'norm alpha<2', meaning: l10n.t('all of it together') },
];

/**
 * Opens below its button. The focus ends in the filter's field once an example was taken.
 *
 * @param onExample hears the filter to try
 */
export function showFilterHelp(owner: HTMLElement, field: HTMLElement, onExample: (filter: string) => void): void {
  const rows = EXAMPLES.map(({ filter, meaning }) => {
    const tried = (): void => {
      close();
      onExample(filter);
      field.focus();
    };
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, element('button', { type: 'button', class: 'link', click: tried }, filter)),
      element('td', {}, meaning),
    );
  });
  const panel = element(
    'div',
    { class: 'popup filter-help', role: 'dialog', 'aria-label': l10n.t('How to filter') },
    element('table', { class: 'numbers' }, element('tbody', {}, ...rows)),
    element(
      'p',
      { class: 'muted' },
      l10n.t('If no name contains the text, names with its letters close together in that order are shown.'),
    ),
  );
  const { left, bottom } = owner.getBoundingClientRect();
  const close = openPopup(panel, { x: left, y: bottom }, owner);
  panel.querySelector('button')?.focus();
}
