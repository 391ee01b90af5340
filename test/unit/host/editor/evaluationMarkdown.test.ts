import assert from 'node:assert/strict';
import { evaluationMarkdown } from '../../../../extension/host/editor/evaluationMarkdown';
import { EVALUATION_CAVEATS, type EvaluationReport } from '../../../../extension/shared/modelRuns';

const MODEL = {
  ...{ path: '/m/model.onnx', bytes: 141_000_000, peak_bytes: 2.5e8, baseline_bytes: 5e7 },
  latency_ms: { median: 3.14159, first: 3, second: 3.25 },
};

const REPORT: EvaluationReport = {
  original: MODEL,
  compressed: { ...MODEL, path: '/m/out/model.onnx', bytes: 70_500_000 },
  ...{ runs: 4, timed_runs: 16, synthetic: false },
  outputs: [
    {
      ...{ output: 'logits', relative_error: 0.123456, largest_difference: 1.5, top1_agreement: 0.96875 },
      ...{ kl: 0.0314159, integers: false, rows_are: 'logits' },
    },
    {
      ...{ output: 'a|b', relative_error: null, largest_difference: 0, top1_agreement: null, kl: null },
      ...{ integers: true, rows_are: null },
    },
  ],
  notes: [...EVALUATION_CAVEATS, 'x.npz: [an array](command:x) is not read'],
};

/** The cells of the table's row that begins with this. */
function cells(text: string, first: string): string[] {
  const line = text.split('\n').find((each) => each.startsWith(`| ${first} `));
  assert.ok(line, `${first} in\n${text}`);
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

describe('the document of an evaluation', () => {
  const text = evaluationMarkdown(REPORT);

  it('has a row for each output', () => {
    assert.deepEqual(cells(text, '`logits`'), ['`logits`', '0.1235', '1.500', '96.88 %', '0.03142 nats (logits)']);
    assert.deepEqual(cells(text, '<code>a&#124;b</code>'), ['<code>a&#124;b</code>', '–', '0.000', '–', '–']);
  });

  it('can be read without a preview: the cells of a column stand below each other', () => {
    const tables = text.split('\n\n').filter((part) => part.startsWith('|'));
    assert.equal(tables.length, 2);
    for (const lines of tables.map((each) => each.split('\n'))) {
      const bars = lines.map((line) => [...line.matchAll(/\|/g)].map(({ index }) => index));
      for (const each of bars) assert.deepEqual(each, bars[0]);
    }
  });

  it('sets the models side by side', () => {
    assert.deepEqual(cells(text, 'Size'), ['Size', '141.0 MB', '70.50 MB']);
    assert.deepEqual(cells(text, 'Median latency'), ['Median latency', '3.14 ms', '3.14 ms']);
    assert.match(text, /- Compressed: `\/m\/out\/model\.onnx`/);
    assert.match(text, /- Runs: 4 compared, 16 of each model timed/);
  });

  it('says what the numbers do not say, and takes nothing of a file for Markdown', () => {
    for (const caveat of EVALUATION_CAVEATS) assert.ok(text.includes(`- ${caveat}\n`), caveat);
    assert.ok(!text.includes(']('));
    assert.doesNotMatch(text, /random/);
    assert.match(evaluationMarkdown({ ...REPORT, synthetic: true }), /\*\*Made from random inputs/);
  });
});
