/** Groups of projections that become smaller together: for each method, whether it is used and how much stays. */
import type { GroupShare } from '../../extension/shared/compression/blockGroups';
import type { GroupMethodName } from '../../extension/shared/compression/plans';
import { checkbox, setChecked, type Checkbox } from '../controls/controls';
import { element } from '../controls/elements';
import { numberInput, setUnlessEdited } from '../controls/fields';
import { plural } from '../numbers/format';
import { GROUP_LABELS } from './groupLabels';
import type { ChosenGroups } from './planInputs';

const FIRST_SHARE = 0.75;

interface Row {
  readonly box: Checkbox;
  readonly share: HTMLInputElement;
  readonly text: HTMLElement;
}

export class GroupsField {
  readonly element: HTMLElement;
  private readonly rows = new Map<GroupMethodName, Row>();
  private readonly lack = element('p', { class: 'muted description', role: 'status' });
  private chosen: readonly GroupShare[] = [];

  constructor(private readonly onChange: (groups: readonly GroupShare[]) => void) {
    const items = (Object.keys(GROUP_LABELS) as GroupMethodName[]).map((method) => {
      const { label, what, title } = GROUP_LABELS[method];
      const box = checkbox(label, false, (use) => this.set(method, use ? FIRST_SHARE : null));
      box.title = title;
      const share = numberInput({ min: 1, max: 99, step: 'any' }, (value) =>
        this.set(method, Math.min(99, Math.max(1, value)) / 100),
      );
      share.setAttribute('aria-label', `${label}: share that stays, in percent`);
      const text = element('p', { class: 'muted description', role: 'status' });
      this.rows.set(method, { box, share, text });
      const control = element(
        'div',
        { class: 'field-control' },
        share,
        element('span', { class: 'unit' }, `% ${what}`),
      );
      return element('li', {}, box, control, text);
    });
    this.element = element(
      'fieldset',
      { class: 'exclude groups' },
      element('legend', {}, 'Make smaller as groups'),
      this.lack,
      element('ul', { class: 'patterns' }, ...items),
    );
  }

  /** @param lack why no group can be made smaller */
  show(chosen: readonly GroupShare[], { groups, left, problems }: ChosenGroups, lack: string | undefined): void {
    this.chosen = chosen;
    this.lack.textContent = lack ?? '';
    this.lack.hidden = lack === undefined;
    for (const [method, { box, share, text }] of this.rows) {
      const own = chosen.find((each) => each.method === method);
      setChecked(box, own !== undefined);
      // What is chosen can be taken back.
      box.disabled = lack !== undefined && !own;
      share.parentElement!.hidden = !own;
      setUnlessEdited(share, String(Math.round(1e4 * (own?.share ?? FIRST_SHARE)) / 100));
      const count = Object.values(groups).filter((plan) => plan.method === method).length;
      const problem = problems.get(method);
      text.hidden = !own;
      text.className = problem === undefined ? 'muted description' : 'problem';
      text.textContent = problem ?? `${plural(count, 'group')}${left.length > 0 ? leftText(left) : ''}`;
    }
  }

  private set(method: GroupMethodName, share: number | null): void {
    const others = this.chosen.filter((each) => each.method !== method);
    this.onChange(share === null ? others : [...others, { method, share }]);
  }
}

function leftText(left: ChosenGroups['left']): string {
  const [first] = left;
  return `; not ${plural(left.length, 'other')}, such as ${first!.name}: ${first!.why}`;
}
