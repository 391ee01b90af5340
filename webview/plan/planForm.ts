/** The left side of the plan view: target, allocation, method, rank multiple, what is left out. */
import { layerMethod } from '../../extension/shared/compression/methodTable';
import { ALLOCATIONS, type Allocation } from '../../extension/shared/compression/plans';
import { l10n } from '../../extension/shared/language/l10n';
import { checkbox, dropdown, setChecked, type Checkbox, type Dropdown } from '../controls/controls';
import { element } from '../controls/elements';
import { field, numberInput, setUnlessEdited } from '../controls/fields';
import { ALLOCATION_LABELS } from './allocationLabels';
import { AssignmentField } from './assignmentField';
import { ADAPTER_RANK, type MethodChoice } from './choiceAtShare';
import { ExcludeField } from './excludeField';
import { GroupsField } from './groupsField';
import { MethodField } from './methodField';
import type { Lacking } from './neededStatistics';
import { OnlyLine } from './onlyLine';
import type { PlanSettings } from './planSettings';
import { TargetField } from './targetField';

const MULTIPLES = [1, 8, 32, 64] as const;
type Multiple = PlanSettings['multiple'];

/** More is no adapter; a layer that is smaller gets what it can have. */
const MOST_RANK = 4096;

export class PlanForm {
  readonly element: HTMLElement;
  readonly target: TargetField;
  private readonly allocationField = element('div');
  private readonly allocationLack = element('p', { class: 'problem', hidden: true });
  private shownAllocations = '';
  private readonly allocationText = element('p', { class: 'muted description' });
  private readonly multiple: Dropdown;
  private readonly relative: Checkbox;
  private readonly method: MethodField;
  private readonly exclude: ExcludeField;
  private readonly assignment: AssignmentField;
  private readonly only: OnlyLine;
  readonly groups: GroupsField;
  private readonly rank: HTMLInputElement;
  private readonly rankField: HTMLElement;
  private chosen: PlanSettings['method'];

  /** @param allocationLacks what an allocation cannot do without, in words; undefined if it can be chosen */
  constructor(
    first: PlanSettings,
    private readonly allocationLacks: (allocation: Allocation) => string | undefined,
    lacking: Lacking,
    private readonly onChange: (change: Partial<PlanSettings>) => void,
  ) {
    this.chosen = first.method;
    this.target = new TargetField((target) => this.onChange({ target }));
    this.relative = checkbox(l10n.t('Errors relative to each layer'), first.relative, (relative) =>
      this.onChange({ relative }),
    );
    this.relative.title = l10n.t(
      'Minimises the error of each layer over its own norm, so that small layers count as much',
    );
    this.method = new MethodField(l10n.t('Method of all layers'), lacking, (choice) => this.chooseMethod(choice));
    this.rank = numberInput({ min: 1, max: MOST_RANK, step: 1 }, (value) => this.setRank(value));
    this.rankField = field(l10n.t('Rank of the adapters'), this.rank);
    const fixed = l10n.t('Adapters are added to what is there: no target decides their rank.');
    this.rankField.append(element('p', { class: 'muted description' }, fixed));
    const multiples = MULTIPLES.map((each) => ({
      value: String(each),
      label: each === 1 ? l10n.t('any rank') : l10n.t('multiples of {0}', each),
    }));
    this.multiple = dropdown(l10n.t('Ranks'), multiples, String(first.multiple), (value) =>
      this.onChange({ multiple: Number(value) as Multiple }),
    );
    this.exclude = new ExcludeField((exclude) => this.onChange({ exclude }));
    this.assignment = new AssignmentField(lacking, (change) => this.onChange(change));
    this.only = new OnlyLine((before) => this.onChange({ only: null, target: before }));
    this.groups = new GroupsField((groups) => this.onChange({ groups }));
    this.element = element(
      'section',
      { class: 'plan-controls', 'aria-label': l10n.t('What to compress, and how far') },
      this.only.element,
      element('div', {}, element('h3', {}, l10n.t('Target')), this.target.element),
      element('div', {}, this.allocationField, this.allocationText, this.allocationLack, this.relative),
      this.assignment.element,
      element('div', { class: 'row-rank' }, this.method.element, this.rankField),
      field(l10n.t('Ranks'), this.multiple),
      this.groups.element,
      this.exclude.element,
    );
    this.show(first);
  }

  show(settings: PlanSettings): void {
    const { target, allocation, relative, method, multiple, exclude } = settings;
    this.only.show(settings.only);
    this.target.show(target);
    this.showAllocation(allocation);
    this.allocationText.textContent = ALLOCATION_LABELS[allocation].description;
    setChecked(this.relative, relative);
    this.assignment.show(settings);
    this.chosen = method;
    const { rank, ...choice } = method;
    this.method.show(choice);
    this.rankField.hidden = layerMethod(method.method).stores !== 'adapter';
    setUnlessEdited(this.rank, String(rank ?? ADAPTER_RANK));
    if (this.multiple.value !== String(multiple)) this.multiple.value = String(multiple);
    this.exclude.show(exclude);
  }

  /** Made anew only if something is different: it may have the focus. */
  private showAllocation(allocation: Allocation): void {
    const lacks = ALLOCATIONS.map((each) => this.allocationLacks(each));
    const state = JSON.stringify([allocation, lacks]);
    if (state === this.shownAllocations) return;
    this.shownAllocations = state;
    const focused = this.allocationField.contains(document.activeElement);
    const choices = ALLOCATIONS.map((value, i) => {
      const { label } = ALLOCATION_LABELS[value];
      const lack = lacks[i];
      return { value, label: lack === undefined ? label : `${label} (${lack})`, disabled: lack !== undefined };
    });
    const select = dropdown<Allocation>(l10n.t('Allocation'), choices, allocation, (chosen) =>
      this.onChange({ allocation: chosen }),
    );
    this.allocationField.replaceChildren(field(l10n.t('Allocation'), select));
    if (focused) select.focus();
    const lack = this.allocationLacks(allocation);
    this.allocationLack.hidden = lack === undefined;
    this.allocationLack.textContent = lack === undefined ? '' : `${ALLOCATION_LABELS[allocation].label} ${lack}.`;
  }

  /** What a layer keeps is the target's to decide, but for adapters. */
  private chooseMethod(choice: MethodChoice): void {
    const adapts = layerMethod(choice.method).stores === 'adapter';
    this.onChange({ method: adapts ? { ...choice, rank: this.chosen.rank ?? ADAPTER_RANK } : choice });
  }

  private setRank(typed: number): void {
    const rank = Math.min(MOST_RANK, Math.max(1, Math.round(typed)));
    this.onChange({ method: { ...this.chosen, rank } });
  }
}
