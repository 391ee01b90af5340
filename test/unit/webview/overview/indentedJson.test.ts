import assert from 'node:assert/strict';
import fc from 'fast-check';
import { indentedJson } from '../../../../webview/overview/indentedJson';
import { quickly } from '../../../harness/quick';

describe('JSON in metadata', () => {
  it('stands on lines where one is too short, as JSON.stringify indents it', () => {
    const value = { name: 'a'.repeat(60), list: [1, 2, { deep: ['b'.repeat(80)] }], none: {} };
    assert.equal(
      indentedJson(JSON.stringify(value)),
      [
        '{',
        `  "name": "${'a'.repeat(60)}",`,
        '  "list": [',
        '    1,',
        '    2,',
        '    {',
        '      "deep": [',
        `        "${'b'.repeat(80)}"`,
        '      ]',
        '    }',
        '  ],',
        '  "none": {}',
        '}',
      ].join('\n'),
    );
    assert.equal(indentedJson('{"format":"pt"}'), '{"format": "pt"}');
    assert.equal(indentedJson('[1,2, 3]'), '[1, 2, 3]');
  });

  it('keeps every character of numbers and names, twice the same name too', () => {
    const text = '{"id": 12345678901234567890, "x": 1.0, "x": 1E400, "e": "\\u202e\\"}", "": [-0.0]}';
    assert.equal(indentedJson(text), text);
  });

  it('leaves alone what is no JSON, and what is only a number or a text', () => {
    for (const text of ['{% if x %}', '{"a": }', '[1, 2', '12', '"a"', '', '{']) assert.equal(indentedJson(text), null);
    assert.equal(indentedJson('['.repeat(100) + ']'.repeat(100)), null, 'too deep');
  });

  it('stays the same JSON whatever it holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(4), (value, space) => {
        if (typeof value !== 'object' || value === null) return;
        const indented = indentedJson(JSON.stringify(value, null, space));
        if (indented !== null) assert.equal(JSON.stringify(JSON.parse(indented)), JSON.stringify(value));
      }),
    );
  });

  it('takes no time for a megabyte of brackets or of one text', async () => {
    const list = `[${'{"a":[]},'.repeat(90_000)}0]`;
    const text = `["${'\\\\'.repeat(400_000)}"]`;
    await quickly(1500, () => assert.ok(indentedJson(list) !== null && indentedJson(text) !== null));
  });
});
