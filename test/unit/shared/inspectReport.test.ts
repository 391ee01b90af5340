import assert from 'node:assert/strict';
import { modelSummary } from '../../../extension/shared/findings/modelSummary';
import { inspectCsv, inspectJson, inspectReport, type InspectReport } from '../../../extension/shared/inspectReport';
import type { LayerResult } from '../../../extension/shared/layers';
import type { CheckpointSummary, Problem } from '../../../extension/shared/tensors';

const layer = (name: string): LayerResult => ({
  ...{ name, tensor: name, shape: [3, 2], dtype: 'F32', matrices: 1, N: 3, M: 2, metrics: { alpha: 2.5 }, fits: {} },
  ...{ farms: null, ranks: {}, statistics: null, problems: [] },
});

const report = (layers: LayerResult[]): InspectReport => ({
  checkpoint: {
    ...{ path: '/m', format: 'safetensors', architecture: '', tensors: layers.length, parameters: 6, bytes: 24 },
    metadata: { note: 'two\nlines' },
  },
  settings: { farms: { enabled: false, rows: 2000, q: 1, ops: 10, fit: 'xmin_mid', mode: 'auto', tolerance: 0.01 } },
  device: {
    ...{ provider: 'cpu', precision: 'float64', threads: 2, requested: 'auto', timings: [], refused: [] },
    ...{ available: [], trying: false },
  },
  model: modelSummary([], layers),
  layers,
  problems: [{ code: 'truncated', message: 'the file ends early', file: '/m' }],
});

describe('the report of an inspection', () => {
  for (const names of [[], ['a.weight'], ['a.weight', 'quoted "name"\n', 'c']]) {
    it(`of ${names.length} layers, in pieces, is what JSON.stringify makes of it`, () => {
      const whole = report(names.map(layer));
      assert.equal([...inspectJson(whole)].join(''), `${JSON.stringify(whole, null, 2)}\n`);
    });
  }

  it('is one line a layer in CSV', () => {
    const [header, ...lines] = [...inspectCsv([layer('a'), layer('b, c')])];
    assert.match(header!, /^name,tensor,shape,/);
    assert.deepEqual(
      lines.map((line) => line.slice(0, line.indexOf(',3x2'))),
      ['a,a', '"b, c","b, c"'],
    );
    assert.ok(lines.every((line) => line.split('\n').length === 2));
  });

  it('makes no cell of CSV a formula but leaves numbers numbers, and shows what is not seen', () => {
    const sick = { ...layer('=cmd|x'), metrics: { alpha: -1.5 }, problems: [{ code: 'x', message: '@w, "b"' }] };
    const [header, line, second] = [...inspectCsv([sick, layer('\u001b[2J\r\n\u202e')])];
    const cells = line!.trimEnd().split(',');
    assert.deepEqual(cells.slice(0, 2), ["'=cmd|x", "'=cmd|x"]);
    assert.equal(cells[header!.split(',').indexOf('alpha')], '-1.5');
    assert.match(line!, /,"'@w, ""b"""\n$/);
    assert.match(second!, /^\\u001b\[2J\\r\\n\\u202e,/);
  });

  it('has no raw escape in JSON, and reads as it was', () => {
    const whole = report([layer('\u009b2J\u202e')]);
    const text = [...inspectJson(whole)].join('');
    assert.match(text, /\\u009b2J\\u202e/);
    assert.deepEqual(JSON.parse(text), whole);
  });

  it('says once that a tensor cannot be read, where the file said it', () => {
    const summary = {
      ...report([]).checkpoint,
      tensors: [],
      problems: [] as Problem[],
    } as unknown as CheckpointSummary;
    const unread: LayerResult = { ...layer('w'), problems: [{ code: 'unreadable', message: 'w …', tensor: 'w' }] };
    const settings = report([]).settings;
    const codes = (problems: Problem[]): string[] =>
      inspectReport({ ...summary, problems }, settings, [unread], report([]).device).problems.map(({ code }) => code);
    assert.deepEqual(codes([]), ['unreadable']);
    assert.deepEqual(codes([{ code: 'corrupt', message: 'w: checksum', tensor: 'w' }]), ['corrupt']);
    assert.deepEqual(codes([{ code: 'corrupt', message: 'v: checksum', tensor: 'v' }]), ['corrupt', 'unreadable']);
  });
});
