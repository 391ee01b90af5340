/** Cells of the map and lines against depth, from made results. */
import assert from 'node:assert/strict';
import type { QuickLook } from '../../../../extension/shared/estimates';
import type { LayerResult } from '../../../../extension/shared/layers';
import type { TensorSummary } from '../../../../extension/shared/tensors';
import { depthFinding, depthLines, depthTwin, middleHalf } from '../../../../webview/map/depthLines';
import { errorsAtHalf } from '../../../../webview/map/halfErrors';
import {
  cellValue,
  layerOf,
  mapFinding,
  mapGrid,
  mapTwin,
  valueWords,
  type KnownNumbers,
} from '../../../../webview/map/mapGrid';
import { MAP_QUANTITIES, shownWith, type QuantityKey } from '../../../../webview/map/mapQuantities';

const tensor = (name: string, change: Partial<TensorSummary> = {}): TensorSummary => ({
  ...{ name, group: '', shape: [8, 8], dtype: 'F32', parameters: 64, bytes: 256, layers: [name] },
  ...change,
});

const result = (name: string, alpha: number | null, farmsAlpha: number | null = null): LayerResult => ({
  ...{ name, tensor: name, shape: [8, 8], dtype: 'F32', matrices: 1, N: 8, M: 8, fits: {}, ranks: {}, problems: [] },
  ...{ metrics: { alpha, effective_rank: 2, mp_softrank: 0.25 }, statistics: null },
  missing: { alpha: 'a fit needs 10 eigenvalues' },
  farms: farmsAlpha === null ? null : ({ alpha: farmsAlpha } as LayerResult['farms']),
});

const byName = (results: readonly LayerResult[], looks: readonly QuickLook[] = []): KnownNumbers => ({
  results: new Map(results.map((each) => [each.name, each])),
  looks: new Map(looks.map((each) => [each.layer, each])),
});

const NOTHING = byName([]);

const quantity = (key: QuantityKey) => MAP_QUANTITIES.find((each) => each.key === key)!;
const alpha = quantity('alpha');

const name = (block: number, part: string): string => `model.layers.${block}.${part}.weight`;
const blocks = [0, 1, 2, 3, 4, 5];
const model = [
  tensor('model.embed_tokens.weight'),
  ...blocks.flatMap((block) => ['self_attn.q_proj', 'mlp.up_proj'].map((part) => tensor(name(block, part)))),
  tensor('model.norm.weight', { layers: [] }),
  tensor('lm_head.weight', { sharedWith: 'model.embed_tokens.weight' }),
  tensor('exp_avg', { notModel: 'optimizer state' }),
];

describe('the cells of a map', () => {
  it('are roles by block, then layers in no block; tied ones and optimizer state are left out', () => {
    const grid = mapGrid(model);
    assert.deepEqual(
      grid.rows.map(({ label, cells }) => [label, cells.length]),
      [
        ['q', 6],
        ['up', 6],
        ['', 1],
      ],
    );
    assert.equal(grid.rows[1]!.cells[3]!.place, 'up_proj, block 3');
    assert.equal(grid.rows[2]!.cells[0]!.place, 'model.embed_tokens.weight');
  });

  it('wrap layers of a model without blocks', () => {
    const grid = mapGrid(Array.from({ length: 100 }, (_, i) => tensor(`conv${i}.weight`)));
    assert.deepEqual([grid.roles, grid.columns, grid.rows.map(({ cells }) => cells.length)], [0, 48, [48, 48, 4]]);
    assert.deepEqual(mapGrid([]).rows, []);
  });

  it('say the number, why there is none, or that it is not known yet', () => {
    const cell = { layers: ['a'], place: 'a' };
    const words = (results: readonly LayerResult[]): string =>
      valueWords(cellValue(cell, byName(results), alpha), alpha);
    assert.equal(words([result('a', 3.21)]), 'α 3.21');
    assert.equal(words([result('a', null)]), 'no α: a fit needs 10 eigenvalues');
    assert.equal(words([]), 'not inspected yet');
    assert.equal(valueWords(cellValue({ layers: [], place: 'a' }, NOTHING, alpha), alpha), 'no such layer');
  });

  it('mark what is only estimated, until there is a result', () => {
    const look = { layer: 'a', estimates: { alpha: { value: 3.21, low: 3, high: 3.5 } } } as unknown as QuickLook;
    const cell = { layers: ['a'], place: 'a' };
    const found = cellValue(cell, byName([], [look]), alpha);
    assert.equal(valueWords(found, alpha), 'α ≈ 3.21, estimated: 95% interval 3 to 3.50');
    assert.equal(valueWords(cellValue(cell, byName([result('a', 2.5)], [look]), alpha), alpha), 'α 2.50');
    assert.equal(cellValue(cell, byName([], [look]), quantity('signal')).state, 'waiting');
  });

  it('mean experts, tell their ends, and lead to the one furthest from the mean', () => {
    const cell = { layers: ['a', 'b', 'c', 'd'], place: 'up, block 0' };
    const found = cellValue(cell, byName([result('a', 2), result('b', 3), result('c', 7), result('d', null)]), alpha);
    assert.equal(valueWords(found, alpha), 'α 4 on average (2 to 7, 3 matrices)');
    assert.equal(layerOf(cell, found), 'c');
  });

  it('find median and ends', () => {
    const results = byName(blocks.map((block) => result(name(block, 'mlp.up_proj'), 2 + block)));
    assert.equal(
      mapFinding(mapGrid(model), results, alpha),
      'α: median 4, from 2 (up_proj, block 0) to 7 (up_proj, block 5). 7 cells not inspected yet.',
    );
    assert.equal(mapFinding(mapGrid(model), NOTHING, alpha), 'Fills as layers are inspected.');
  });

  it('are a table of the same numbers', () => {
    const results = byName([result(name(1, 'self_attn.q_proj'), 2.5), result('model.embed_tokens.weight', 4.5)]);
    const { columns, rows } = mapTwin(mapGrid(model), results, alpha);
    assert.deepEqual(columns, ['role', '0', '1', '2', '3', '4', '5']);
    assert.deepEqual(rows[0], ['q', '–', '2.50', '–', '–', '–', '–']);
    assert.deepEqual(rows[2], ['model.embed_tokens.weight', '4.50', '', '', '', '', '']);
  });

  it('show effective rank of the largest possible one, and signal as λ₁ over the edge', () => {
    assert.equal(quantity('effective_rank').value(result('a', 3)), 0.25);
    assert.equal(quantity('effective_rank').value({ ...result('a', 3), matrices: 9 }), 2 / 72);
    assert.equal(quantity('signal').value(result('a', 3)), 4);
  });
});

describe('the error at half of the parameters', () => {
  it('is that of the largest rank whose factors have no more', () => {
    // 8 × 8: a direction costs 16 of 64 parameters, so half allows two.
    const layer = { name: 'a', outputs: 8, inputs: 8, storedBytes: 256, elementBytes: 4, block: '' };
    const eigenvalues = Float64Array.of(9, 4, 2, 1, 0, 0, 0, 0);
    const errors = errorsAtHalf([
      { ...layer, eigenvalues },
      { ...layer, name: 'b' },
    ]);
    assert.equal(errors.size, 1);
    assert.ok(Math.abs(errors.get('a')! - Math.sqrt(3 / 16)) < 1e-15);
  });
});

describe('lines against depth', () => {
  const both = shownWith(alpha);
  const results = byName(blocks.map((block) => result(name(block, 'mlp.up_proj'), 2 + block, 1 + block)));
  const lines = depthLines(mapGrid(model), results, both);

  it('are one a role, in two panels for alpha', () => {
    assert.deepEqual(
      lines.map(({ role, values }) => [role, values.map((line) => line.filter((value) => value !== null).length)]),
      [
        ['q', [0, 0]],
        ['up', [6, 6]],
      ],
    );
    assert.equal(lines[1]!.layers[4], name(4, 'mlp.up_proj'));
  });

  it('find how the mean changes', () => {
    assert.equal(depthFinding(lines, both), 'Means of the first and last third: α 2.50 to 6.50, FARMS α 1.50 to 5.50.');
    assert.equal(depthFinding(depthLines(mapGrid(model), NOTHING, both), both), 'Fills as layers are inspected.');
  });

  it('are a table of the same numbers', () => {
    const { columns, rows } = depthTwin(mapGrid(model), lines, both);
    assert.deepEqual(columns, ['block', 'α q', 'α up', 'FARMS α q', 'FARMS α up']);
    assert.deepEqual(rows[2], ['2', '–', '4', '–', '3']);
  });

  it('take the layers in order for a model without blocks', () => {
    const strip = mapGrid(['a', 'b', 'c'].map((each) => tensor(each)));
    const [line, ...others] = depthLines(strip, byName([result('b', 3)]), [alpha]);
    assert.deepEqual([line!.values, others], [[[null, 3, null]], []]);
    assert.equal(depthFinding([line!], [alpha]), 'Mean: α 3.');
  });

  it('have a middle half from four numbers on', () => {
    assert.equal(middleHalf([1, 2, 3]), null);
    assert.deepEqual(middleHalf([9, 1, 2, 3, 4, 5, 6, 7, 8]), [3, 7]);
  });
});
