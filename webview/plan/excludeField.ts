/** Patterns of layers that stay dense: a list of regular expressions, each checked as it is typed. */
import { patternProblem } from '../../extension/compression/plan/patterns';
import { l10n } from '../../extension/shared/language/l10n';
import { button } from '../controls/controls';
import { element } from '../controls/elements';

let nextPattern = 0;

export class ExcludeField {
  readonly element: HTMLElement;
  private readonly list = element('ul', { class: 'patterns' });
  private patterns: string[] = [];

  /** @param onChange hears all patterns, and only when each of them is a regular expression */
  constructor(private readonly onChange: (patterns: readonly string[]) => void) {
    const add = button({ label: l10n.t('Add Pattern'), icon: 'add', onClick: () => this.add() });
    this.element = element(
      'fieldset',
      { class: 'exclude' },
      element('legend', {}, l10n.t('Leave out layers that match')),
      element(
        'p',
        { class: 'muted description' },
        l10n.t('Regular expressions, as in v_proj|o_proj. Embeddings and the output matrix are left out already.'),
      ),
      this.list,
      add,
    );
  }

  show(patterns: readonly string[]): void {
    if (patterns.join('\n') === this.valid().join('\n') && this.list.childElementCount > 0) return;
    this.patterns = [...patterns];
    this.list.replaceChildren(...this.patterns.map((_, at) => this.item(at)));
  }

  private valid(): string[] {
    return this.patterns.filter((pattern) => pattern !== '' && patternProblem(pattern) === undefined);
  }

  private add(): void {
    this.patterns.push('');
    this.list.append(this.item(this.patterns.length - 1));
    this.list.querySelector<HTMLInputElement>('li:last-child input')?.focus();
  }

  private remove(at: number): void {
    this.patterns.splice(at, 1);
    this.list.replaceChildren(...this.patterns.map((_, each) => this.item(each)));
    const inputs = this.list.querySelectorAll<HTMLInputElement>('input');
    (inputs[Math.min(at, inputs.length - 1)] ?? this.element.querySelector<HTMLElement>('vscode-button'))?.focus();
    this.tell();
  }

  private tell(): void {
    if (this.patterns.every((pattern) => patternProblem(pattern) === undefined)) this.onChange(this.valid());
  }

  private item(at: number): HTMLElement {
    const id = `pattern-${nextPattern++}`;
    const problem = element('span', { class: 'problem', id, role: 'status' });
    const check = (): void => {
      const found = patternProblem(input.value);
      problem.textContent = found ?? '';
      problem.hidden = found === undefined;
      input.setAttribute('aria-invalid', String(found !== undefined));
    };
    const input = element('input', {
      ...{ class: 'text', type: 'text', spellcheck: 'false', 'aria-label': l10n.t('Pattern {0}', at + 1) },
      'aria-describedby': id,
      input: check,
      change: () => {
        this.patterns[at] = input.value;
        this.tell();
      },
    });
    input.value = this.patterns[at]!;
    check();
    const remove = button({
      label: l10n.t('Remove pattern {0}', at + 1),
      icon: 'close',
      appearance: 'icon',
      onClick: () => this.remove(at),
    });
    return element('li', {}, element('div', { class: 'field-control' }, input, remove), problem);
  }
}
