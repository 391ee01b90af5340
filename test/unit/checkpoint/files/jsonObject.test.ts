import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  JsonSyntaxError,
  objectEntries,
  parseValue,
  skipSpace,
} from '../../../../extension/checkpoint/files/jsonObject';

/** All entries, parsed; the whole text must be the object. */
function parseObject(text: string): [string, unknown][] {
  const json = Buffer.from(text);
  const entries: [string, unknown][] = [];
  const found = objectEntries(json);
  for (;;) {
    const next = found.next();
    if (next.done) {
      if (skipSpace(json, next.value) < json.length) throw new JsonSyntaxError('more text', next.value);
      return entries;
    }
    const { key, keyOffset, start, end } = next.value;
    assert.equal(json[keyOffset], 0x22);
    entries.push([key, parseValue(json, start, end)]);
  }
}

describe('entries of a JSON object', () => {
  it('are those that JSON.parse finds', () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    const object = fc.dictionary(fc.string({ unit: 'grapheme' }), value);
    fc.assert(
      fc.property(object, fc.constantFrom('', ' ', '\t', '\n  '), (made, indent) => {
        const text = JSON.stringify(made, null, indent);
        assert.deepEqual(parseObject(`${indent}${text}${indent}`), Object.entries(JSON.parse(text) as object));
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  it('are refused exactly where JSON.parse refuses the object', () => {
    const tokens = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '"',
      '\\',
      '1',
      '-0.5e3',
      '01',
      'true',
      'nul',
      ' ',
      '\n',
      '\u0001',
      'é',
    ];
    const text = fc.array(fc.constantFrom(...tokens), { maxLength: 12 }).map((parts) => `{"k":${parts.join('')}`);
    let accepted = 0;
    fc.assert(
      fc.property(text, fc.boolean(), (made, close) => {
        const candidate = close ? `${made}}` : made;
        let expected: [string, unknown][] | undefined;
        try {
          expected = Object.entries(JSON.parse(candidate) as object);
        } catch (error) {
          assert.ok(error instanceof SyntaxError);
        }
        if (expected) {
          accepted++;
          // Of a key that occurs twice JSON.parse keeps the last value only.
          assert.deepEqual(Object.entries(Object.fromEntries(parseObject(candidate))), expected);
        } else {
          assert.throws(() => parseObject(candidate), JsonSyntaxError, candidate);
        }
      }),
      { numRuns: 20_000, seed: 3 },
    );
    assert.ok(accepted > 100, `only ${accepted} texts were JSON`);
  });

  it('keep their order and duplicates', () => {
    assert.deepEqual(parseObject('{"b":1,"2":2,"a":3,"1":4,"b":5}'), [
      ['b', 1],
      ['2', 2],
      ['a', 3],
      ['1', 4],
      ['b', 5],
    ]);
  });

  it('are found from any byte on', () => {
    const json = Buffer.from('garbage {"a": 1} rest');
    assert.deepEqual([...objectEntries(json, 8)], [{ key: 'a', keyOffset: 9, start: 14, end: 15 }]);
  });

  it('are not built from text that is not UTF-8', () => {
    const json = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    const [entry] = objectEntries(json);
    assert.throws(() => parseValue(json, entry!.start, entry!.end), { offset: 5, message: /UTF-8/ });
  });

  it('may nest 64 levels deep', () => {
    const nested = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    assert.equal(parseObject(nested(64)).length, 1);
    assert.throws(() => parseObject(nested(65)), { message: /deeper than 64/ });
  });
});
