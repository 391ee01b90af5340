import assert from 'node:assert/strict';
import { editedJson } from '../../../../extension/compression/writers/editedJson';

const CONFIG = `{
  "factor": 1.0,
  "eps": 1e-05,
  "list": ["a, b", {"c": "}"}],
  "text": "\\"quoted\\" {",
  "size": 64
}
`;

describe('a JSON object with some members changed', () => {
  it('leaves the rest as it was written', () => {
    assert.equal(editedJson(CONFIG, { size: 48 }), CONFIG.replace('64', '48'));
    assert.equal(editedJson(CONFIG, { list: [] }), CONFIG.replace('["a, b", {"c": "}"}]', '[]'));
    assert.equal(editedJson(CONFIG, {}), CONFIG);
  });

  it('adds new members at the end, with the indentation of the others', () => {
    const edited = editedJson(CONFIG, { ranks: { a: 1 }, eps: 2, map: [] });
    assert.equal(
      edited,
      CONFIG.replace('1e-05', '2').replace('64\n', '64,\n  "ranks": {\n    "a": 1\n  },\n  "map": []\n'),
    );
  });

  for (const [name, text, expected] of [
    ['an empty object', '{}', '{"a": {"b":1}}'],
    ['one in one line', '{"x":[1.0, 2],"y": null }', '{"x":[1.0, 2],"y": null,"a": {"b":1} }'],
    ['one with a byte order mark', '\uFEFF{"x": 1}', '\uFEFF{"x": 1,"a": {"b":1}}'],
    ['one that names a member twice', '{"a": 1, "a": 2}', '{"a": {"b":1}, "a": {"b":1}}'],
    ['one with an escaped name', '{"\\u0061": 1}', '{"\\u0061": {"b":1}}'],
    ['one indented with tabs', '{\n\t"x": 1\n}', '{\n\t"x": 1,\n\t"a": {\n\t\t"b": 1\n\t}\n}'],
  ] as const) {
    it(`changes ${name}`, () => {
      const edited = editedJson(text, { a: { b: 1 } });
      assert.equal(edited, expected);
      assert.deepEqual((JSON.parse(edited.replace('\uFEFF', '')) as { a: unknown }).a, { b: 1 });
    });
  }

  it('refuses what is no object', () => {
    assert.throws(() => editedJson('[1]', { a: 1 }), SyntaxError);
    assert.throws(() => editedJson('{"a": 1', { a: 1 }), SyntaxError);
  });
});
