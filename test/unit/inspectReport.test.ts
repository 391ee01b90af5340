import assert from 'node:assert/strict';
import { inspectCsv, inspectJson, type InspectReport } from '../../extension/inspectReport';
import type { LayerResult } from '../../extension/protocol';

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
});
