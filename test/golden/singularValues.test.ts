/** The largest σ of real layers, as found with their vectors, against the reference programs' eigenvalues. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { openModel } from '../../extension/checkpoint/openModel';
import { CHECKPOINT_ENDINGS } from '../../extension/shared/names/checkpointNames';
import type { MatrixProducts } from '../../extension/linalg/products/productTypes';
import { heldBands } from '../../extension/linalg/singular/rowBandProducts';
import { createMatrixProducts } from '../../extension/linalg/products/matrixProducts';
import { topTriplets } from '../../extension/linalg/singular/singularTriplets';
import { topEigenvectors } from '../../extension/linalg/eigen/symmetricEigenvectors';
import { goldenFiles, UPPER_QUANTILES, type GoldenEsd } from '../harness/golden';
import { sharedFolder } from '../harness/shared';
import { layerMatrices } from './spectra';
import { transpose } from '../../extension/linalg/kernels/transpose';

/** Singular values in the layer view and the terminal. */
const COUNT = 10;
const RELATIVE_BOUND = 1e-8;

const solve = (matrix: Float64Array, n: number, k: number) => Promise.resolve(topEigenvectors(matrix, n, k));

const options = { tolerance: 1e-9, capacity: 1024 };

/** λ that the reference gives among the largest `count`, by rank from the largest, 0 first. */
function largest(esd: GoldenEsd, count: number): Map<number, number> {
  const known = new Map([[0, esd.max]]);
  for (const { q, at } of UPPER_QUANTILES) {
    const rank = esd.count - 1 - Math.floor(q * (esd.count - 1));
    if (rank < count) known.set(rank, esd.quartiles[at]!);
  }
  return known;
}

const shared = sharedFolder;
if (shared === undefined) {
  console.log('The reference checkpoints are not beside the repository: no comparison of singular values.');
} else {
  describe('singular values of real layers', () => {
    let products: MatrixProducts;
    before(async () => {
      products = await createMatrixProducts();
    });
    after(() => products.dispose());

    for (const { golden } of goldenFiles(shared, CHECKPOINT_ENDINGS)) {
      it(`the largest σ of ${golden.checkpoint}, from its rows and from its columns`, async () => {
        const checkpoint = await openModel(path.join(shared, 'checkpoints', golden.checkpoint));
        let compared = 0;
        try {
          for (const tensor of checkpoint.tensors) {
            for (const { layer, matrices } of await layerMatrices(checkpoint, tensor)) {
              const reference = golden.layers[layer.name];
              if (!reference || layer.count > 1) continue;
              const { rows, cols } = layer;
              const k = Math.min(COUNT, rows, cols);
              const sides = [
                heldBands(matrices[0]!, rows, cols),
                heldBands(transpose(matrices[0]!, rows, cols), cols, rows),
              ];
              for (const side of sides) {
                const { singularValues, residuals } = await topTriplets(side, k, { products, solve }, options);
                for (const [rank, lambda] of largest(reference.esd, k)) {
                  const sigma = layer.kind === 'conv' ? singularValues[rank]! * Math.SQRT1_2 : singularValues[rank]!;
                  const error = Math.abs(sigma / Math.sqrt(lambda) - 1);
                  assert.ok(error <= RELATIVE_BOUND, `${layer.name}: σ${rank + 1} is off by ${error}`);
                  compared++;
                }
                const worst = Math.max(...residuals) / singularValues[0]!;
                assert.ok(worst <= 1e-9, `${layer.name}: a residual of ${worst}·σ₁`);
              }
            }
          }
        } finally {
          await checkpoint.close();
        }
        console.log(`        ${compared} singular values compared`);
        assert.ok(compared > 0, 'nothing was compared');
      });
    }
  });
}
