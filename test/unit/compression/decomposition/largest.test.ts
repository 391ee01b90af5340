import assert from 'node:assert/strict';
import { entriesAt, largestColumns, largestEntries } from '../../../../extension/compression/decomposition/largest';
import { shareOf } from '../../../../extension/shared/compression/rankLimits';
import { randomMatrix } from '../../../harness/numbers/denseReference';

const poll = (): void => undefined;
const [outputs, inputs] = [9, 7];

/** Positions of the largest magnitudes, by sorting all of them; of equals the first. */
function naive(magnitudes: readonly number[], count: number): number[] {
  const order = magnitudes.map((_, i) => i).sort((a, b) => magnitudes[b]! - magnitudes[a]! || a - b);
  return order.slice(0, count).sort((a, b) => a - b);
}

describe('sparsifiers', () => {
  const matrices: [string, Float64Array][] = [
    ['random numbers', randomMatrix(outputs, inputs, 1)],
    ['numbers of any magnitude', randomMatrix(outputs, inputs, 2).map((x, i) => x * 10 ** ((i % 40) - 20))],
    ['many equal numbers', randomMatrix(outputs, inputs, 3).map((x) => Math.sign(x))],
    ['neighbouring numbers', randomMatrix(outputs, inputs, 4).map((x) => 1 + x * 2e-16)],
    ['zeros', new Float64Array(outputs * inputs)],
  ];
  for (const [name, w] of matrices) {
    it(`find the largest entries of ${name}`, () => {
      for (const count of [0, 1, 5, 31, 62, 63]) {
        const { rows, columns, values } = largestEntries({ w, outputs, inputs }, count, poll);
        const expected = naive([...w].map(Math.abs), count);
        assert.deepEqual([...rows.map((row, i) => row * inputs + columns[i]!)], expected, `${count} entries`);
        assert.deepEqual(
          [...values],
          expected.map((i) => w[i]!),
        );
      }
    });

    it(`find the largest columns of ${name}`, () => {
      const norms = Array.from({ length: inputs }, (_, c) =>
        Array.from({ length: outputs }, (_, r) => w[r * inputs + c]! ** 2).reduce((sum, x) => sum + x, 0),
      );
      for (const count of [0, 1, 3, 7]) {
        const { indices, values } = largestColumns({ w, outputs, inputs }, count, poll);
        const expected = naive(norms, count);
        assert.deepEqual([...indices], expected, `${count} columns`);
        assert.deepEqual(
          [...values],
          Array.from({ length: outputs }, (_, r) => expected.map((c) => w[r * inputs + c]!)).flat(),
        );
      }
    });
  }

  it('read other values at the same places', () => {
    const [w, other] = [randomMatrix(outputs, inputs, 5), randomMatrix(outputs, inputs, 6)];
    const chosen = largestEntries({ w, outputs, inputs }, 4, poll);
    const again = entriesAt({ w: other, outputs, inputs }, chosen);
    assert.deepEqual(
      [...again.values],
      [...chosen.rows.map((row, i) => row * inputs + chosen.columns[i]!)].map((i) => other[i]!),
    );
  });

  it('keep at least one of a share above 0', () => {
    assert.deepEqual([shareOf(0, 50), shareOf(1e-9, 50), shareOf(0.1, 50), shareOf(1, 50)], [0, 1, 5, 50]);
  });
});
