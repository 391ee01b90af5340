/** One layer of the plan, set by hand: method, how much it keeps, or dense. The table stands beside it. */
import { layerMethod, type LayerMethodRow } from '../../extension/shared/compression/methodTable';
import type { LayerChoice, LayerPlan } from '../../extension/shared/compression/plans';
import { l10n } from '../../extension/shared/language/l10n';
import { button, checkbox, setChecked, type Button, type Checkbox } from '../controls/controls';
import { breakableName, element } from '../controls/elements';
import { numberInput, setUnlessEdited } from '../controls/fields';
import { formatBytes, formatCompact, formatCount, formatPercent, formatShape } from '../numbers/format';
import { rankRange, withRank, type MethodChoice } from './choiceAtShare';
import { MethodField } from './methodField';
import type { Lacking } from './neededStatistics';
import { errorText, type LayerRow } from './planRows';
import { BY_HAND } from './planSettings';

export interface RowEditorActions {
  /** The layer is to become this, whatever the allocation says. */
  set(layer: string, plan: LayerPlan): void;
  reset(layer: string): void;
  rebalance(rest: boolean): void;
  /** Shows the layer's own view, where methods stand side by side. */
  open(layer: string): void;
  close(): void;
}

/** What the number of a method's directions is called. */
const RANK_NAMES: Readonly<Record<NonNullable<LayerMethodRow['rank']>, string>> = {
  rank: l10n.t('rank'),
  columns: l10n.t('columns'),
  'bond dimension': l10n.t('bond dimension'),
  atoms: l10n.t('atoms'),
};

export class RowEditor {
  readonly element: HTMLElement;
  /** Layer that is edited; null while closed. */
  layer: string | null = null;
  private row: LayerRow | null = null;
  private readonly title = element('h3', { class: 'layer-name', tabindex: -1 });
  private readonly facts = element('p', { class: 'layer-facts' });
  private readonly dense: Checkbox;
  private readonly method: MethodField;
  private readonly slider: HTMLInputElement;
  private readonly number: HTMLInputElement;
  private readonly rankLabel = element('span', { class: 'rank-name' });
  private readonly rankUnit = element('span', { class: 'unit' });
  private readonly rank: HTMLElement;
  private readonly reset: Button;
  private readonly rebalance: Checkbox;
  private readonly cannot = element('p', { class: 'muted' });
  private readonly form: HTMLElement;

  constructor(
    lacking: Lacking,
    rebalance: boolean,
    /** What a layer would get if a person wants it compressed, from the choice for all layers. */
    private readonly proposal: (layer: string, choice: MethodChoice) => LayerChoice,
    private readonly actions: RowEditorActions,
  ) {
    this.dense = checkbox(l10n.t('Keep dense'), false, (keep) => {
      if (keep) this.set({ keep: 'dense', why: BY_HAND });
      else if (this.row) this.set(proposal(this.row.name, { method: 'svd' }));
    });
    this.method = new MethodField(l10n.t('Method of this layer'), lacking, (choice) => {
      if (this.row) this.set(this.ranked(choice, this.row));
    });
    this.slider = element('input', {
      ...{ class: 'target-slider', type: 'range', min: 1, step: 1, 'aria-label': l10n.t('Rank of this layer') },
      input: () => this.setRank(this.slider.valueAsNumber),
    });
    this.number = numberInput({ min: 1, max: 1, step: 1 }, (value) => this.setRank(value));
    this.number.setAttribute('aria-label', l10n.t('Rank of this layer, in numbers'));
    this.rank = element(
      'div',
      { class: 'row-rank' },
      this.rankLabel,
      this.slider,
      element('div', { class: 'field-control' }, this.number, this.rankUnit),
    );
    this.reset = button({
      label: l10n.t('Reset Row'),
      icon: 'discard',
      title: l10n.t('Back to what the allocation says (Delete in the table)'),
      onClick: () => {
        if (this.row) actions.reset(this.row.name);
        // A button that is disabled loses the focus to nothing, and Escape with it.
        this.title.focus({ preventScroll: true });
      },
    });
    const compare = button({
      label: l10n.t('Compare Methods'),
      icon: 'graph',
      title: l10n.t('Show the methods for this layer side by side'),
      onClick: () => this.row && actions.open(this.row.name),
    });
    this.rebalance = checkbox(l10n.t('Re-balance the other layers'), rebalance, (rest) => actions.rebalance(rest));
    this.rebalance.title = l10n.t('The others change so that the target is met; otherwise they stay as they are');
    const close = button({
      label: l10n.t('Close (Escape)'),
      icon: 'close',
      appearance: 'icon',
      onClick: () => actions.close(),
    });
    this.form = element(
      'div',
      { class: 'row-form' },
      element('div', { class: 'row-switches' }, this.dense, this.rebalance),
      this.method.element,
      this.rank,
      element('div', { class: 'row-actions' }, this.reset, compare),
    );
    this.element = element(
      'section',
      { class: 'row-editor', 'aria-label': l10n.t('Edit a layer'), hidden: true },
      element('header', { class: 'layer-head' }, this.title, close, this.facts),
      this.cannot,
      this.form,
    );
  }

  /** @param how with the focus on its title, if a person opened it */
  open(row: LayerRow, how: { focus: boolean }): void {
    this.layer = row.name;
    this.element.hidden = false;
    this.show(row);
    if (how.focus) this.title.focus({ preventScroll: true });
  }

  close(): void {
    this.layer = null;
    this.row = null;
    this.element.hidden = true;
  }

  show(row: LayerRow): void {
    this.row = row;
    const { layer, plan, pinned } = row;
    const never = layer.leftOut?.always === true;
    if (this.title.textContent !== layer.name) this.title.replaceChildren(...breakableName(layer.name));
    this.element.setAttribute('aria-label', l10n.t('Edit {0}', layer.name));
    this.facts.replaceChildren(...factsOf(row).map((fact) => element('span', {}, fact)));
    this.cannot.hidden = !never;
    this.cannot.textContent = never ? l10n.t('This layer stays as it is: {0}.', l10n.known(layer.leftOut.why)) : '';
    this.form.hidden = never;
    const kept = 'keep' in plan;
    setChecked(this.dense, kept);
    this.method.element.hidden = kept;
    this.rank.hidden = kept || plan.rank === undefined;
    this.reset.disabled = !pinned;
    if (kept) return;
    const { rank, ...choice } = plan;
    this.method.show(choice);
    if (rank === undefined) return;
    const { least, most } = rankRange(choice, layer);
    const name = RANK_NAMES[layerMethod(plan.method).rank ?? 'rank'];
    this.rankLabel.textContent = name.charAt(0).toUpperCase() + name.slice(1);
    for (const input of [this.slider, this.number]) {
      input.min = String(least);
      input.max = String(most);
    }
    this.slider.value = String(rank);
    this.slider.setAttribute('aria-valuetext', `${name} ${formatCount(rank)}: ${factsOf(row).slice(1).join(', ')}`);
    setUnlessEdited(this.number, String(rank));
    this.rankUnit.textContent = l10n.t('of {0}', formatCount(most));
  }

  private set(plan: LayerPlan): void {
    if (this.row) this.actions.set(this.row.name, plan);
  }

  private setRank(typed: number): void {
    if (!this.row || 'keep' in this.row.plan) return;
    this.set(withRank(this.row.plan, this.row.layer, typed));
  }

  /** Keeps the rank across a change of method or options, as far as the method has one. */
  private ranked(choice: MethodChoice, { layer, plan }: LayerRow): LayerChoice {
    if (layerMethod(choice.method).rank === undefined) return choice;
    if ('keep' in plan || plan.rank === undefined) return this.proposal(layer.name, choice);
    return withRank(choice, layer, plan.rank);
  }
}

/** Shape first, then what it costs and loses. */
function factsOf(row: LayerRow): string[] {
  const { layer, plan, kept, bytes, multiplyAdds, error, note } = row;
  const shape = formatShape([layer.outputs, layer.inputs]);
  if ('keep' in plan) return [shape, l10n.t('dense: {0}', l10n.known(plan.why)), formatBytes(bytes.after)];
  return [
    shape,
    l10n.t('{0} of the parameters', formatPercent(kept)),
    error === null ? l10n.t('error not known before it is compressed') : l10n.t('error {0}', errorText(row)),
    l10n.t('{0} of {1}', formatBytes(bytes.after), formatBytes(bytes.before)),
    l10n.t('{0} of {1} multiply-adds', formatCompact(multiplyAdds.after), formatCompact(multiplyAdds.before)),
    ...(note === undefined ? [] : [l10n.known(note)]),
  ];
}
