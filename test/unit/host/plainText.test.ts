import assert from 'node:assert/strict';
import { listText, notificationText, plainLog } from '../../../extension/host/plainText';
import { markdownCode, markdownText } from '../../../extension/shared/exports/markdownText';
import { quickly } from '../../harness/quick';

/** Names that begin, end or become something where they are taken for markup. */
const HOSTILE = [
  'w\n\n![p](https://127.0.0.1/p.png)\n\n[Repair](command:workbench.action.terminal.new)',
  '`![p](https://127.0.0.1/p.png)`',
  'x``` ** ``![p](https://127.0.0.1/p.png)`',
  '** ![p][1]\r\n\r\n[1]: https://127.0.0.1/p.png',
  '<img src=https://127.0.0.1/p.png><https://127.0.0.1/>',
  'www.example.org https://example.org someone@example.org',
  '| a | b |\u2028|---|---|',
  '    indented',
  '\\',
  '&lt;b&gt;&#96;',
  '$(bug) \\$(bug)',
];

describe('text of files where VS Code reads markup', () => {
  it('has no character of syntax left in Markdown but those of references', () => {
    for (const name of HOSTILE) {
      const text = markdownText(name);
      assert.match(text, /^(&#\d+;|[^!-/:-@[-`{-~\p{C}\u2028\u2029])*$/u, name);
      const read = text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
      assert.equal(
        read,
        name.replace(/[\r\n\u2028]/g, (c) => ({ '\n': '\\n', '\r': '\\r' })[c] ?? '\\u2028'),
        name,
      );
      assert.doesNotMatch(text, /^ | {2}| $/);
    }
  });

  it('is one code span without a backtick in it, or plain', () => {
    for (const name of [...HOSTILE, 'model.layers.0.weight', '', '   ']) {
      const span = /^`([^`\p{C}\u2028\u2029]+)`$/u.test(markdownCode(name));
      assert.equal(span, !name.includes('`') && name.trim() !== '', name);
      if (!span) assert.equal(markdownCode(name), markdownText(name));
    }
    assert.equal(markdownCode('model.layers.0.weight'), '`model.layers.0.weight`');
  });

  it('has no icon in lists and no link in notifications', () => {
    assert.equal(listText('$(bug) of\n$(x)'), '\\$(bug) of\\n\\$(x)');
    const link = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)/; // as VS Code looks for them
    for (const name of HOSTILE) assert.doesNotMatch(notificationText(name), link);
    assert.match(HOSTILE[0]!, link);
  });

  it('is cut to what a person reads, without walking the whole', async () => {
    const long = 'a.`$('.repeat(20_000_000);
    await quickly(1000, () => {
      for (const show of [markdownText, markdownCode, listText, notificationText]) {
        assert.ok(show(long).length < 4000);
      }
    });
  });

  it('is one message in the log', () => {
    const lines: string[] = [];
    const channel = { info: (line: string) => lines.push(line), show: () => 'shown' };
    const log = plainLog(channel as unknown as Parameters<typeof plainLog>[0]);
    log.info('a\u001b[31m\r\n2026-01-01 00:00:00.000 [error] forged');
    assert.deepEqual(lines, ['a\\u001b[31m\\r\n    2026-01-01 00:00:00.000 [error] forged']);
    assert.equal((log as unknown as typeof channel).show(), 'shown');
  });
});
