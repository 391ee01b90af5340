/** Labelled controls of forms, and number fields that leave alone what a person is typing. */
import { element } from './elements';

let nextField = 0;

export interface NumberRange {
  min: number;
  max: number;
  step: number | 'any';
}

/** Hears a number once it is entered; an empty field and a text that is no number say nothing. */
export function numberInput(range: NumberRange, onValue: (value: number) => void): HTMLInputElement {
  const input = element('input', {
    ...{ class: 'number', type: 'number', ...range },
    change: () => {
      if (input.value !== '' && Number.isFinite(input.valueAsNumber)) onValue(input.valueAsNumber);
    },
  });
  return input;
}

/** What a person is typing is left alone until they are done. */
export function setUnlessEdited(input: HTMLInputElement, value: string): void {
  if (document.activeElement !== input || input.value === '') input.value = value;
}

/** @param control gets an id, by which its label names it */
export function field(label: string, control: HTMLElement, unit = ''): HTMLElement {
  control.id ||= `field-${nextField++}`;
  return element(
    'div',
    { class: 'field' },
    element('label', { for: control.id }, label),
    element('div', { class: 'field-control' }, control, unit ? element('span', { class: 'unit' }, unit) : null),
  );
}
