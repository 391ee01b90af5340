/** The menu of what a person can keep: files, which the host writes, and text for the clipboard. */
import { agreeing } from '../../extension/shared/agreeing';
import type { ExportFormat } from '../../extension/shared/exports/exportFormats';
import { markdownTable, tabSeparated, type TextTable } from '../../extension/shared/exports/tableText';
import type { Host } from '../connection';
import type { IconName } from '../controls/icons';
import { showMenuBelow, type MenuItem } from '../controls/popup';
import { formatCount } from '../numbers/format';

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
    told.say('Copied the overview in Markdown.');
  };
  const copyTable = async ({ columns, rows: read }: TextTable, write: typeof markdownTable): Promise<void> => {
    const rows = [...read];
    await navigator.clipboard.writeText([...write({ columns, rows })].join(''));
    told.say(`Copied ${formatCount(rows.length)} ${agreeing(rows.length, 'row')} of the table.`);
  };
  const items: MenuItem[] = [
    save('Save Report as HTML…', 'graph', 'report'),
    save('Save Overview as Markdown…', 'markdown', 'markdown'),
    save('Save All Numbers as CSV…', 'table', 'csv'),
    save('Save All Numbers as JSON…', 'json', 'json'),
    { label: 'Copy Overview as Markdown', icon: 'copy', run: () => told.ask(copyOverview()) },
    { label: 'Copy Table as Markdown', icon: 'copy', run: () => told.ask(copyTable(table('label'), markdownTable)) },
    { label: 'Copy Table for a Spreadsheet', icon: 'copy', run: () => told.ask(copyTable(table('key'), tabSeparated)) },
  ];
  showMenuBelow(owner, items);
}
