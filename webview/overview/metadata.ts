/** What a checkpoint's header says of itself, folded away until it is asked for. */
import { l10n } from '../../extension/shared/language/l10n';
import { element } from '../controls/elements';
import { indentedJson } from './indentedJson';
import { formatCount } from '../numbers/format';

/** A chat template has some thousand characters; of longer texts, JSON of whole configurations, the beginning is shown. */
const MOST_CHARACTERS = 4000;

/** @returns null where there is nothing to show */
export function metadataDetails(metadata: Readonly<Record<string, string>>): HTMLElement | null {
  const entries = Object.entries(metadata);
  if (entries.length === 0) return null;
  return element(
    'details',
    { class: 'metadata' },
    element(
      'summary',
      {},
      l10n.many(entries.length, 'Metadata (1 entry)', 'Metadata ({0} entries)', formatCount(entries.length)),
    ),
    element(
      'div',
      { class: 'metadata-scroll', tabindex: 0, role: 'region', 'aria-label': l10n.t('Metadata') },
      element(
        'dl',
        {},
        ...entries.flatMap(([key, value]) => [element('dt', {}, key), element('dd', {}, shown(value))]),
      ),
    ),
  );
}

function shown(value: string): string {
  const text = indentedJson(value) ?? value;
  if (text.length <= MOST_CHARACTERS) return text;
  return l10n.t('{0}… ({1} characters)', text.slice(0, MOST_CHARACTERS), formatCount(text.length));
}
