import assert from 'node:assert/strict';
import { CheckedGram } from '../../../../extension/linalg/gram/gramCheck';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { kernelProducts } from '../../../../extension/linalg/products/matrixProducts';
import { SLAB_ROWS, SymmetricSlabs } from '../../../../extension/linalg/gram/symmetricSlabs';
import {
  frobenius,
  fromElements,
  randomMatrix,
  randomSymmetric,
  seededRandom,
} from '../../../harness/numbers/denseReference';

const products = kernelProducts(loadKernels());
/** Two slabs and a bit. */
const n = 2 * SLAB_ROWS + 9;
const x = randomMatrix(n, 60, 4);
const gram = loadKernels().gram(x, n, 60, 'rows');

/** Checks a Gram matrix that is wrong by `error`. */
async function bound(error: Float64Array): Promise<number> {
  const wrong = SymmetricSlabs.fromMatrix(
    gram.map((value, at) => value + error[at]!),
    n,
  );
  const sum = { add: () => Promise.resolve(), finish: () => Promise.resolve(wrong) };
  const checked = new CheckedGram(sum, products, n);
  await checked.add(columns(0, 20), 20);
  await checked.add(columns(20, 60), 40);
  const answer = await checked.finish();
  assert.equal(answer.gram, wrong);
  return answer.errorBound;
}

function columns(start: number, end: number): Float64Array {
  const width = end - start;
  return Float64Array.from({ length: n * width }, (_, p) => x[Math.floor(p / width) * 60 + start + (p % width)]!);
}

describe('checked Gram matrix', () => {
  it('is as good as rounding where it is right', async () => {
    assert.ok((await bound(new Float64Array(n * n))) < 1e-11);
  });

  it('bounds the error’s norm, within an order of magnitude, whatever its form', async () => {
    const direction = Float64Array.from({ length: n }, seededRandom(9));
    const errors = {
      dense: randomSymmetric(n, 3),
      diagonal: fromElements(n, (i, j) => (i === j ? 1 : 0)),
      'of rank 1': fromElements(n, (i, j) => direction[i]! * direction[j]!),
      'in one element': fromElements(n, (i, j) => (i === 7 && j === 7 ? 1 : 0)),
      'in one row and column': fromElements(n, (i, j) => (i === 3 || j === 3 ? direction[i + j - 3]! : 0)),
    };
    for (const [name, error] of Object.entries(errors)) {
      const norm = frobenius(error) * 1e-7;
      const found = await bound(error.map((value) => value * 1e-7));
      assert.ok(found > norm && found < 10 * norm, `${name}: ${found} for ${norm}`);
    }
  });

  it('is not finite where the Gram matrix is not', async () => {
    const error = new Float64Array(n * n);
    error[5] = NaN;
    assert.ok(Number.isNaN(await bound(error)));
  });
});
