/** What a report holds and what it says that it leaves out; the file it becomes. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CHOSEN_LAYERS, layersWorthShowing, MOST_TENSORS, reportData } from '../../../extension/report/reportData';
import { reportHtml, reportPolicy } from '../../../extension/report/reportHtml';
import type { LayerResult } from '../../../extension/shared/layers';
import { repositoryRoot } from '../../harness/shared';
import type { CheckpointSummary, TensorSummary } from '../../../extension/shared/tensors';

const HOSTILE = '</script><script>alert(1)</script><!--';
const settings = {
  farms: { enabled: false, rows: 2, q: 1, ops: 2, fit: 'KS', mode: 'auto', tolerance: 0.01 },
} as const;
const bundle = { script: 'void 0;', style: 'p{color:red}' };

function tensor(name: string): TensorSummary {
  const sizes = { shape: [4, 4], parameters: 16, bytes: 64 };
  return { name, group: '', dtype: 'F32', layers: [name], ...sizes };
}

function result(name: string, N = 4): LayerResult {
  const numbers = { matrices: 1, N, M: 4, metrics: {}, fits: {}, ranks: {}, problems: [], statistics: null };
  return { name, tensor: name, shape: [N, 4], dtype: 'F32', ...numbers } as unknown as LayerResult;
}

function summary(names: readonly string[]): CheckpointSummary {
  return {
    ...{ document: 'secret', path: '/home/someone/m.safetensors', files: ['/home/someone/m.safetensors'] },
    ...{ format: 'safetensors', architecture: '', parameters: 16, bytes: 64, metadata: { a: 'b' }, problems: [] },
    tensors: names.map(tensor),
  } as unknown as CheckpointSummary;
}

const html = (names: readonly string[]): string =>
  [
    ...reportHtml(
      reportData(summary(names), settings, { results: names.map((name) => result(name)), spectra: [] }, 'Eigenscope'),
      bundle,
    ),
  ].join('');

describe('report', () => {
  it('names the checkpoint, but neither its folder nor the engine’s handle', () => {
    const text = html(['a']);
    assert.match(text, /m\.safetensors/);
    assert.doesNotMatch(text, /home|secret/);
  });

  it('keeps hostile names out of the markup, and as they are in its JSON', () => {
    const text = html([HOSTILE]);
    assert.equal(text.split('<script').length - 1, 2);
    assert.ok(!text.includes('alert(1)</script'));
    const json = /id="report-data">(.*?)<\/script>/s.exec(text)![1]!;
    const data = JSON.parse(json) as ReturnType<typeof reportData>;
    assert.equal(data.results[0]!.name, HOSTILE);
    assert.equal(data.summary.tensors[0]!.name, HOSTILE);
  });

  it('allows its own script by hash, and nothing unsafe', () => {
    const policy = reportPolicy(bundle);
    const hash = createHash('sha256').update(bundle.script).digest('base64');
    assert.ok(policy.includes(`script-src 'sha256-${hash}'`));
    assert.match(policy, /^default-src 'none';/);
    assert.doesNotMatch(policy, /unsafe/);
  });

  it('has no code in it that talks to an editor', () => {
    const script = (name: string): string => readFileSync(path.join(repositoryRoot, 'dist', name), 'utf8');
    const ofMessages = 'PendingResponseRejected';
    assert.ok(script('webview.js').includes(ofMessages));
    assert.ok(!script('report.js').includes(ofMessages));
  });

  it('says which tensors a large model’s report lacks', () => {
    const names = Array.from({ length: MOST_TENSORS + 3 }, (_, i) => `t${i}`);
    const all = names.map((name) => result(name));
    const data = reportData(summary(names), settings, { results: all, spectra: [] }, 'Eigenscope');
    assert.equal(data.results.length, MOST_TENSORS);
    assert.match(data.notes[0]!, /first 5000 of 5003 tensors/);
  });

  it('keeps every whole spectrum before any pooled one, and names what has no room', () => {
    const eigenvalues = Float64Array.from([1, 2, 3]);
    const spectra = ['a', 'b'].map((layer) => ({ layer, eigenvalues, farmsEigenvalues: new Float64Array(1 << 20) }));
    const data = reportData(
      summary(['a', 'b']),
      settings,
      { results: [result('a'), result('b')], spectra },
      'Eigenscope',
    );
    const [first] = data.spectra;
    assert.deepEqual(new Float64Array(Uint8Array.from(Buffer.from(first!.eigenvalues, 'base64')).buffer), eigenvalues);
    assert.deepEqual(
      data.spectra.map(({ farms }) => farms),
      ['', ''],
    );
    assert.deepEqual(data.notes, ['Too large for this report are the FARMS spectra of a, b.']);
  });

  it('holds a person’s own numbers of the tensors that are in it, and no folder of their file', () => {
    const names = Array.from({ length: MOST_TENSORS + 1 }, (_, i) => `l${i}`);
    const own = {
      ...{ path: '/home/someone/losses.csv', layers: ['l0', `l${MOST_TENSORS}`, 'l2'], rows: 4 },
      columns: [{ name: HOSTILE, values: [1, 2, null] }],
      unmatched: { names: ['x'], count: 1 },
      problems: { messages: [], count: 0 },
    };
    const data = reportData(summary(names), settings, { results: [], own: [own], spectra: [] }, 'Eigenscope');
    const kept = { path: 'losses.csv', layers: ['l0', 'l2'], columns: [{ name: HOSTILE, values: [1, null] }] };
    assert.deepEqual(data.own, [{ ...own, ...kept }]);
    const text = [...reportHtml(data, bundle)].join('');
    assert.doesNotMatch(text, /home/);
    assert.equal(text.split('<script').length - 1, 2);
  });

  it('shows the largest layers where none is unusual', () => {
    const results = Array.from({ length: 20 }, (_, i) => result(`l${i}`, 4 + i));
    const expected = Array.from({ length: CHOSEN_LAYERS }, (_, i) => `l${19 - i}`);
    assert.deepEqual(layersWorthShowing(results), expected);
  });
});
