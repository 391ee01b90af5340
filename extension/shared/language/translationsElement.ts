/** The element of a page that holds its translations. */
export const TRANSLATIONS_ID = 'translations';

/** @returns an element for `bundle`, nothing for English. No character of it can end the element. */
export function translationsElement(bundle: Readonly<Record<string, string>> | undefined): string {
  if (!bundle) return '';
  const json = JSON.stringify(bundle).replaceAll('<', '\\u003c');
  return `<script type="application/json" id="${TRANSLATIONS_ID}">${json}</script>`;
}
