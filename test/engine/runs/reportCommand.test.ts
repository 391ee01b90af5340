/** `eigenscope report`: what it writes, refuses and says. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ReportData } from '../../../extension/report/reportRecords';
import type { InspectReport } from '../../../extension/shared/inspectReport';
import { uniform, writeSafetensors } from '../../harness/checkpoints/madeCheckpoints';
import { commandLine } from '../../harness/commandLine';
import { temporaryFolder } from '../../harness/temporaryFolder';

describe('report in the terminal', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  const names = ['a.weight', 'b.weight'];
  const file = writeSafetensors(
    path.join(folder, 'model.safetensors'),
    names.map((name, seed) => ({ name, shape: [32, 16], values: uniform(512, seed + 1) })),
  );
  const dataOf = (html: string): ReportData =>
    JSON.parse(/id="report-data">(.*?)<\/script>/s.exec(html)![1]!) as ReportData;

  it('writes the numbers of inspect, and the spectra of the chosen layer', () => {
    const out = path.join(folder, 'one.html');
    const { status, stdout, stderr } = run('report', file, '--out', out, '--layers', 'b*');
    assert.equal(status, 0, stderr);
    assert.ok(stdout.startsWith(`${out}\n2 layers, `), stdout);
    const { results, spectra } = dataOf(readFileSync(out, 'utf8'));
    const { layers } = JSON.parse(run('inspect', file, '--json').stdout) as InspectReport;
    assert.deepEqual(
      results.map(({ name, metrics }) => ({ name, metrics })),
      layers.map(({ name, metrics }) => ({ name, metrics })),
    );
    assert.deepEqual(
      spectra.map(({ layer }) => layer),
      ['b.weight'],
    );
    const { buffer } = Uint8Array.from(Buffer.from(spectra[0]!.eigenvalues, 'base64'));
    const eigenvalues = new Float64Array(buffer);
    const sum = eigenvalues.reduce((total, value) => total + value, 0);
    const norm = uniform(512, 2).reduce((total, value) => total + Math.fround(value) ** 2, 0);
    assert.ok(Math.abs(sum - norm) < 1e-6 * norm, `${sum} is not ${norm}`);
    // No partial file is left.
    assert.deepEqual(
      readdirSync(folder).filter((each) => each.includes('one')),
      ['one.html'],
    );
  });

  it('replaces a report only if told to, and never the checkpoint', () => {
    const out = path.join(folder, 'two.html');
    assert.equal(run('report', file, '--out', out).status, 0);
    const again = run('report', file, '--out', out);
    assert.equal(again.status, 2);
    assert.match(again.stderr, /exists already.*--overwrite/);
    assert.equal(run('report', file, '--out', out, '--overwrite').status, 0);
    const over = run('report', file, '--out', file, '--overwrite');
    assert.equal(over.status, 2);
    assert.match(over.stderr, /--out needs a name that ends in \.html/);
  });

  it('says what is wrong with its arguments before it reads anything', () => {
    assert.match(run('report', file).stderr, /report needs --out FILE/);
    assert.match(run('report', '--out', 'x.html').stderr, /report needs a PATH/);
    const out = path.join(folder, 'three.html');
    assert.match(run('report', file, '--out', out, '--layers', 'nothing*').stderr, /nothing\*/);
    assert.match(run('report', file, '--out', out, '--out', out).stderr, /--out is given more than once/);
    assert.equal(existsSync(out), false);
  });

  it('ends with 1 and names the layer that could not be analysed', () => {
    const values = uniform(512, 5);
    values[7] = NaN;
    const sick = writeSafetensors(path.join(folder, 'sick.safetensors'), [{ name: 'sick', shape: [32, 16], values }]);
    const { status, stderr } = run('report', sick, '--out', path.join(folder, 'sick.html'));
    assert.equal(status, 1);
    assert.match(stderr, /sick: 1 NaN/);
  });
});
