/** The table of what works with which format: each cell holds for a checkpoint of that format. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { widen } from '../../extension/checkpoint/elements/dtype';
import { formats, openModel } from '../../extension/checkpoint/openModel';
import type { InspectSettings } from '../../extension/shared/layers';
import { unpackSummary } from '../../extension/shared/packedTensors';
import type { CheckpointSummary } from '../../extension/shared/tensors';
import { EngineProcess } from '../harness/engineProcess';
import { formatSamples } from '../harness/checkpoints/formatSamples';
import { repositoryRoot } from '../harness/shared';
import { temporaryFolder } from '../harness/temporaryFolder';
import { parseSafetensors } from '../unit/compression/savingFixture';

/** Enough for a format to be known by. */
const HEAD_BYTES = 4096;

const COLUMNS = ['format', 'open', 'names', 'spectrum', 'save'];

const settings: InspectSettings = {
  farms: { enabled: false, rows: 2000, q: 1, ops: 10, fit: 'KS', mode: 'auto', tolerance: 0.01 },
};

/** Cells of the rows of the page's table that begins with these columns. */
function tableOf(readme: string, columns: readonly string[]): readonly (readonly string[])[] {
  const lines = readme.split('\n');
  const cells = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const start = lines.findIndex((line) => cells(line).join() === columns.join());
  assert.ok(start >= 0, `the page has no table of ${columns.join(', ')}`);
  const rows = lines.slice(start + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map(cells);
}

describe('the table of formats', () => {
  const readme = readFileSync(path.join(repositoryRoot, 'extension/checkpoint/README.md'), 'utf8');
  const rows = tableOf(readme, COLUMNS);
  const folder = temporaryFolder();
  let engine: EngineProcess;
  before(() => (engine = new EngineProcess({ cacheFolder: path.join(folder, 'cache') })));
  after(() => engine.dispose());

  it('has a sample for each row, and a row for each sample and format', () => {
    assert.deepEqual(
      rows.map(([row]) => row),
      formatSamples.map(({ row }) => row),
    );
    const described = tableOf(readme, ['format', 'files', 'what is read']).map(([format]) => format!);
    const named = rows.map(([row]) => row!);
    assert.deepEqual(
      described.filter((format) => !named.includes(format)),
      [],
    );
  });

  for (const [index, sample] of formatSamples.entries()) {
    describe(sample.row, () => {
      const [, open, names, spectrum, save] = rows[index] ?? [];
      const place = path.join(folder, String(index));
      const file = path.join(place, sample.source.open);
      let summary: CheckpointSummary;

      before(() => {
        mkdirSync(place);
        sample.source.lay(place);
      });

      it('opens without a problem', async () => {
        assert.equal(open, 'yes');
        summary = unpackSummary(await engine.request('open', { path: file }));
        assert.deepEqual(summary.problems, []);
      });

      it('has its own names', () => {
        assert.match(names!, /’/, 'whose they are');
        assert.deepEqual(new Set(summary.tensors.map(({ name }) => name)), new Set(sample.names));
        const aliases = summary.tensors.flatMap(({ name, alias }) => (alias === undefined ? [] : [[name, alias]]));
        assert.deepEqual(Object.fromEntries(aliases), sample.aliases ?? {});
        assert.equal(names!.includes(' beside them'), aliases.length > 0);
      });

      it('gives a spectrum whose sum is that of the squared elements', async () => {
        assert.equal(spectrum, 'yes');
        const request = { document: summary.document, layer: sample.layer, settings };
        const { rankEigenvalues } = await engine.request('spectrum', request);
        const sum = rankEigenvalues.reduce((total, value) => total + value, 0);
        assert.ok(sum > 0);
        assert.ok(Math.abs(sum / (await sumOfSquares(file, sample.layer)) - 1) < 1e-6, String(sum));
      });

      it(sample.unsaved ? 'says why it is not saved compressed' : 'is saved compressed, and opens again', async () => {
        const target = path.join(place, 'saved', 'compressed.safetensors');
        mkdirSync(path.dirname(target));
        const rank = { kind: 'rank', rank: 1 } as const;
        const request = { layer: sample.layer, method: 'svd', rank, output: 'reconstructed', target } as const;
        const saved = engine.request('saveCompressed', { document: summary.document, request, settings });
        if (sample.unsaved) {
          assert.match(save!, /^no: /);
          await assert.rejects(saved, sample.unsaved);
          return;
        }
        assert.equal(save, 'yes');
        assert.equal((await saved).rank, 1);
        assert.deepEqual(new Set(parseSafetensors(target).names), new Set(sample.names));
        const again = unpackSummary(await engine.request('open', { path: target }));
        const layer = { document: again.document, layer: sample.layer, settings };
        const { rankEigenvalues } = await engine.request('spectrum', layer);
        const [largest, next] = [...rankEigenvalues].sort((a, b) => b - a);
        assert.ok(next! < 1e-4 * largest!, 'of rank 1');
      });
    });
  }

  describe('and the registry', () => {
    it('know the same formats', () => {
      const opened = formatSamples.map(({ source }, index) => {
        const file = path.join(folder, String(index), source.open);
        const head = readFileSync(file).subarray(0, HEAD_BYTES);
        return formats.find((format) => format.matches(file, head))?.name;
      });
      const missing = formats.map(({ name }) => name).filter((name) => !opened.includes(name));
      assert.deepEqual(
        missing,
        [],
        'a format needs a row in extension/checkpoint/README.md and a sample in formatSamples.ts',
      );
    });
  });
});

async function sumOfSquares(file: string, layer: string): Promise<number> {
  const checkpoint = await openModel(file);
  try {
    const tensor = checkpoint.tensors.find(({ name }) => name === layer)!;
    return widen(await checkpoint.read(tensor), tensor.dtype).reduce((total, value) => total + value * value, 0);
  } finally {
    await checkpoint.close();
  }
}
