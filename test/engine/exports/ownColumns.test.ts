/** `--own FILE`: a person's own numbers in what the terminal prints. Names in it may hold anything. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { InspectReport } from '../../../extension/shared/inspectReport';
import { commandLine, type Finished } from '../../harness/commandLine';
import { uniform, writeSafetensors } from '../../harness/checkpoints/madeCheckpoints';
import { temporaryFolder } from '../../harness/temporaryFolder';

const FORMULA = '=HYPERLINK("http://x")';
const ESCAPES = '\u001b[31mred|a';

describe('own numbers in the terminal', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  const [losses, more] = ['losses.csv', 'more.json'].map((name) => path.join(folder, name)) as [string, string];
  let model: string;
  before(() => {
    model = writeSafetensors(path.join(folder, 'model.safetensors'), [
      { name: 'a.weight', shape: [48, 32], values: uniform(1536, 1) },
      { name: 'b.weight', shape: [48, 32], values: uniform(1536, 2) },
    ]);
    writeFileSync(losses, 'name,loss\na,2.25\nb.weight,\nelsewhere,1\n');
    writeFileSync(more, JSON.stringify({ 'a.weight': { [FORMULA]: 7, [ESCAPES]: 1.5, loss: 3 } }));
  });

  const inspect = (...options: string[]): Finished => run('inspect', model, '--no-farms', ...options);

  it('stand beside the measured ones in JSON and CSV, and what does not fit is said', () => {
    const { status, stdout, stderr } = inspect('--json', '--own', losses);
    assert.equal(status, 0, stderr);
    const { layers } = JSON.parse(stdout) as InspectReport;
    assert.deepEqual(
      layers.map(({ own }) => own),
      [{ loss: 2.25 }, undefined],
    );
    assert.match(stderr, /losses\.csv: 1 name is not in this checkpoint: elsewhere\./);
    const [head, a, b] = inspect('--csv', '--own', losses).stdout.split('\n');
    assert.match(head!, /,own_loss$/);
    assert.match(a!, /,2\.25$/);
    assert.match(b!, /,$/);
  });

  it('come from several files, the later one wins, with names that no program obeys', () => {
    const both = ['--own', losses, '--own', more];
    const csv = inspect('--csv', ...both);
    assert.match(csv.stderr, /more\.json: its column "loss" takes the place of that of .*losses\.csv\./);
    const [head, a] = csv.stdout.split('\n');
    assert.ok(head!.endsWith(',own_loss,"own_=HYPERLINK(""http://x"")",own_\\u001b[31mred|a'), head);
    assert.ok(a!.endsWith(',3,7,1.5'), a);
    const text = inspect(...both).stdout;
    assert.ok(!text.includes('\u001b') && text.includes('\\u001b[31mred|a'), text);
    const markdown = inspect('--markdown', ...both).stdout;
    const [titles, rule] = markdown.split('\n').filter((line) => line.startsWith('|'));
    const cells = (line: string): number => line.split(/(?<!\\)\|/).length;
    assert.equal(cells(titles!), cells(rule!), titles);
    assert.ok(!markdown.includes('\u001b') && !markdown.includes('http://'), markdown);
  });

  it('are refused before anything is computed', () => {
    const refused = inspect('--json', '--own', path.join(folder, 'absent.csv'));
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /absent\.csv/);
    assert.equal(refused.stdout, '');
    const list = path.join(folder, 'list.json');
    writeFileSync(list, '[1, 2]');
    const report = run('report', model, '--out', path.join(folder, 'r.html'), '--own', list);
    assert.equal(report.status, 2);
    assert.match(report.stderr, /list\.json: is a list; write an object keyed by tensor name/);
    assert.match(inspect('--quick', '--own', losses).stderr, /--quick and --own exclude each other/);
  });
});
