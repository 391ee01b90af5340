/** Small surfaces over the page: a menu of actions, and a panel that a button opens. Escape and a click outside close. */
import { element } from './elements';
import { icon, type IconName } from './icons';

export interface MenuItem {
  label: string;
  icon?: IconName;
  run: () => void;
}

/** Least distance from the window's edges. */
const EDGE = 4;

/** A context menu at a place in the window; the focus returns to `owner` when it closes. */
export function showMenu(items: readonly MenuItem[], at: { x: number; y: number }, owner: HTMLElement): void {
  const buttons = items.map((item) =>
    element(
      'button',
      {
        class: 'menu-item',
        type: 'button',
        role: 'menuitem',
        tabindex: -1,
        click: () => {
          close();
          item.run();
        },
      },
      icon(item.icon ?? 'blank'),
      item.label,
    ),
  );
  const menu = element('div', { class: 'popup menu', role: 'menu' }, ...buttons);
  const close = openPopup(menu, at, owner);
  menu.addEventListener('keydown', (event) => {
    const current = buttons.findIndex((item) => item === document.activeElement);
    const next = {
      ArrowDown: (current + 1) % buttons.length,
      ArrowUp: (current - 1 + buttons.length) % buttons.length,
      Home: 0,
      End: buttons.length - 1,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    buttons[next]!.focus();
  });
  buttons[0]?.focus();
}

/** The same below the button that opens it. */
export function showMenuBelow(owner: HTMLElement, items: readonly MenuItem[]): void {
  const { left, bottom } = owner.getBoundingClientRect();
  showMenu(items, { x: left, y: bottom }, owner);
}

/**
 * Puts `popup` over the page.
 *
 * @returns a function that closes it and gives the focus back to `owner`
 */
export function openPopup(popup: HTMLElement, at: { x: number; y: number }, owner: HTMLElement): () => void {
  document.body.append(popup);
  const { width, height } = popup.getBoundingClientRect();
  popup.style.left = `${Math.max(EDGE, Math.min(at.x, window.innerWidth - width - EDGE))}px`;
  popup.style.top = `${Math.max(EDGE, Math.min(at.y, window.innerHeight - height - EDGE))}px`;
  const remove = (): void => {
    outside.abort();
    popup.remove();
  };
  const close = (): void => {
    if (!popup.isConnected) return;
    remove();
    owner.focus({ preventScroll: true });
  };
  const outside = new AbortController();
  const { signal } = outside;
  document.addEventListener(
    'pointerdown',
    (event) => {
      if (event.target instanceof Node && !popup.contains(event.target)) close();
    },
    { signal, capture: true },
  );
  popup.addEventListener('focusout', ({ relatedTarget }) => {
    // Tabbed out of: what has the focus now keeps it.
    if (relatedTarget instanceof Node && !popup.contains(relatedTarget)) remove();
  });
  window.addEventListener('blur', close, { signal });
  window.addEventListener('resize', close, { signal });
  popup.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' && event.key !== 'Tab') return;
    if (event.key === 'Tab' && popup.getAttribute('role') !== 'menu') return;
    event.preventDefault();
    event.stopPropagation();
    close();
  });
  return close;
}
