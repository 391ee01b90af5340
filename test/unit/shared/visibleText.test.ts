import assert from 'node:assert/strict';
import { MAX_CELL, shortCell, visible, visibleCell, visibleJson } from '../../../extension/shared/visibleText';

/** Escapes of terminals in 7 and 8 bits, breaks of lines, directions, no width, invisible letters, half a pair. */
const UNSEEN = [
  ...['\u001b[31m', '\u009b2J', '\u0007', '\b', '\r', '\n', '\t', '\u007f', '\u0085', '\u2028'],
  ...['\u202e', '\u2066', '\u200f', '\u061c', '\u200b', '\u200d', '\ufeff', '\u00ad', '\u3164', '\u{e0041}', '\ud800'],
];

describe('visible text', () => {
  it('keeps what is seen, in any language', () => {
    for (const text of ['model.layers.0.q_proj.weight', 'C:\\models\\ä', '层/权重', 'слой', 'طبقة', 'σ₁² ‖ΔW‖', '🙂']) {
      assert.equal(visible(text), text);
      assert.equal(visibleCell(text), text);
      assert.equal(shortCell(text), text);
    }
  });

  for (const text of UNSEEN) {
    const escaped = JSON.stringify(visible(text));
    it(`shows ${escaped} in one line of printable characters`, () => {
      assert.match(visible(`a${text}b`), /^a\\[a-z0-9]+.*b$/);
      assert.match(visible(`a${text}b`), /^[\x20-\x7e]+$/);
    });

    it(`JSON with ${escaped} is read as it was`, () => {
      const value = { [`a${text}b`]: [text] };
      const json = visibleJson(JSON.stringify(value, null, 2));
      assert.match(json, /^[\x20-\x7e\n]+$/);
      assert.deepEqual(JSON.parse(json), value);
    });
  }

  it('marks cells that a spreadsheet would run, and no others', () => {
    for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', ' =1', '＝1', "'=1", "''=1"]) {
      assert.equal(visibleCell(text), `'${text}`);
    }
    for (const text of ['a=1', "'a", 'block-1', '', '1', '*', "'"]) assert.equal(visibleCell(text), text);
  });

  it('takes the middle out of what is too long for a table, counting characters', () => {
    const name = `${'a'.repeat(150)}.weight`;
    assert.equal(shortCell(name).length, MAX_CELL);
    assert.match(shortCell(name), /^a+…a+\.weight$/);
    assert.equal(shortCell('abcdefg', 5), 'ab…fg');
    assert.equal(shortCell('🙂'.repeat(9), 5), '🙂🙂…🙂🙂');
    assert.equal(shortCell('x'.repeat(MAX_CELL)), 'x'.repeat(MAX_CELL));
  });
});
