import assert from 'node:assert/strict';
import { layerReport } from '../../../../extension/engine/terminal/report';
import { modelSummary } from '../../../../extension/shared/findings/modelSummary';
import type { InspectReport } from '../../../../extension/shared/inspectReport';
import type { LayerResult } from '../../../../extension/shared/layers';
import type { CheckpointSummary } from '../../../../extension/shared/tensors';

const head = { path: '/m', format: 'f', files: [], dtypes: [], fileBytes: 0, bytes: 0, parameters: 0 };
const summary = { ...head, architecture: '', tensors: [], problems: [], metadata: {} } as unknown as CheckpointSummary;

const layer = (name: string, changes: Partial<LayerResult> = {}): LayerResult => ({
  ...{ name, tensor: name, shape: [3, 2], dtype: 'F32', matrices: 1, metrics: {}, fits: {}, farms: null, ranks: {} },
  ...{ statistics: null, problems: [], ...changes },
});

function linesOf(...layers: LayerResult[]): string[] {
  const settings = { farms: { enabled: true } };
  const report = { layers, problems: [], settings, model: modelSummary([], layers) } as unknown as InspectReport;
  return layerReport(summary, report).split('\n');
}

describe('the terminal’s report', () => {
  it('shortens names, and never what it remarks on them', () => {
    const long = `${'block.'.repeat(60)}weight`;
    const reason = 'all values of the tail are the same, and a power law of them would have no exponent at all';
    const fits = { KS: { status: 'failed', reason } } as unknown as LayerResult['fits'];
    const lines = linesOf(layer(long), layer(long, { fits, M: 64, N: 64 }), layer('b', { tiedWith: long }));
    assert.match(lines[4]!, / {2}block\..*….*\.weight$/);
    assert.ok(lines[5]!.endsWith(`.weight  (no fit: ${reason})`), lines[5]);
    assert.match(lines[6]!, / {2}b {2}\(tied with block\..*….*\.weight\)$/);
    for (const line of lines.slice(3, 7)) assert.ok(line.length < 250, line);
  });

  it('puts every layer into one count', () => {
    const statistics = { count: 1 } as unknown as LayerResult['statistics'];
    const problems = [{ code: 'limit', message: 'too large' }];
    const lines = linesOf(
      ...[layer('a'), layer('b', { matrices: 0, problems, statistics }), layer('c', { matrices: 0, statistics })],
      ...[layer('d', { problems }), layer('text', { matrices: 0 })],
    );
    const expected =
      '2 layers with a spectrum, 1 that could not be analysed, 1 tensor with statistics only, ' +
      '1 whose elements are not read.';
    assert.ok(lines.includes(expected), lines.join('\n'));
  });

  it('names updates of an adapter that its base model has no weight for', () => {
    const base = { path: '/base', tensor: 'w', relative_norm: 0.1 };
    const update = (name: string, known: boolean): LayerResult =>
      layer(name, { factored: { factors: ['b', 'a'], rank: 1, scale: 1, ...(known && { base }) } });
    const said = (...layers: LayerResult[]): string[] => linesOf(...layers).filter((line) => /no weight of/.test(line));
    assert.deepEqual(said(update('q', true), update('k', false)), [
      '1 update has no weight of its module and shape there: k.',
    ]);
    assert.deepEqual(said(update('q', true), update('k', false), update('v', false)), [
      '2 updates have no weight of their module and shape there: k, v.',
    ]);
    assert.deepEqual(said(update('q', true), layer('w')), []);
    assert.deepEqual(said(update('q', false)), [], 'there is no base model');
  });

  it('says of how many layers the randomisation test is missing, and why', () => {
    const failed = { randomised: { status: 'failed', reason: 'too large to be held', seed: 1 } } as const;
    const lines = linesOf(layer('a', failed), layer('b', failed), layer('c'));
    assert.ok(lines.includes('2 layers not shuffled: too large to be held.'), lines.join('\n'));
  });
});
