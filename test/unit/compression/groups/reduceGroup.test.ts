/** Numbers of a smaller MLP or attention that its type cannot hold are counted, each once. */
import assert from 'node:assert/strict';
import { reduceGroup, type GroupInput, type GroupModule } from '../../../../extension/compression/groups/reduceGroup';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { naiveProduct, randomMatrix } from '../../../harness/numbers/denseReference';

const tools = { kernels: loadKernels(), poll: () => undefined };
const WIDTH = 8;

/** A projection whose first row is beyond F16's 65 504. */
function module(name: string, outputs: number, inputs: number, large: boolean): GroupModule {
  const w = randomMatrix(outputs, inputs, name.length);
  if (large) for (let i = 0; i < inputs; i++) w[i] = 1e6 * (1 + i);
  return { name, w, outputs, inputs };
}

const inputs = randomMatrix(WIDTH, 40, 5);
const gram = naiveProduct(inputs, inputs, WIDTH, WIDTH, 40, false, true);
const sizes = { heads: 2, keyValueHeads: 2, headSize: 4 };

describe('numbers of a group beyond the range of their type', () => {
  const cases: [what: string, input: GroupInput, rank: number, count: number][] = [
    // All channels stay: the row of up is stored as it is.
    [
      'nystrom',
      { method: 'nystrom', up: [module('up', WIDTH, 6, true)], down: module('down', 5, WIDTH, false) },
      WIDTH,
      6,
    ],
    [
      'qk',
      {
        ...{ method: 'qk', q: module('q', WIDTH, WIDTH, true), k: module('key', WIDTH, WIDTH, true), sizes },
        ...{ rotation: 'none', rotated: 0 },
      },
      4,
      2 * WIDTH,
    ],
  ];
  for (const [what, input, rank, count] of cases) {
    it(`are counted by ${what}`, () => {
      const request = { input, rank, statistics: { gram } };
      const reduced = reduceGroup({ ...request, dtype: 'F16' }, tools);
      assert.equal(reduced.saturated, count);
      const stored = reduced.modules.flatMap(({ w }) => [...w]);
      assert.equal(stored.filter((x) => Math.abs(x) === 65504).length, count);
      assert.equal(reduceGroup({ ...request, dtype: 'BF16' }, tools).saturated, undefined);
    });
  }
});
