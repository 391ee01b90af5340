/**
 * The plan of the layers that are known: what is asked on the left, the curve and the totals above the table, and the row
 * that is edited beside it. Every change is answered in the next frame; the curves of the allocations follow in idle time.
 */
import { makePlan } from '../../extension/compression/plan/makePlan';
import type { AllocatedPlan } from '../../extension/compression/plan/planRequest';
import { tellingDigits } from '../../extension/compression/plan/planner';
import type { CompressionPlan, LayerPlan } from '../../extension/shared/compression/plans';
import { gramUses, type GramUse } from '../../extension/shared/compression/methodNeeds';
import type { MethodName } from '../../extension/shared/compression/methodTable';
import type { StatisticsSummary } from '../../extension/shared/compression/statistics';
import { l10n } from '../../extension/shared/language/l10n';
import { fileName } from '../../extension/shared/names/fileName';
import type { Host } from '../connection';
import { button } from '../controls/controls';
import { element } from '../controls/elements';
import { formatCount, formatPercent } from '../numbers/format';
import { banner } from '../overview/banners';
import { SizeErrorPlot } from '../plots/sizeErrorPlot';
import { ALLOCATION_LABELS, allocationLacks } from './allocationLabels';
import { AssignmentWork } from './assignmentWork';
import { CurveWork } from './curveWork';
import { settingsOfLoaded } from './loadedPlan';
import { lackingWith, type Lacking } from './neededStatistics';
import { PlanForm } from './planForm';
import { chosenGroups, groupsLack, outOfReach, type OutOfReach, type PlanInputs } from './planInputs';
import type { Planned, PlanLayers } from './planLayers';
import { errorText, type LayerRow, type RowOrder } from './planRows';
import { changedSettings, type PlanSettings } from './planSettings';
import { PlanTable } from './planTable';
import { decodedLayers, PlanTotalsTable } from './planTotals';
import { RowEditor } from './rowEditor';

export interface PlanBoardActions {
  /** The plan is another one. */
  changed(settings: PlanSettings, order: RowOrder | null): void;
  openLayer(layer: string): void;
  /** There is a plan, or none, of what is asked now. */
  planned(): void;
}

/** Which statistics a plan was made with, by content. */
function namedStatistics({ path, fingerprint }: StatisticsSummary): NonNullable<CompressionPlan['statistics']> {
  return { name: fileName(path), fingerprint };
}

export class PlanBoard {
  readonly element: HTMLElement;
  readonly form: PlanForm;
  /** The plan as it is shown; null while what is asked cannot be planned. */
  plan: AllocatedPlan | null = null;
  private rows: readonly LayerRow[] = [];
  private readonly warnings = element('div', { class: 'plan-warnings', role: 'status' });
  private readonly loaded: HTMLElement;
  private readonly curve = new SizeErrorPlot(l10n.t('Size and error'), l10n.t('allocation'));
  private readonly totals = new PlanTotalsTable();
  private readonly table: PlanTable;
  private readonly editor: RowEditor;
  private readonly curves: CurveWork;
  private frame = 0;
  private warned = '';
  private readonly assignments: AssignmentWork;

  constructor(
    private layers: PlanLayers,
    private chosen: PlanSettings,
    private order: RowOrder | null,
    private readonly inputs: () => PlanInputs,
    host: Host,
    private readonly actions: PlanBoardActions,
  ) {
    const lacking: Lacking = (method) => {
      const { statistics, quantised } = inputs();
      return lackingWith(statistics, quantised !== null)(method);
    };
    const anew = button({ label: l10n.t('Plan Anew'), onClick: () => this.change({ loadedRows: null }) });
    const rowsStand = l10n.t('These rows are those of the loaded plan. They stay until you change what is asked.');
    this.loaded = banner('info', rowsStand, anew);
    this.assignments = new AssignmentWork(host, () => this.schedule());
    this.form = new PlanForm(
      chosen,
      (each) => allocationLacks(each, inputs().statistics),
      lacking,
      (change) => this.change(change),
    );
    this.table = new PlanTable(
      {
        choose: (layer) => this.edit(layer, true),
        reset: (layer) => this.reset(layer),
        order: (changed) => {
          this.order = changed;
          actions.changed(this.chosen, changed);
        },
      },
      order,
    );
    this.editor = new RowEditor(
      (method) => lacking(method) ?? this.lackingHere(method),
      chosen.rebalance,
      (layer, choice) => this.layers.proposal(layer, choice, this.share),
      {
        set: (layer, plan) => this.pin(layer, plan),
        reset: (layer) => this.reset(layer),
        rebalance: (rebalance) => this.change({ rebalance }),
        open: (layer) => actions.openLayer(layer),
        close: () => this.closeEditor(),
      },
    );
    this.curves = new CurveWork(() => this.drawCurve());
    this.element = element(
      'div',
      { class: 'plan-body' },
      this.form.element,
      element(
        'div',
        { class: 'plan-main' },
        this.warnings,
        this.loaded,
        this.assignments.element,
        element('div', { class: 'plan-figures' }, this.curve.element, this.totals.element),
        element('div', { class: 'plan-layers' }, this.table.element, this.editor.element),
      ),
    );
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.defaultPrevented || this.editor.layer === null) return;
      event.preventDefault();
      this.closeEditor();
    });
    this.draw();
    this.beginCurves();
  }

  get settings(): PlanSettings {
    return this.chosen;
  }

  /** The layers are known better: more of them were inspected. */
  use(layers: PlanLayers): void {
    this.layers = layers;
    this.beginCurves();
    this.schedule();
  }

  /** Shows a plan that was loaded. */
  take(plan: CompressionPlan): void {
    this.change(settingsOfLoaded(this.layers, plan, (settings) => this.outOfReach(settings)));
    this.closeEditor();
  }

  /** Asks for something else. */
  ask(change: Partial<PlanSettings>): void {
    this.change(change);
  }

  /** The plan of what is asked now, as it is saved; null while that cannot be planned. */
  compressionPlan(
    checkpoint: CompressionPlan['checkpoint'],
    statistics: StatisticsSummary | null,
  ): CompressionPlan | null {
    if (this.frame !== 0) this.draw();
    if (!this.plan) return null;
    const { groups } = chosenGroups(this.chosen, this.inputs());
    const grouped = Object.keys(groups).length > 0;
    const named = statistics ? { statistics: namedStatistics(statistics) } : {};
    return makePlan({ checkpoint }, this.chosen, this.plan, { ...named, ...(grouped && { groups }) });
  }

  /** Layers that are compressed though nothing has read their values. */
  get unread(): number {
    return this.rows.filter(({ plan, layer }) => !('keep' in plan) && !layer.eigenvalues).length;
  }

  /** Layers whose spectra under the Gram matrices the allocation goes by: all that it decides about. */
  wantedGramSpectra(): string[] {
    const { allocation, loadedRows } = this.chosen;
    if (allocation !== 'optimal-gram' || loadedRows) return [];
    const { leftOut } = this.outOfReach(this.chosen);
    return this.layers.layers.flatMap(({ name, leftOut: always }) =>
      always?.always || Object.hasOwn(leftOut, name) ? [] : [name],
    );
  }

  /** How the plan that is shown will use the statistics of each layer, if there are any. */
  usedStatistics(): Map<string, GramUse> {
    const { measured } = chosenGroups(this.chosen, this.inputs());
    return gramUses(this.plan?.layers ?? {}, measured);
  }

  /** What methods lack, and which groups there are, is another thing now. */
  refreshMethods(): void {
    this.form.show(this.chosen);
    this.beginCurves();
    this.schedule();
    const edited = this.rows.find(({ name }) => name === this.editor.layer);
    if (edited) this.editor.show(edited);
  }

  private change(change: Partial<PlanSettings>): void {
    const before = this.chosen;
    this.chosen = changedSettings(before, change);
    this.form.show(this.chosen);
    // A target and an allocation are a point and a line of what is drawn already.
    const { target, allocation: _allocation, loadedRows: _rows, ...others } = change;
    const kind = target !== undefined && target.kind !== before.target.kind;
    if (kind || Object.keys(others).length > 0) this.beginCurves();
    this.actions.changed(this.chosen, this.order);
    this.schedule();
  }

  private pin(layer: string, plan: LayerPlan): void {
    this.change({ pinned: { ...this.chosen.pinned, [layer]: plan } });
  }

  private reset(layer: string): void {
    const { [layer]: _, ...pinned } = this.chosen.pinned;
    this.change({ pinned });
  }

  private edit(layer: string, focus: boolean): void {
    const row = this.rows.find(({ name }) => name === layer);
    if (!row) return;
    this.editor.open(row, { focus });
    this.table.mark(layer);
  }

  private closeEditor(): void {
    const hadFocus = this.editor.element.contains(document.activeElement);
    this.editor.close();
    this.table.mark(null);
    if (hadFocus) this.table.focus();
  }

  private schedule(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.draw();
    });
  }

  /** What a row that a person takes up begins with: about as much as the model keeps. */
  private get share(): number {
    const { kind, value } = this.chosen.target;
    return kind === 'error' ? 0.5 : value;
  }

  private draw(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const groups = chosenGroups(this.chosen, this.inputs());
    this.form.groups.show(this.chosen.groups, groups, groupsLack(this.inputs()));
    const planned = this.planned(outOfReach(this.layers.layers, this.chosen, this.inputs(), groups));
    if ('problem' in planned) {
      this.plan = null;
      this.actions.planned();
      this.warn(planned.problem === '' ? '' : this.noPlan(l10n.known(planned.problem)));
      return;
    }
    const { plan } = planned;
    this.plan = plan;
    this.warn(plan.why === undefined ? '' : l10n.t('The target is not met: {0}.', this.whyNotMet(plan, plan.why)));
    this.rows = plan.rows.flatMap((row) => {
      const layer = this.layers.layer(row.name);
      const group = groups.members.get(row.name);
      return layer ? [{ ...row, layer, ...(group && { group }) }] : [];
    });
    this.actions.planned();
    this.table.show(this.rows, l10n.t('No layer of this checkpoint has a matrix.'));
    this.totals.show(plan.totals, Object.keys(groups.groups).length, decodedLayers(this.rows));
    const edited = this.rows.find(({ name }) => name === this.editor.layer);
    if (edited) this.editor.show(edited);
    this.drawCurve();
  }

  private noPlan(problem: string): string {
    return this.rows.length === 0
      ? l10n.t('No plan: {0}.', problem)
      : l10n.t('No plan: {0}. The numbers below are of what was asked before.', problem);
  }

  /** Rows of a file are no allocation's, and say nothing of what can be reached. */
  private whyNotMet({ reached }: AllocatedPlan, why: string): string {
    const { loadedRows, target } = this.chosen;
    if (!loadedRows || reached === null) return l10n.known(why);
    const shown = formatPercent(reached, tellingDigits(reached, target.value));
    switch (target.kind) {
      case 'size':
        return l10n.t('the size of these rows is {0}', shown);
      case 'parameters':
        return l10n.t('the share of parameters of these rows is {0}', shown);
      case 'error':
        return l10n.t('the error of these rows is {0}', shown);
    }
  }

  /** An ILP is the engine's: until it is solved there is no plan, and nothing to complain of. */
  private planned(out: OutOfReach): Planned {
    const { loadedRows } = this.chosen;
    this.loaded.hidden = !loadedRows;
    if (loadedRows) {
      this.assignments.hide();
      const rows = Object.entries({ ...loadedRows, ...this.chosen.pinned });
      const within = rows.filter(([name]) => !Object.hasOwn(out.leftOut, name));
      return { plan: this.layers.described(this.chosen, out, { layers: Object.fromEntries(within), gap: null }) };
    }
    if (this.chosen.allocation !== 'ilp') {
      this.assignments.hide();
      return this.layers.plan(this.chosen, out);
    }
    const { target, relative, method, exclude, multiple, pinned, timeLimit, choices } = this.chosen;
    const { statistics, quantised } = this.inputs();
    const { leftOut, groupShares } = out;
    const request = {
      ...{ target, relative, method, exclude, multiple, pinned, timeLimit, leftOut, groupShares },
      choices: choices.map((each) => ({ method: each })),
      ...(statistics && { statistics: statistics.path }),
      ...(quantised && { quantised: quantised.path }),
    };
    const solved = this.assignments.ask(request, this.layers.version);
    return solved ? { plan: this.layers.described(this.chosen, out, solved) } : { problem: '' };
  }

  private outOfReach(settings: PlanSettings): OutOfReach {
    return outOfReach(this.layers.layers, settings, this.inputs(), chosenGroups(settings, this.inputs()));
  }

  /** Why the edited layer cannot have a method that others can. */
  private lackingHere(method: MethodName): string | undefined {
    const { layer } = this.editor;
    return layer === null ? undefined : this.inputs().known.lacking(layer, method);
  }

  private beginCurves(): void {
    const { statistics } = this.inputs();
    this.curves.begin(
      this.layers,
      this.chosen,
      this.outOfReach(this.chosen),
      (each) => allocationLacks(each, statistics) === undefined,
    );
  }

  private warn(text: string): void {
    if (this.warned === text) return;
    this.warned = text;
    this.warnings.replaceChildren(...(text === '' ? [] : [banner('warning', text, null)]));
  }

  private drawCurve(): void {
    if (!this.plan) return;
    const { totals } = this.plan;
    const { allocation, target } = this.chosen;
    const counted = target.kind === 'parameters' ? 'parameters' : 'size';
    const { before, after } = counted === 'size' ? totals.bytes : totals.parameters;
    const share = before > 0 ? after / before : 1;
    const current = totals.error === null ? null : { share, error: totals.error };
    const error =
      totals.error === null ? l10n.t('an error that is not known yet') : l10n.t('{0} error', errorText(totals));
    const layers = l10n.many(
      totals.layers,
      '{0} of 1 layer compressed',
      '{0} of {1} layers compressed',
      formatCount(totals.compressed),
      formatCount(totals.layers),
    );
    const values = [ALLOCATION_LABELS[allocation].label, formatPercent(share), error, layers] as const;
    const finding =
      counted === 'size'
        ? l10n.t('{0}: {1} of the size at {2} ({3}).', ...values)
        : l10n.t('{0}: {1} of the parameters at {2} ({3}).', ...values);
    this.curve.show(this.curves.lines, current, allocation, counted, finding);
  }
}
