import assert from 'node:assert/strict';
import { markdownSentence } from '../../../../extension/shared/exports/markdownText';

describe('sentences in Markdown', () => {
  it('stay as they are if they can be read as text only', () => {
    for (const text of ['c_attn and c_fc, blocks 11–23', 'alpha 4.25, D 0.03 (typical of 2–6)', 'α ± 2σ × 3 %', '']) {
      assert.equal(markdownSentence(text), text);
    }
  });

  it('are escaped if they could become a list, a link, emphasis, an emoji or a mention', () => {
    const others = ['1. one', '- one', '-', '_a_', 'www.example.org', 'https://example.org', 'a :bug: b', '@someone'];
    for (const text of [...others, '#12', '[a](b)', '![a](b)', 'a  b', '<b>', 'a\nb', '`x`']) {
      const shown = markdownSentence(text);
      assert.notEqual(shown, text);
      const read = shown.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
      assert.equal(read, text.replace('\n', '\\n'));
    }
  });
});
