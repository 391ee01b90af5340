/** The bar between the table and the layer's view: dragged with the pointer or moved with the arrow keys. */
import { LEAST_SHARE, MOST_SHARE, type TableShares } from '../../extension/shared/tableShares';
import { l10n } from '../../extension/shared/language/l10n';
import { element } from './elements';

/** What an arrow key moves it by, as a share of the room. */
const STEP = 0.03;

/** Rounding to pixels moves the bar by less than this share. */
const SLACK = 0.01;

export function splitter(
  container: HTMLElement,
  shares: TableShares,
  onChange: (shares: TableShares) => void,
): HTMLElement {
  const bar = element('div', {
    ...{ class: 'splitter', role: 'separator', tabindex: 0, 'aria-label': l10n.t('Share of the table') },
    ...{ 'aria-valuemin': LEAST_SHARE * 100, 'aria-valuemax': MOST_SHARE * 100 },
  });
  const current = { split: shares.split, stackedSplit: shares.stackedSplit };
  const stacked = (): boolean => getComputedStyle(container).flexDirection === 'column';
  const show = (): void => {
    const share = stacked() ? current.stackedSplit : current.split;
    container.style.setProperty('--split', String(share));
    bar.setAttribute('aria-orientation', stacked() ? 'horizontal' : 'vertical');
    bar.setAttribute('aria-valuenow', String(Math.round(share * 100)));
  };
  const set = (next: number): void => {
    const key = stacked() ? 'stackedSplit' : 'split';
    current[key] = Math.min(MOST_SHARE, Math.max(LEAST_SHARE, next));
    show();
    // A part that becomes no smaller says so: from there, the next key moves the bar.
    const [box, bounds] = [container.getBoundingClientRect(), bar.getBoundingClientRect()];
    const share = stacked() ? (bounds.top - box.top) / box.height : (bounds.left - box.left) / box.width;
    if (share > current[key] + SLACK) {
      current[key] = Math.min(MOST_SHARE, share);
      show();
    }
  };
  new ResizeObserver(show).observe(container);
  bar.addEventListener('pointerdown', (event) => {
    bar.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  bar.addEventListener('pointermove', (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const box = container.getBoundingClientRect();
    set(stacked() ? (event.clientY - box.top) / box.height : (event.clientX - box.left) / box.width);
  });
  bar.addEventListener('lostpointercapture', () => onChange({ ...current }));
  bar.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -STEP, ArrowUp: -STEP, ArrowRight: STEP, ArrowDown: STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    set((stacked() ? current.stackedSplit : current.split) + step);
    onChange({ ...current });
  });
  return bar;
}
