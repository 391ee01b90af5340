/** The menu of what a person can keep: files, which the host writes, and text for the clipboard. */
import type { ExportFormat } from '../../extension/shared/exports/exportFormats';
import { markdownTable, tabSeparated, type TextTable } from '../../extension/shared/exports/tableText';
import { l10n } from '../../extension/shared/language/l10n';
import type { Host } from '../connection';
import type { IconName } from '../controls/icons';
import { showMenuBelow, type MenuItem } from '../controls/popup';
import { counted } from '../numbers/format';

/** How the page tells what came of it. */
export interface Told {
  /** What goes wrong is said. */
  ask(request: Promise<unknown>): void;
  say(text: string): void;
}

/**
 * @param owner the button, below which the menu opens
 * @param table the table's layers as they are filtered, sorted and shown
 */
export function showExports(
  owner: HTMLElement,
  host: Host,
  table: (titles: 'key' | 'label') => TextTable,
  told: Told,
): void {
  const save = (label: string, icon: IconName, format: ExportFormat): MenuItem => {
    return { label, icon, run: () => told.ask(host.request('exportNumbers', { format })) };
  };
  const copyOverview = async (): Promise<void> => {
    await host.request('copyOverview', null);
    told.say(l10n.t('Copied the overview in Markdown.'));
  };
  const copyTable = async ({ columns, rows: read }: TextTable, write: typeof markdownTable): Promise<void> => {
    const rows = [...read];
    await navigator.clipboard.writeText([...write({ columns, rows })].join(''));
    told.say(l10n.t('Copied {0} of the table.', counted('rows', rows.length)));
  };
  const items: MenuItem[] = [
    save(l10n.t('Save Report as HTML…'), 'graph', 'report'),
    save(l10n.t('Save Overview as Markdown…'), 'markdown', 'markdown'),
    save(l10n.t('Save All Numbers as CSV…'), 'table', 'csv'),
    save(l10n.t('Save All Numbers as JSON…'), 'json', 'json'),
    { label: l10n.t('Copy Overview as Markdown'), icon: 'copy', run: () => told.ask(copyOverview()) },
    {
      label: l10n.t('Copy Table as Markdown'),
      icon: 'copy',
      run: () => told.ask(copyTable(table('label'), markdownTable)),
    },
    {
      label: l10n.t('Copy Table for a Spreadsheet'),
      icon: 'copy',
      run: () => told.ask(copyTable(table('key'), tabSeparated)),
    },
  ];
  showMenuBelow(owner, items);
}
