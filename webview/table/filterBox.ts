/** The field for the table's filter, with the button that clears it and the one that explains it. */
import { l10n } from '../../extension/shared/language/l10n';
import { button, textField, type Button, type TextField } from '../controls/controls';
import { showFilterHelp } from './filterHelp';

export interface FilterBoxActions {
  changed(filter: string): void;
  /** Enter, or the arrow down to what was found. */
  toRows(): void;
}

export class FilterBox {
  readonly elements: readonly HTMLElement[];
  private readonly field: TextField;
  private readonly clear: Button;

  constructor(
    filter: string,
    private readonly actions: FilterBoxActions,
  ) {
    this.field = textField({
      label: l10n.t('Filter tensors by name'),
      placeholder: l10n.t('Name, alpha>6, dtype:bf16, 64x172'),
      icon: 'filter',
      value: filter,
      onInput: () => this.tell(),
    });
    this.field.addEventListener('keydown', (event) => this.onKey(event));
    this.clear = button({
      label: l10n.t('Clear the filter'),
      icon: 'close',
      appearance: 'icon',
      title: l10n.t('Clear the filter (Escape)'),
      onClick: () => {
        this.change('');
        this.field.focus();
      },
    });
    this.clear.slot = 'end';
    this.field.append(this.clear);
    const help = button({
      label: l10n.t('How to filter'),
      icon: 'question',
      appearance: 'icon',
      onClick: () => showFilterHelp(help, this.field, (example) => this.change(example)),
    });
    this.elements = [this.field, help];
    this.show(filter);
  }

  /** Puts a filter into the field, as if it were typed. */
  change(filter: string): void {
    this.show(filter);
    this.actions.changed(filter);
  }

  /** Puts a filter into the field that is in use already. */
  show(filter: string): void {
    this.field.value = filter;
    this.clear.hidden = filter === '';
  }

  focus(): void {
    this.field.focus();
  }

  private tell(): void {
    this.clear.hidden = this.field.value === '';
    this.actions.changed(this.field.value);
  }

  private onKey(event: KeyboardEvent): void {
    // The button in the field has keys of its own.
    if (event.target !== this.field) return;
    if (event.key === 'ArrowDown' || event.key === 'Enter') {
      event.preventDefault();
      this.actions.toRows();
    } else if (event.key === 'Escape' && this.field.value !== '') {
      event.preventDefault();
      event.stopPropagation();
      this.change('');
    }
  }
}
