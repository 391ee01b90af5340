/** What the engine writes for a person to keep, and what it never writes over. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ReportData } from '../../../extension/report/reportRecords';
import type { ExportFormat, ExportResult } from '../../../extension/shared/exports/exportFormats';
import type { InspectReport } from '../../../extension/shared/inspectReport';
import type { InspectSettings, LayerResult } from '../../../extension/shared/layers';
import { commandLine } from '../../harness/commandLine';
import { uniform, writeSafetensors } from '../../harness/checkpoints/madeCheckpoints';
import { EngineProcess } from '../../harness/engineProcess';
import { temporaryFolder } from '../../harness/temporaryFolder';

const settings: InspectSettings = {
  farms: { enabled: true, rows: 2000, q: 1, ops: 10, fit: 'xmin_peak', mode: 'auto', tolerance: 0.01 },
};

describe('numbers written by the engine', () => {
  const root = temporaryFolder();
  let folder: string;
  let model: string;
  let engine: EngineProcess;
  let document: string;
  let results: LayerResult[];
  before(async () => {
    folder = mkdtempSync(path.join(root, 'model-'));
    model = writeSafetensors(path.join(folder, 'model.safetensors'), [
      { name: 'a.weight', shape: [48, 32], values: uniform(1536, 1) },
      { name: '=cmd()|b', shape: [48, 32], values: uniform(1536, 2) },
      { name: 'bias', shape: [32], values: uniform(32, 3) },
    ]);
    engine = new EngineProcess({});
    ({ document } = await engine.request('open', { path: model }));
    await engine.request('inspect', { document, settings });
    await engine.idle();
    results = [...new Map(engine.results.map(({ result }) => [result.name, result])).values()];
  });
  after(() => engine.dispose());

  async function write(
    format: ExportFormat,
    target: string,
    told = results,
    layers: string[] = [],
    only?: string[],
  ): Promise<ExportResult> {
    for (const [index, result] of told.entries()) {
      await engine.request('tellResults', { document, results: [result], first: index === 0 });
    }
    const request = { format, target, results: told.length, looks: [], layers, ...(only && { only }) };
    return engine.request('exportNumbers', { document, request, settings });
  }

  it('limits a CSV file to the layers that are asked for', async () => {
    const [all, some] = ['all', 'some'].map((name) => path.join(folder, `${name}.csv`)) as [string, string];
    await write('csv', all);
    await write('csv', some, results, [], ['bias', 'a.weight']);
    const lines = (file: string): string[] => readFileSync(file, 'utf8').split('\n');
    assert.deepEqual(
      lines(some),
      lines(all).filter((line) => !line.startsWith("'=cmd()")),
    );
    for (const file of [all, some]) rmSync(file);
  });

  it('writes the terminal’s own JSON, CSV and Markdown, and leaves nothing else behind', async () => {
    const run = commandLine(folder);
    const json = path.join(folder, 'numbers.json');
    assert.equal((await write('json', json)).path, json);
    const own = JSON.parse(readFileSync(json, 'utf8')) as InspectReport;
    const terminal = JSON.parse(run('inspect', model, '--json', '--no-cache').stdout) as InspectReport;
    const numbers = ({ layers }: InspectReport): unknown => layers.map(({ elapsed: _, ...rest }) => rest);
    assert.deepEqual(numbers(own), numbers(terminal));
    assert.deepEqual(own.checkpoint, terminal.checkpoint);
    const csv = path.join(folder, 'numbers.csv');
    const { bytes } = await write('csv', csv);
    assert.equal(readFileSync(csv, 'utf8'), run('inspect', model, '--csv', '--no-cache').stdout);
    assert.equal(bytes, readFileSync(csv).length);
    assert.match(readFileSync(csv, 'utf8'), /\n'=cmd\(\)\|b,/);
    const markdown = path.join(folder, 'numbers.md');
    await write('markdown', markdown);
    const overview = run('inspect', model, '--markdown', '--no-cache').stdout;
    assert.equal(readFileSync(markdown, 'utf8'), `<!-- Overview by Eigenscope -->\n${overview}`);
    assert.match(overview, /^# `model\.safetensors`\n/);
    assert.match(overview, / \| <code>&#61;cmd&#40;&#41;&#124;b<\/code> \|/);
    // Once more over its own files.
    for (const format of ['csv', 'markdown'] as const) await write(format, format === 'csv' ? csv : markdown);
    assert.deepEqual(readdirSync(folder).sort(), ['model.safetensors', 'numbers.csv', 'numbers.json', 'numbers.md']);
  });

  it('puts a person’s own numbers into CSV, JSON, Markdown and the report', async () => {
    const file = path.join(root, 'losses.csv');
    writeFileSync(file, 'name,loss,=evil\na,0.125,1\nnowhere,1,2\n=cmd()|b,2.5,\n');
    const own = [await engine.request('ownNumbers', { document, path: file })];
    assert.deepEqual(own[0]!.unmatched, { names: ['nowhere'], count: 1 });
    const place = mkdtempSync(path.join(root, 'own-'));
    const written: Record<string, string> = {};
    for (const format of ['csv', 'json', 'markdown', 'report'] as const) {
      await engine.request('tellResults', { document, results, first: true });
      const target = path.join(place, `own.${format === 'report' ? 'html' : format}`);
      const request = { format, target, results: results.length, looks: [], layers: [], own };
      await engine.request('exportNumbers', { document, request, settings });
      written[format] = readFileSync(target, 'utf8');
    }
    const [head, ...lines] = written.csv!.trimEnd().split('\n');
    assert.match(head!, /,problems,own_loss,own_=evil$/);
    assert.match(
      lines.find((line) => line.startsWith('a.weight,'))!,
      /,0\.125,1$/,
    );
    assert.match(
      lines.find((line) => line.startsWith("'=cmd"))!,
      /,2\.5,$/,
    );
    assert.match(
      lines.find((line) => line.startsWith('bias,'))!,
      /,,$/,
    );
    const { layers } = JSON.parse(written.json!) as InspectReport;
    assert.deepEqual(layers.find(({ name }) => name === 'a.weight')!.own, { loss: 0.125, '=evil': 1 });
    assert.match(written.markdown!, /^\| loss \| &#61;evil \| alpha \|/m);
    const report = JSON.parse(/id="report-data">(.*?)<\/script>/s.exec(written.report!)![1]!) as ReportData;
    assert.deepEqual(report.own, [{ ...own[0]!, path: 'losses.csv' }]);
  });

  it('writes a plot only under a picture’s name, and never over the model', async () => {
    const bytes = new TextEncoder().encode('<svg/>');
    const target = path.join(root, 'plot.svg');
    assert.deepEqual(await engine.request('savePicture', { document, bytes, target }), { path: target });
    assert.equal(readFileSync(target, 'utf8'), '<svg/>');
    await assert.rejects(
      engine.request('savePicture', { document, bytes, target: model }),
      /end it with \.svg or \.png/,
    );
    const config = path.join(root, 'config.json');
    await assert.rejects(engine.request('savePicture', { document, bytes, target: config }), /no name of a picture/);
    assert.equal(existsSync(config), false);
  });

  it('makes the overview for the clipboard of what it was told', async () => {
    await engine.request('tellResults', { document, results: results.slice(0, 1), first: true });
    const text = await engine.request('overviewText', { document, request: { results: 1, looks: [] }, settings });
    assert.match(text, /^# `model\.safetensors`\n/);
    assert.match(text, /^2 of 3 layers are not in this overview\.$/m);
    assert.ok(!text.includes('bias'), text);
  });

  it('writes a report of the known layers, with the spectra of those looked at first', async () => {
    const target = path.join(folder, 'report.html');
    const { notes } = await write('report', target, results.slice(0, 2), ['=cmd()|b']);
    const html = readFileSync(target, 'utf8');
    const data = JSON.parse(/id="report-data">(.*?)<\/script>/s.exec(html)![1]!) as ReportData;
    const known = results.slice(0, 2).map(({ name }) => name);
    assert.deepEqual(new Set(data.results.map(({ name }) => name)), new Set(known));
    assert.deepEqual(
      data.spectra.map(({ layer }) => layer),
      ['=cmd()|b', 'a.weight'].filter((name) => known.includes(name)),
    );
    assert.match(notes[0]!, /^1 of 3 layers was not inspected when this report was made/);
    assert.deepEqual(data.notes, notes);
  });

  it('replaces nothing of the model, and nothing beside it that is not its own', async () => {
    const config = path.join(folder, 'config.json');
    writeFileSync(config, '{}');
    await assert.rejects(write('json', config), /may belong to the model/);
    await assert.rejects(write('report', config), /may belong to the model/);
    await assert.rejects(write('csv', model), /part of the checkpoint/);
    assert.equal(readFileSync(config, 'utf8'), '{}');
  });

  it('writes nothing if it was not told all results', async () => {
    const target = path.join(folder, 'partial.csv');
    await engine.request('tellResults', { document, results: results.slice(0, 1), first: true });
    const request = { format: 'csv', target, results: 3, looks: [], layers: [] } as const;
    await assert.rejects(engine.request('exportNumbers', { document, request, settings }), /1 of 3 results/);
    assert.equal(existsSync(target), false);
  });
});
