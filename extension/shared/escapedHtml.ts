/** Text as HTML, for an element's content or a quoted attribute: no character of it is markup. */
export function escapedHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0) ?? 0};`);
}
