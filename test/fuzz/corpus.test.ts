/** Every case of the hostile corpus, in the fuzzer's worker and under its checks. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { corpusOf } from './cases';
import { fuzz } from './fuzzer';
import { reportLines } from './report';
import { fuzzSources } from './sources';
import { corpora } from './corpus/corpora';
import { valueOf, withValue } from './corpus/fields';

describe('the hostile corpus', () => {
  const lines: string[] = [];
  const folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-corpus-'));

  after(() => {
    rmSync(folder, { recursive: true, force: true });
    for (const line of lines) console.log(`      ${line}`);
  });

  it('covers every format that is fuzzed', () => {
    const missing = [...fuzzSources().keys()].filter((format) => !corpora().has(format));
    assert.deepEqual(missing, []);
  });

  for (const [format, found] of corpora()) {
    it(`${format}: each case opens, opens in part, or is refused`, async () => {
      const laid = path.join(folder, format);
      const { benches, count } = corpusOf(format, laid);
      // The map of a file is right where a number that is put back changes nothing.
      for (const [index, { fields = {} }] of found.entries()) {
        for (const [file, find] of Object.entries(fields)) {
          const bytes = readFileSync(path.join(benches[index]!.folder, file));
          const all = find(bytes);
          assert.ok(all.length > 0, `${file} has no fields`);
          for (const field of all) {
            const { name, at, width, encoding } = field;
            assert.ok(at >= 0 && at + width <= bytes.length, `${name} at ${at} lies outside of ${file}`);
            if (encoding !== 'decimal') assert.deepEqual(withValue(bytes, field, valueOf(bytes, field)), bytes, name);
          }
        }
      }
      const report = await fuzz({ format, origin: 'corpus', seed: 0, from: 0, to: count });
      lines.push(...reportLines(report));
      assert.deepEqual(report.failures, []);
      const { opened, partial, refused } = report.counts;
      assert.equal(opened + partial + refused, count);
      assert.ok(partial + refused > count / 3, 'the damage does damage');
    });
  }
});
