/** The numbers that are stored: a table of any size, to be read, copied and saved for NumPy. */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import {
  indicesOf,
  MOST_ELEMENTS,
  type ArrayContents,
  type ElementRange,
  type ElementTable,
} from '../../../extension/shared/elements';
import { l10n } from '../../../extension/shared/language/l10n';
import { problemText } from '../../../extension/shared/language/problemText';
import type { Host } from '../../connection';
import { button } from '../../controls/controls';
import { element } from '../../controls/elements';
import { field, numberInput, setUnlessEdited } from '../../controls/fields';
import { icon } from '../../controls/icons';
import { showMenuBelow, type MenuItem } from '../../controls/popup';
import { formatBytes, formatCount, formatShape } from '../../numbers/format';
import { ElementBlocks } from './elementBlocks';
import { ValuesGrid } from './valuesGrid';

export class ValuesPanel {
  readonly element = element('div', { class: 'values-panel' });
  private readonly reading = element('p', { class: 'values-reading', 'aria-hidden': 'true' });
  private readonly status = element('p', { class: 'values-status', role: 'status' });
  private readonly source = new CancellationTokenSource();
  private grid: ValuesGrid | null = null;
  private blocks: ElementBlocks | null = null;
  private table: ElementTable | null = null;
  private rowInput: HTMLInputElement | null = null;
  private colInput: HTMLInputElement | null = null;
  private asked = false;
  private goal: { row: number; col: number } | null = null;

  /** @param hasSpectrum its singular values can be saved */
  constructor(
    private readonly host: Host,
    private readonly layer: string,
    private readonly hasSpectrum: boolean,
  ) {}

  /** Asks the engine, once. */
  load(): void {
    if (this.asked) return;
    this.asked = true;
    void this.show();
  }

  /** Nobody looks any more. */
  dispose(): void {
    this.source.cancel();
    this.blocks?.end();
  }

  /** Shows that element. */
  goTo(row: number, col: number): void {
    this.goal = { row, col };
    this.load();
    this.takeGoal();
  }

  private takeGoal(): void {
    const { grid, goal } = this;
    if (!grid || !goal) return;
    this.goal = null;
    // The panel is shown in this frame, and has its size in the next.
    requestAnimationFrame(() => {
      grid.element.focus({ preventScroll: true });
      grid.moveTo(goal.row, goal.col);
    });
  }

  private async show(): Promise<void> {
    try {
      this.table = await this.host.request('elementTable', { layer: this.layer }, this.source.token);
    } catch (error) {
      if (this.source.token.isCancellationRequested) return;
      this.asked = false;
      this.fail(error);
      return;
    }
    this.build(this.table);
    this.takeGoal();
  }

  private build(table: ElementTable): void {
    const { host, layer } = this;
    if (table.rows === 0 || table.cols === 0) {
      this.element.replaceChildren(element('p', { class: 'muted' }, l10n.t('This tensor has no elements.')));
      return;
    }
    const blocks = new ElementBlocks(
      table,
      (range, token) => host.request('elements', { layer, range }, token),
      ({ rounded }) => {
        if (rounded) this.say('info', l10n.t('Integers beyond 2⁵³ are shown rounded; a saved array has them exactly.'));
        this.grid?.drawSoon();
        this.describe();
      },
      (error) => this.say('error', problemText(error)),
    );
    this.blocks = blocks;
    const grid = new ValuesGrid(table, {
      value: (row, col) => blocks.at(row, col),
      visible: (range) => blocks.want(range),
      moved: () => this.describe(),
      copy: () => void this.copy(),
    });
    this.grid = grid;
    const rowInput = numberInput({ min: 0, max: table.rows - 1, step: 1 }, (row) => grid.moveTo(row, grid.place.col));
    const colInput = numberInput({ min: 0, max: table.cols - 1, step: 1 }, (col) => grid.moveTo(grid.place.row, col));
    this.rowInput = rowInput;
    this.colInput = colInput;
    const copy = button({
      label: l10n.t('Copy'),
      icon: 'copy',
      title: l10n.t('Copy the selected elements (Ctrl+C)'),
      onClick: () => void this.copy(),
    });
    const save = button({
      label: l10n.t('Save as .npy…'),
      icon: 'save-as',
      onClick: () => showMenuBelow(save, this.saveItems()),
    });
    this.element.replaceChildren(
      element(
        'div',
        { class: 'values-bar' },
        field(l10n.t('Row'), rowInput, l10n.t('of {0}', formatCount(table.rows))),
        field(l10n.t('Column'), colInput, l10n.t('of {0}', formatCount(table.cols))),
        element('div', { class: 'values-actions' }, copy, save),
      ),
      grid.element,
      this.reading,
      this.status,
    );
    this.describe();
  }

  private describe(): void {
    const { grid, table, blocks, rowInput, colInput } = this;
    if (!grid || !table || !blocks || !rowInput || !colInput) return;
    const { row, col } = grid.place;
    setUnlessEdited(rowInput, String(row));
    setUnlessEdited(colInput, String(col));
    const value = blocks.at(row, col);
    const { rows, cols } = grid.selection;
    const selected = rows * cols > 1 ? ` · ${l10n.t('{0} × {1} selected', formatCount(rows), formatCount(cols))}` : '';
    // As NumPy and PyTorch index it.
    this.reading.textContent = `[${indicesOf(table, row, col).join(', ')}] = ${value ?? '…'}${selected}`;
  }

  private async copy(): Promise<void> {
    const { grid } = this;
    if (!grid) return;
    const range = grid.selection;
    const count = range.rows * range.cols;
    if (count > MOST_ELEMENTS) {
      const [has, most] = [formatCount(count), formatCount(MOST_ELEMENTS)];
      this.say(
        'error',
        l10n.t('The selection has {0} elements; at most {1} are copied. Save it as .npy instead.', has, most),
      );
      return;
    }
    try {
      const { values } = await this.host.request('elements', { layer: this.layer, range }, this.source.token);
      await navigator.clipboard.writeText(tabSeparated(values, range));
      this.say(
        'info',
        count === 1 ? l10n.t('Copied one element.') : l10n.t('Copied {0} elements.', formatCount(count)),
      );
    } catch (error) {
      if (!this.source.token.isCancellationRequested) this.say('error', problemText(error));
    }
  }

  private saveItems(): MenuItem[] {
    const { grid, table } = this;
    if (!grid || !table) return [];
    const range = grid.selection;
    const [from, to] = [range.row + range.rows - 1, range.col + range.cols - 1];
    const item = (label: string, contents: ArrayContents): MenuItem => ({ label, run: () => void this.save(contents) });
    return [
      item(l10n.t('The whole tensor'), { kind: 'tensor' }),
      item(l10n.t('The selection: rows {0}–{1}, columns {2}–{3}', range.row, from, range.col, to), {
        kind: 'slice',
        range,
      }),
      ...(this.hasSpectrum ? [item(l10n.t('Its singular values σ'), { kind: 'singular-values' })] : []),
    ];
  }

  private async save(contents: ArrayContents): Promise<void> {
    try {
      const saved = await this.host.request('saveArray', { layer: this.layer, contents }, this.source.token);
      if (!saved) return;
      const { path, bytes, shape, type, notes } = saved;
      const size = shape.length === 0 ? l10n.t('scalar') : formatShape(shape);
      this.say(
        'info',
        [
          l10n.t('Saved {0}: {1}, {2}, {3}.', path, type, size, formatBytes(bytes)),
          ...notes.map((note) => l10n.known(note)),
        ].join(' '),
      );
    } catch (error) {
      if (!this.source.token.isCancellationRequested) this.say('error', problemText(error));
    }
  }

  private say(kind: 'info' | 'error', text: string): void {
    this.status.classList.toggle('problem', kind === 'error');
    this.status.replaceChildren(icon(kind), element('span', {}, text));
  }

  private fail(error: unknown): void {
    const again = button({ label: l10n.t('Try Again'), onClick: () => this.load() });
    this.element.replaceChildren(
      element(
        'div',
        { class: 'layer-message error', role: 'alert' },
        icon('error'),
        element('p', {}, problemText(error)),
        again,
      ),
    );
  }
}

/** All digits, in the C locale, as spreadsheets and programs read them. */
export function tabSeparated(values: Float64Array, { rows, cols }: Pick<ElementRange, 'rows' | 'cols'>): string {
  return Array.from({ length: rows }, (_, row) => values.slice(row * cols, (row + 1) * cols).join('\t')).join('\n');
}
