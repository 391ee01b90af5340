/** The target of a plan: what it counts, on a slider and in a number field that are one value. */
import type { PlanTarget } from '../../extension/shared/compression/plans';
import { l10n } from '../../extension/shared/language/l10n';
import { dropdown } from '../controls/controls';
import { element } from '../controls/elements';
import { numberInput, setUnlessEdited } from '../controls/fields';
import { formatPercent } from '../numbers/format';

export type TargetKind = PlanTarget['kind'];

const KINDS: readonly { value: TargetKind; label: string; of: string; first: number }[] = [
  { value: 'size', label: l10n.t('Size on disk'), of: l10n.t('% of the original size'), first: 0.5 },
  { value: 'parameters', label: l10n.t('Parameters'), of: l10n.t('% of the parameters'), first: 0.5 },
  { value: 'error', label: l10n.t('Mean error'), of: l10n.t('% relative error of the compressed layers'), first: 0.1 },
];

/** Steps of the slider: tenths of a percent. */
const STEP = 0.1;

export class TargetField {
  readonly element: HTMLElement;
  private readonly slider: HTMLInputElement;
  private readonly number: HTMLInputElement;
  private readonly unit = element('span', { class: 'unit' });
  private readonly kindPlace = element('div', { class: 'target-kind' });
  private target: PlanTarget = { kind: 'size', value: 0.5 };
  private shownKind: TargetKind | null = null;

  constructor(private readonly onChange: (target: PlanTarget) => void) {
    this.slider = element('input', {
      ...{ class: 'target-slider', type: 'range', min: 0, max: 100, step: STEP, 'aria-label': l10n.t('Target') },
      input: () => this.set(this.slider.valueAsNumber / 100),
    });
    this.number = numberInput({ min: 0, max: 100, step: 'any' }, (value) => {
      this.set(Math.min(100, Math.max(0, value)) / 100);
    });
    this.number.setAttribute('aria-label', l10n.t('Target in percent'));
    this.element = element(
      'div',
      { class: 'target', role: 'group', 'aria-label': l10n.t('Target') },
      this.kindPlace,
      this.slider,
      element('div', { class: 'field-control' }, this.number, this.unit),
    );
  }

  show(target: PlanTarget): void {
    this.target = target;
    const { kind, value } = target;
    const { of } = KINDS.find((each) => each.value === kind)!;
    if (kind !== this.shownKind) {
      this.shownKind = kind;
      const choose = (chosen: TargetKind): void => {
        this.target = { kind: chosen, value: KINDS.find((each) => each.value === chosen)!.first };
        this.onChange(this.target);
      };
      const hadFocus = this.kindPlace.contains(document.activeElement);
      const select = dropdown<TargetKind>(l10n.t('What the target counts'), KINDS, kind, choose);
      this.kindPlace.replaceChildren(select);
      if (hadFocus) select.focus();
      this.unit.textContent = of;
    }
    this.slider.value = String(100 * value);
    this.slider.setAttribute('aria-valuetext', formatPercent(value) + of.replace(/^%/, ''));
    setUnlessEdited(this.number, String(Math.round(1e4 * value) / 100));
  }

  focus(): void {
    this.slider.focus();
  }

  private set(value: number): void {
    this.target = { kind: this.target.kind, value };
    this.show(this.target);
    this.onChange(this.target);
  }
}
