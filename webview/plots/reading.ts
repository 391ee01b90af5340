/** A number above a plot, with its name and what qualifies it. */
import { element } from '../controls/elements';

/** @param className of the number alone, for instance a heat colour */
export function reading(term: string, value: string, className = '', note = ''): HTMLElement {
  return element(
    'div',
    { class: 'reading' },
    element('dt', {}, term),
    element('dd', {}, element('span', { class: `reading-value ${className}` }, value), note ? ` ${note}` : null),
  );
}
