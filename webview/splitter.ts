/** The bar between the table and the layer's view: dragged with the pointer or moved with the arrow keys. */
import { element } from './elements';

/** What an arrow key moves it by, as a share of the room. */
const STEP = 0.03;
const LEAST = 0.2;
const MOST = 0.8;

export function splitter(container: HTMLElement, share: number, onChange: (share: number) => void): HTMLElement {
  const bar = element('div', {
    ...{ class: 'splitter', role: 'separator', tabindex: 0, 'aria-label': 'Share of the table' },
    ...{ 'aria-valuemin': LEAST * 100, 'aria-valuemax': MOST * 100 },
  });
  let current = share;
  const set = (next: number): void => {
    current = Math.min(MOST, Math.max(LEAST, next));
    container.style.setProperty('--split', String(current));
    bar.setAttribute('aria-valuenow', String(Math.round(current * 100)));
  };
  const stacked = (): boolean => getComputedStyle(container).flexDirection === 'column';
  const orient = (): void => bar.setAttribute('aria-orientation', stacked() ? 'horizontal' : 'vertical');
  new ResizeObserver(orient).observe(container);
  bar.addEventListener('pointerdown', (event) => {
    bar.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  bar.addEventListener('pointermove', (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const box = container.getBoundingClientRect();
    set(stacked() ? (event.clientY - box.top) / box.height : (event.clientX - box.left) / box.width);
  });
  bar.addEventListener('lostpointercapture', () => onChange(current));
  bar.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -STEP, ArrowUp: -STEP, ArrowRight: STEP, ArrowDown: STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    set(current + step);
    onChange(current);
  });
  set(share);
  return bar;
}
