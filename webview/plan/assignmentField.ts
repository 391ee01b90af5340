/** What an ILP chooses among, and how long it may take. */
import { whyNotAssigned } from '../../extension/compression/plan/assertRequest';
import { layerMethods, type MethodName } from '../../extension/shared/compression/methodTable';
import { l10n } from '../../extension/shared/language/l10n';
import { checkbox, setChecked, type Checkbox } from '../controls/controls';
import { element } from '../controls/elements';
import { field, numberInput, setUnlessEdited } from '../controls/fields';
import type { Lacking } from './neededStatistics';
import type { PlanSettings } from './planSettings';

const CHOOSABLE = layerMethods.filter(({ name }) => whyNotAssigned(name) === undefined);

const MOST_SECONDS = 3600;

type Chosen = Pick<PlanSettings, 'choices' | 'timeLimit'>;

export class AssignmentField {
  readonly element: HTMLElement;
  private readonly boxes = new Map<MethodName, Checkbox>();
  private readonly limit: HTMLInputElement;
  private chosen: readonly MethodName[] = [];

  constructor(
    private readonly lacking: Lacking,
    onChange: (change: Partial<Chosen>) => void,
  ) {
    const items = CHOOSABLE.map(({ name, label, description }) => {
      const box = checkbox(label, false, (use) => {
        const others = this.chosen.filter((each) => each !== name);
        onChange({ choices: use ? [...others, name] : others });
      });
      box.title = description;
      this.boxes.set(name, box);
      return element('li', {}, box);
    });
    this.limit = numberInput({ min: 0.1, max: MOST_SECONDS, step: 'any' }, (value) =>
      onChange({ timeLimit: Math.min(MOST_SECONDS, Math.max(0.1, value)) }),
    );
    this.element = element(
      'div',
      { class: 'assignment-field' },
      element(
        'fieldset',
        { class: 'exclude' },
        element('legend', {}, l10n.t('ILP chooses among')),
        element(
          'p',
          { class: 'muted description' },
          l10n.t('Several ranks and bits of each; without any, of the method of all layers.'),
        ),
        element('ul', { class: 'patterns' }, ...items),
      ),
      field(l10n.t('Time limit'), this.limit, l10n.t('seconds')),
    );
  }

  show({ choices, timeLimit, allocation }: PlanSettings): void {
    this.chosen = choices;
    this.element.hidden = allocation !== 'ilp';
    for (const [name, box] of this.boxes) {
      const lack = this.lacking(name);
      setChecked(box, choices.includes(name));
      // What is chosen can be taken back.
      box.disabled = lack !== undefined && !box.checked;
      if (lack !== undefined) box.title = lack;
    }
    setUnlessEdited(this.limit, String(timeLimit));
  }
}
