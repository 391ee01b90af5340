/** What plans say of errors before anything is compressed, held against what the methods lose of matrices. */
import assert from 'node:assert/strict';
import { compressMatrix } from '../../../../extension/compression/compressMatrix';
import { errorKind, errorShare } from '../../../../extension/compression/plan/errorModel';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import type { LayerChoice } from '../../../../extension/shared/compression/plans';
import type { LayerStatistics } from '../../../../extension/shared/compression/statistics';
import { EnergyShares } from '../../../../extension/shared/ranks/energyShares';
import { naiveProduct, randomMatrix, seededRandom } from '../../../harness/numbers/denseReference';
import { smallerSideEigenvalues } from '../../../../extension/linalg/singular/smallerSide';

const kernels = loadKernels();
const [outputs, inputs] = [24, 36];
const RANK = 3;

const lowRank = naiveProduct(randomMatrix(outputs, RANK, 1), randomMatrix(RANK, inputs, 2), outputs, inputs, RANK);
const noise = randomMatrix(outputs, inputs, 3);
const random = seededRandom(4);

const MATRICES: Readonly<Record<string, Float64Array>> = {
  'low rank': lowRank,
  'low rank and noise': lowRank.map((value, i) => value + 0.3 * noise[i]!),
  noise,
  'low rank and outliers': lowRank.map((value) => value + (Math.abs(random()) < 0.05 ? 30 * random() : 0)),
};

const x = randomMatrix(inputs, 90, 5);
const statistics: LayerStatistics = {
  gram: naiveProduct(x, x, inputs, inputs, 90, false, true),
  mean: Float64Array.from(
    { length: inputs },
    (_, i) => x.subarray(i * 90, (i + 1) * 90).reduce((a, b) => a + b, 0) / 90,
  ),
  absMean: Float64Array.from({ length: inputs }, (_, i) => 1 + (i % 5)),
  fisher: Float64Array.from({ length: outputs }, (_, i) => 1 + (i % 7)),
  tokens: 90,
};

describe('the error of a choice before it is made', () => {
  const methods = [
    'svd',
    'fwsvd',
    'asvd',
    'svd-llm',
    'afm',
    'lost',
    'robust',
    'dct',
    'cur',
    'cospadi',
    'pissa',
    'olora',
  ] as const;
  for (const method of methods) {
    it(`${method}: is what it is said to be, exact or a bound`, () => {
      for (const [name, w] of Object.entries(MATRICES)) {
        const choice: LayerChoice = { method, rank: RANK };
        const input = { layer: 'a.weight', w, outputs, inputs, storedBytes: 8 * w.length };
        const { relative_error: found } = compressMatrix(input, choice, statistics, 'F64', {
          kernels,
          poll: () => undefined,
        }).measured;
        const shares = new EnergyShares(smallerSideEigenvalues({ w, rows: outputs, cols: inputs, kernels }, {}));
        const said = Math.sqrt(errorShare(choice, { outputs, inputs, elementBytes: 8 }, shares));
        const where = `${name}: ${found}, and the plan says ${errorKind(method)} ${said}`;
        // Eigenvalues of a Gram matrix are right to ε of the largest: errors to its root.
        const rounding = 1e-7;
        if (errorKind(method) !== 'estimate' && errorKind(method) !== 'at most')
          assert.ok(found >= said - rounding, where);
        if (errorKind(method) !== 'estimate' && errorKind(method) !== 'at least')
          assert.ok(found <= said + rounding, where);
      }
    });
  }

  it('has a bound from above where columns are set beside low rank, and none where outliers come first', () => {
    assert.deepEqual([errorKind('lost'), errorKind('robust')], ['at most', 'estimate']);
  });
});
