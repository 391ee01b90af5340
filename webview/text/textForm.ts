/** What a model is run on: text, number and length of windows, models beside it. */
import { l10n } from '../../extension/shared/language/l10n';
import { fileName } from '../../extension/shared/names/fileName';
import {
  LEAST_LENGTH,
  MOST_LENGTH,
  MOST_WINDOWS,
  type DecoderFacts,
  type EvaluationOnText,
  type TextChoices,
} from '../../extension/shared/textRuns';
import { button, type Button } from '../controls/controls';
import { element } from '../controls/elements';
import { field, numberInput, setUnlessEdited } from '../controls/fields';

export interface TextFormActions {
  chooseText(): void;
  chooseSaved(): void;
  /** Another text, another number, other models. */
  changed(): void;
}

export class TextForm {
  readonly element: HTMLElement;
  private readonly textName = element('span', { class: 'chosen-text' });
  private readonly chooseButton: Button;
  private readonly windows: HTMLInputElement;
  private readonly length: HTMLInputElement;
  private readonly list = element('ul', { class: 'compared-models' });
  private text: string | null;
  private windowCount: number;
  private windowLength: number;
  private others: readonly string[] = [];

  constructor(
    private readonly facts: DecoderFacts,
    choices: TextChoices,
    private readonly actions: TextFormActions,
  ) {
    this.text = choices.text;
    this.windowCount = choices.windows;
    const { length: kept } = choices;
    this.windowLength = kept !== null && kept <= (facts.positions ?? Infinity) ? kept : facts.usualLength;
    this.chooseButton = button({
      label: l10n.t('Choose Text…'),
      icon: 'folder-opened',
      title: l10n.t('A text (.txt, .md, .jsonl), or token ids (.npy, .bin, .jsonl)'),
      onClick: () => actions.chooseText(),
    });
    this.windows = numberInput({ min: 1, max: MOST_WINDOWS, step: 1 }, (value) => {
      this.windowCount = whole(value, 1, MOST_WINDOWS);
      this.refresh();
    });
    this.length = numberInput({ min: LEAST_LENGTH, max: MOST_LENGTH, step: 1 }, (value) => {
      this.windowLength = whole(value, LEAST_LENGTH, MOST_LENGTH);
      this.refresh();
    });
    const windows = field(l10n.t('Windows'), this.windows);
    windows.title = l10n.t('Pieces of the text that the model reads; more take longer and say more');
    const length = field(l10n.t('Length'), this.length, l10n.t('tokens'));
    length.title = l10n.t('Tokens of a window');
    const add = button({
      label: l10n.t('Add a Saved Model…'),
      icon: 'add',
      title: l10n.t('Compressed copies, for instance: they are compared with this model on the same windows'),
      onClick: () => actions.chooseSaved(),
    });
    this.element = element(
      'section',
      { class: 'text-form', 'aria-label': l10n.t('On what the model runs') },
      element('div', { class: 'text-choice' }, this.chooseButton, this.textName),
      element('div', { class: 'text-numbers' }, windows, length),
      element('div', { class: 'text-models' }, this.list, add),
    );
    this.show();
  }

  /** Null without a text. */
  get request(): EvaluationOnText | null {
    if (this.text === null) return null;
    const isUsual = this.windowLength === this.facts.usualLength;
    const length = isUsual ? {} : { length: this.windowLength };
    const tokens = { path: this.text, windows: this.windowCount, ...length };
    return { tokens, others: this.others };
  }

  useText(path: string): void {
    this.text = path;
    this.refresh();
  }

  compareWith(paths: readonly string[]): void {
    this.others = [...new Set([...this.others, ...paths])];
    this.refresh();
  }

  focus(): void {
    this.chooseButton.focus();
  }

  private refresh(): void {
    this.show();
    this.actions.changed();
  }

  private show(): void {
    const { text } = this;
    this.textName.textContent = text === null ? l10n.t('No text is chosen yet.') : fileName(text);
    this.textName.title = text ?? '';
    setUnlessEdited(this.windows, String(this.windowCount));
    setUnlessEdited(this.length, String(this.windowLength));
    this.list.hidden = this.others.length === 0;
    this.list.replaceChildren(
      ...this.others.map((path) =>
        element(
          'li',
          {},
          element('span', { title: path }, path),
          button({
            label: l10n.t('Do not compare with {0}', path),
            icon: 'close',
            appearance: 'icon',
            onClick: () => {
              this.others = this.others.filter((each) => each !== path);
              this.refresh();
              this.chooseButton.focus();
            },
          }),
        ),
      ),
    );
  }
}

function whole(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Math.round(value)));
}
