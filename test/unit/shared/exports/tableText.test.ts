/** Tables as text: hostile names stay text in every one of them. */
import assert from 'node:assert/strict';
import { markdownTable, tabSeparated, type TableCell } from '../../../../extension/shared/exports/tableText';

const HOSTILE = [
  '=cmd|"/c calc"!A1',
  '+1+1',
  '-2+3',
  '@SUM(A1)',
  '"=1+1',
  '＝1',
  'a|b`c',
  '![p](https://example.org/p.png) @someone #1',
  '<img src=x onerror=alert(1)>',
  'tab\there\nand a line',
  '\u202egnp.exe',
];

const columns = [
  { title: 'Name', align: 'start' },
  { title: 'α', align: 'end' },
] as const;

const table = (...rows: TableCell[][]): { columns: typeof columns; rows: TableCell[][] } => ({ columns, rows });

describe('a table for a spreadsheet', () => {
  it('has one cell for each tab, and numbers in full', () => {
    const text = [...tabSeparated(table([{ name: 'a.weight' }, 1 / 3], ['b', null]))].join('');
    assert.equal(text, `Name\tα\na.weight\t${1 / 3}\nb\t\n`);
  });

  it('has no formula of a name, and leaves negative numbers numbers', () => {
    const lines = [...tabSeparated(table(...HOSTILE.map((name): TableCell[] => [{ name }, -1.5])))].slice(1);
    assert.equal(lines.length, HOSTILE.length);
    for (const line of lines) {
      const cells = line.slice(0, -1).split('\t');
      assert.equal(cells.length, 2, line);
      assert.doesNotMatch(cells[0]!, /^["=+\-@＝]/u, line);
      assert.equal(cells[1], '-1.5');
      assert.doesNotMatch(line.slice(0, -1), /[\n\r\u202e]/);
    }
  });
});

describe('a table in Markdown', () => {
  it('has names as code and numbers in five digits', () => {
    const text = [...markdownTable(table([{ name: 'a_b.weight' }, 3.14159265], [{ name: 'c' }, 12]))].join('');
    assert.equal(text, '| Name | α |\n| --- | ---: |\n| `a_b.weight` | 3.1416 |\n| `c` | 12 |\n');
  });

  it('has two cells in each row, whatever the name', () => {
    for (const name of HOSTILE) {
      const [, , row] = markdownTable(table([{ name }, 1e-12]));
      assert.match(row!, /^\| (`[^`|\n]+`|<code>[^`|<>\n]+<\/code>) \| 1e-12 \|\n$/, name);
    }
    const [, , plain] = markdownTable(table(['[x](command:y) | z', 0]));
    assert.match(plain!, /^\| [^[\]|<>`@]+ \| 0 \|\n$/);
  });
});
