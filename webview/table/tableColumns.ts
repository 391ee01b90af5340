/** The columns of the table as a person has arranged them: which there are, which fit, how wide they are. */
import { USUAL_LAYOUT, type ColumnLayout } from '../../extension/shared/columnLayout';
import { l10n } from '../../extension/shared/language/l10n';
import { button, type Button } from '../controls/controls';
import { element } from '../controls/elements';
import { formatCount } from '../numbers/format';
import { chooseColumns } from './columnChooser';
import {
  boundedWidth,
  chosenColumns,
  fittingColumns,
  inOrder,
  movedColumn,
  NAME_COLUMN,
  withColumns,
} from './columnLayout';
import type { Column } from './columns';

/** Where the arrangement is kept. */
export interface KeptColumns {
  readonly layout: ColumnLayout;
  remember(layout: ColumnLayout): void;
}

/** For a page that nothing outlives. */
export const FORGOTTEN_COLUMNS: KeptColumns = { layout: USUAL_LAYOUT, remember: () => undefined };

export interface ColumnsActions {
  /** Other columns, or others first, are to be shown. */
  changed(): void;
  /** The columns are the same, with other widths. */
  resized(): void;
  /** Asks for a file of more columns; absent if there is nobody to ask. */
  readonly addOwn?: (() => void) | undefined;
}

export class TableColumns {
  readonly button: Button;
  private readonly more = element('span', { class: 'more-columns', hidden: true });
  private layout: ColumnLayout;
  private left: ReadonlySet<string> = new Set();

  constructor(
    public all: readonly Column[],
    private readonly kept: KeptColumns,
    private readonly actions: ColumnsActions,
  ) {
    this.layout = kept.layout;
    this.button = button({
      label: l10n.t('Choose columns'),
      icon: 'checklist',
      appearance: 'icon',
      onClick: () => this.choose(),
    });
    this.button.append(this.more);
  }

  /** Adds columns to those that are shown. */
  add(keys: readonly string[]): void {
    this.arrange(withColumns(this.layout, keys));
  }

  /** All that were chosen, in their order, whether there is room for them or not; the name's is the first. */
  get chosen(): Column[] {
    const keys = chosenColumns(this.layout);
    return this.withName(this.ordered.filter(({ key }) => keys.has(key)));
  }

  /**
   * Those to be shown.
   *
   * @param width of the table, in pixels
   * @param name pixels that the name takes
   * @param sortedBy key of the column that the rows are sorted by
   */
  shown(width: number, name: number, sortedBy: string | undefined): Column[] {
    const [, ...chosen] = this.chosen;
    const fitting = this.layout.fit ? fittingColumns(chosen, width - name, sortedBy) : chosen;
    const keys = new Set(fitting.map(({ key }) => key));
    this.left = new Set(chosen.map(({ key }) => key).filter((key) => !keys.has(key)));
    this.showLeft();
    return this.withName(fitting);
  }

  /** Pixels that a person gave the name; undefined for what it needs. */
  get nameWidth(): number | undefined {
    return this.layout.widths[NAME_COLUMN];
  }

  widthOf(key: string): number | undefined {
    return this.layout.widths[key] ?? this.all.find((column) => column.key === key)?.width;
  }

  /** @param width null for the usual one */
  resize(key: string, width: number | null): void {
    const { [key]: _, ...others } = this.layout.widths;
    this.layout = {
      ...this.layout,
      widths: width === null ? others : { ...others, [key]: boundedWidth(width) },
    };
    this.actions.resized();
  }

  /** A width is settled: others may fit now, or no more. */
  resized(): void {
    this.arrange(this.layout);
  }

  move(key: string, target: string, side: 'before' | 'behind'): void {
    this.arrange({ ...this.layout, order: movedColumn(this.ordered, key, target, side) });
  }

  /** Takes up the arrangement of another view, which is kept already. */
  take(layout: ColumnLayout): void {
    this.layout = layout;
    this.actions.changed();
  }

  private arrange(layout: ColumnLayout): void {
    this.layout = layout;
    this.kept.remember(layout);
    this.actions.changed();
  }

  private get ordered(): Column[] {
    const { order, widths } = this.layout;
    return inOrder(this.all.slice(1), order).map((column) => ({
      ...column,
      width: widths[column.key] ?? column.width,
    }));
  }

  private withName(columns: readonly Column[]): Column[] {
    return [this.all[0]!, ...columns];
  }

  private showLeft(): void {
    const { size } = this.left;
    const label =
      size === 0 ? l10n.t('Choose columns') : l10n.t('Choose columns: there is no room for {0}', formatCount(size));
    this.more.textContent = `+${formatCount(size)}`;
    this.more.hidden = size === 0;
    this.button.title = label;
    this.button.setAttribute('aria-label', label);
  }

  private choose(): void {
    chooseColumns(
      this.all.slice(1),
      () => ({ layout: this.layout, left: this.left }),
      this.button,
      (layout) => this.arrange(layout),
      this.actions.addOwn,
    );
  }
}
