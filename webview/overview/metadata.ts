/** What a checkpoint's header says of itself, folded away until it is asked for. */
import { element } from '../controls/elements';
import { indentedJson } from './indentedJson';
import { formatCount, plural } from '../numbers/format';

/** A chat template has some thousand characters; of longer texts, JSON of whole configurations, the beginning is shown. */
const MOST_CHARACTERS = 4000;

/** @returns null where there is nothing to show */
export function metadataDetails(metadata: Readonly<Record<string, string>>): HTMLElement | null {
  const entries = Object.entries(metadata);
  if (entries.length === 0) return null;
  return element(
    'details',
    { class: 'metadata' },
    element('summary', {}, `Metadata (${plural(entries.length, 'entry', 'entries')})`),
    element(
      'div',
      { class: 'metadata-scroll', tabindex: 0, role: 'region', 'aria-label': 'Metadata' },
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
  return `${text.slice(0, MOST_CHARACTERS)}… (${formatCount(text.length)} characters)`;
}
