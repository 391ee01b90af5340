/** The titles of columns: dragged or moved with keys to another place, and their edges to another width. */
import type { TableActions } from './tableActions';

/** What an arrow key changes a width by, in pixels. */
const KEY_STEP = 8;

/** A title that moves less is clicked, not dragged. */
const DRAG_FROM = 6;

/** Titles of the columns that are shown, the name's first. */
type Titles = () => readonly HTMLElement[];

type ColumnActions = Pick<TableActions, 'resize' | 'resized' | 'moveColumn'>;

/** @param grip the edge of `title` that is dragged */
export function resizable(title: HTMLElement, grip: HTMLElement, key: string, actions: ColumnActions): void {
  let from: { x: number; width: number } | null = null;
  grip.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    grip.setPointerCapture(event.pointerId);
    from = { x: event.clientX, width: title.getBoundingClientRect().width };
  });
  grip.addEventListener('pointermove', (event) => {
    if (from) actions.resize(key, from.width + event.clientX - from.x);
  });
  grip.addEventListener('lostpointercapture', () => {
    if (from) actions.resized();
    from = null;
  });
  grip.addEventListener('dblclick', () => {
    actions.resize(key, null);
    actions.resized();
  });
}

/** @param mark a line that shows where the title would go */
export function movable(
  title: HTMLElement,
  handle: HTMLElement,
  titles: Titles,
  mark: HTMLElement,
  actions: ColumnActions,
): void {
  const key = title.dataset.column!;
  let from: number | null = null;
  let place: { target: string; side: 'before' | 'behind' } | null = null;
  const end = (): void => {
    from = null;
    place = null;
    mark.hidden = true;
  };
  handle.addEventListener('pointerdown', (event) => {
    if (event.button === 0) from = event.clientX;
  });
  handle.addEventListener('pointermove', (event) => {
    if (from === null || (place === null && Math.abs(event.clientX - from) < DRAG_FROM)) return;
    if (!handle.hasPointerCapture(event.pointerId)) handle.setPointerCapture(event.pointerId);
    place = placeAt(titles(), event.clientX);
    const target = titles().find((each) => each.dataset.column === place?.target);
    if (!target) return;
    mark.hidden = false;
    mark.style.insetInlineStart = `${place.side === 'before' ? target.offsetLeft : target.offsetLeft + target.offsetWidth}px`;
  });
  handle.addEventListener('pointerup', (event) => {
    if (place === null) {
      from = null;
      return;
    }
    const { target, side } = place;
    // The click that follows is the end of the drag: it sorts nothing.
    const dragged = new AbortController();
    const { signal } = dragged;
    handle.addEventListener('click', (click) => click.stopImmediatePropagation(), { capture: true, signal });
    window.setTimeout(() => dragged.abort());
    handle.releasePointerCapture(event.pointerId);
    end();
    actions.moveColumn(key, target, side);
  });
  handle.addEventListener('pointercancel', end);
}

/** The title that is nearest, and the half of it that the pointer is on. */
function placeAt([, ...titles]: readonly HTMLElement[], x: number): { target: string; side: 'before' | 'behind' } {
  for (const title of titles) {
    const { left, right } = title.getBoundingClientRect();
    if (x < right) return { target: title.dataset.column!, side: x < (left + right) / 2 ? 'before' : 'behind' };
  }
  return { target: titles.at(-1)!.dataset.column!, side: 'behind' };
}

/** Shift with an arrow changes the width, Ctrl with an arrow the place. */
export function onTitleKey(event: KeyboardEvent, title: HTMLElement, titles: Titles, actions: ColumnActions): void {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const control = event.ctrlKey || event.metaKey;
  if (step === undefined || event.altKey || event.shiftKey === control) return;
  // Without these keys the arrows go along the titles.
  event.preventDefault();
  event.stopPropagation();
  const key = title.dataset.column!;
  if (event.shiftKey) {
    actions.resize(key, title.getBoundingClientRect().width + step * KEY_STEP);
    actions.resized();
    return;
  }
  const shown = titles();
  const neighbour = shown[shown.indexOf(title) + step];
  if (!neighbour || neighbour === shown[0] || title === shown[0]) return;
  actions.moveColumn(key, neighbour.dataset.column!, step < 0 ? 'before' : 'behind');
}
