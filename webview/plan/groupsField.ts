/** Groups of projections that become smaller together: for each method, whether it is used and how much stays. */
import type { GroupShare } from '../../extension/shared/compression/blockGroups';
import type { GroupMethodName } from '../../extension/shared/compression/plans';
import { l10n } from '../../extension/shared/language/l10n';
import { checkbox, setChecked, type Checkbox } from '../controls/controls';
import { element } from '../controls/elements';
import { numberInput, setUnlessEdited } from '../controls/fields';
import { formatCount } from '../numbers/format';
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
      share.setAttribute('aria-label', l10n.t('{0}: share that stays, in percent', label));
      const text = element('p', { class: 'muted description', role: 'status' });
      this.rows.set(method, { box, share, text });
      const control = element('div', { class: 'field-control' }, share, element('span', { class: 'unit' }, what));
      return element('li', {}, box, control, text);
    });
    this.element = element(
      'fieldset',
      { class: 'exclude groups' },
      element('legend', {}, l10n.t('Make smaller as groups')),
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
      text.textContent = problem ?? groupsText(count, left);
    }
  }

  private set(method: GroupMethodName, share: number | null): void {
    const others = this.chosen.filter((each) => each.method !== method);
    this.onChange(share === null ? others : [...others, { method, share }]);
  }
}

function groupsText(count: number, left: ChosenGroups['left']): string {
  const groups = l10n.many(count, '1 group', '{0} groups', formatCount(count));
  const [first] = left;
  if (!first) return groups;
  return l10n.many(
    left.length,
    '{0}; not 1 other, such as {1}: {2}',
    '{0}; not {3} others, such as {1}: {2}',
    groups,
    first.name,
    l10n.known(first.why),
    formatCount(left.length),
  );
}
