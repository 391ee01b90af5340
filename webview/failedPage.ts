/** What stands in the place of the page if the checkpoint could not be opened. */
import { l10n } from '../extension/shared/language/l10n';
import { problemOf } from '../extension/shared/rpc';
import { button } from './controls/controls';
import { element } from './controls/elements';
import { icon } from './controls/icons';

/**
 * @param again a button
 * @param asText shows the file in VS Code's text editor
 */
export function failedPage(error: unknown, again: HTMLElement, asText: () => void): HTMLElement {
  const { code, message, file } = problemOf(error);
  const text = code === 'text-file' ? button({ label: l10n.t('Open as Text'), onClick: asText }) : null;
  return element(
    'main',
    { class: 'failed-page' },
    icon('error'),
    element(
      'div',
      { role: 'alert' },
      element('h1', {}, l10n.t('This checkpoint could not be opened')),
      file !== undefined && !message.includes(file) ? element('p', { class: 'muted' }, file) : null,
      element('p', {}, l10n.known(message)),
    ),
    element('div', { class: 'actions' }, again, text),
  );
}
