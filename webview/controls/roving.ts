/** One stop in the tab order for a group of buttons, with the arrow keys to go through them, as in a toolbar. */

/**
 * @param items selector of the buttons within the group
 * @param keys that go back and forward; Home and End go to the ends
 * @returns to be called after the buttons changed
 */
export function roving(group: HTMLElement, items: string, [back, forward]: [string, string]): () => void {
  const all = (): HTMLElement[] => [...group.querySelectorAll<HTMLElement>(items)];
  const stopAt = (stop: HTMLElement | undefined): void => {
    for (const each of all()) each.tabIndex = each === stop ? 0 : -1;
  };
  const focused = (): HTMLElement | undefined => all().find((each) => each === document.activeElement);
  group.addEventListener('focusin', () => stopAt(focused() ?? all()[0]));
  group.addEventListener('keydown', (event) => {
    const present = all();
    const at = present.findIndex((each) => each === document.activeElement);
    const to = { [back]: at - 1, [forward]: at + 1, Home: 0, End: present.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    present[to]?.focus();
  });
  return () => stopAt(focused() ?? all()[0]);
}
