/** The hostile corpus, in the fuzzer's worker and under its checks: `npm run fuzz -- --corpus` takes every case of it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { corpusOf } from './cases';
import { fuzz, type FuzzReport } from './fuzzer';
import { reportLines } from './report';
import { fuzzSources } from './sources';
import { twoAtATime } from './twoAtATime';
import { corporaOf, corpusFormats } from './corpus/corpora';
import { valueOf, withValue } from './corpus/fields';

/**
 * Cases of a format that are special, and of all others, spread over its fields: some formats have thousands, and the
 * tests have a quarter of an hour. All special cases are taken but HDF5's.
 */
const MOST_CASES = 150;

describe('the hostile corpus', function () {
  // The fuzzer ends what hangs. The rest is a fixed amount of work, however long a busy machine takes for it.
  this.timeout(0);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-corpus-'));
  const laid = new Map(corpusFormats.map((format) => [format, corpusOf(format, path.join(folder, format))]));
  const finished: FuzzReport[] = [];
  let reports: ReadonlyMap<string, Promise<FuzzReport>>;

  before(() => {
    const run = (format: string) => async () => {
      const { count, specialCount } = laid.get(format)!;
      const job = { format, origin: 'corpus', seed: 0 } as const;
      const special = await fuzz({ ...job, from: 0, to: specialCount, step: stepOf(specialCount) });
      const others = await fuzz({ ...job, from: specialCount, to: count, step: stepOf(count - specialCount) });
      return joined(special, others);
    };
    reports = twoAtATime(new Map([...laid.keys()].map((format) => [format, run(format)])));
  });

  after(() => {
    rmSync(folder, { recursive: true, force: true });
    for (const report of finished) for (const line of reportLines(report)) console.log(`      ${line}`);
  });

  it('covers every format that is fuzzed', () => {
    assert.deepEqual(
      [...fuzzSources().keys()].filter((format) => !corpusFormats.includes(format)),
      [],
    );
  });

  function stepOf(count: number): number {
    return Math.max(1, Math.ceil(count / MOST_CASES));
  }

  function taken(count: number): number {
    return Math.ceil(count / stepOf(count));
  }

  for (const format of corpusFormats) {
    it(`${format}: numbers stand where the corpus changes them`, () => {
      for (const [index, { fields = {} }] of corporaOf(format).entries()) {
        for (const [file, find] of Object.entries(fields)) {
          const bytes = readFileSync(path.join(laid.get(format)!.benches[index]!.folder, file));
          const all = find(bytes);
          assert.ok(all.length > 0, `${file} has no fields`);
          for (const field of all) {
            const { name, at, width, encoding } = field;
            assert.ok(at >= 0 && at + width <= bytes.length, `${name} at ${at} lies outside of ${file}`);
            if (encoding !== 'decimal') assert.ok(withValue(bytes, field, valueOf(bytes, field)).equals(bytes), name);
          }
        }
      }
    });

    it(`${format}: each case opens, opens in part, or is refused`, async () => {
      const { count, specialCount } = laid.get(format)!;
      const cases = taken(specialCount) + taken(count - specialCount);
      const report = await reports.get(format)!;
      finished.push(report);
      assert.deepEqual(report.failures, []);
      const { opened, partial, refused } = report.counts;
      assert.equal(opened + partial + refused, cases);
      assert.ok(partial + refused > cases / 3, 'the damage does damage');
    });
  }
});

/** One report of two runs over one format. */
function joined(first: FuzzReport, second: FuzzReport): FuzzReport {
  const { opened, partial, refused } = second.counts;
  return {
    format: first.format,
    counts: {
      opened: first.counts.opened + opened,
      partial: first.counts.partial + partial,
      refused: first.counts.refused + refused,
    },
    failures: [...first.failures, ...second.failures],
    slowestMilliseconds: Math.max(first.slowestMilliseconds, second.slowestMilliseconds),
  };
}
