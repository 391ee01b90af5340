/** The colours a canvas needs, and word of theme changes: VS Code rewrites the body's classes and variables. */

/** Sent to every plot in the page after a change of theme; what the style sheet colours needs no redrawing. */
export const THEME_CHANGE = 'eigenscope-theme';

export function watchTheme(): void {
  new MutationObserver(() => {
    for (const plot of document.querySelectorAll('.plot')) plot.dispatchEvent(new Event(THEME_CHANGE));
  }).observe(document.body, { attributes: true, attributeFilter: ['class'] });
}

/** The value of one of the style sheet's colours, for canvas drawing. */
export function themeColour(name: `--${string}`): string {
  return getComputedStyle(document.body).getPropertyValue(name).trim();
}
