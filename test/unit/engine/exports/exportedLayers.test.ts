import assert from 'node:assert/strict';
import { exportedLayers } from '../../../../extension/engine/exports/exportedLayers';
import { inspectCsv, reportedLayers } from '../../../../extension/shared/inspectReport';
import type { LayerResult } from '../../../../extension/shared/layers';
import type { TensorSummary } from '../../../../extension/shared/tensors';

const tensor = (name: string, layers: string[]): TensorSummary => ({
  ...{ name, group: '', shape: [4, 3], dtype: 'F16', encoding: 'Q8_0', parameters: 12, bytes: 24, layers },
});

const result = (name: string, partOf?: string): LayerResult => ({
  ...{ name, tensor: 'w', shape: [4, 3], dtype: 'F16', matrices: 1, metrics: {}, fits: {}, farms: null, ranks: {} },
  ...{ statistics: null, problems: [], ...(partOf !== undefined && { partOf }) },
});

describe('an export', () => {
  const tensors = [tensor('stack', ['stack[0]', 'stack[1]']), tensor('bias', []), tensor('w', ['w'])];
  const results = new Map([result('w'), result('w[q]', 'w'), result('stack[1]')].map((each) => [each.name, each]));
  const layers = exportedLayers({ tensors }, results);

  it('has every layer in the file’s order, and parts behind theirs', () => {
    assert.deepEqual(
      layers.map(({ name }) => name),
      ['stack[0]', 'stack[1]', 'bias', 'w', 'w[q]'],
    );
  });

  it('says of each that was not analysed that it was not', () => {
    const told = layers.flatMap(({ name, problems }) => problems.map(({ code, message }) => [name, code, message]));
    assert.deepEqual(told, [
      ['stack[0]', 'not-analysed', 'stack[0] was not analysed before the export'],
      ['bias', 'not-analysed', 'bias was not analysed before the export'],
    ]);
    const [, first] = [...inspectCsv(reportedLayers({ tensors }, layers))];
    assert.match(first!, /^stack\[0\],stack,4x3,Q8_0,0,.*,stack\[0\] was not analysed before the export\n$/);
  });
});
