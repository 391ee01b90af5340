/** Gram matrices of float32 rows beside sums in float64. */
import assert from 'node:assert/strict';
import { addSingleGram } from '../../../../extension/linalg/gram/singleGram';
import { mirrorLower } from '../../../../extension/linalg/kernels/mirrorLower';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { kernelSingleProducts, openSingleProducts } from '../../../../extension/linalg/products/singleProducts';
import { randomMatrix } from '../../../harness/numbers/denseReference';
import { onnxruntimeExists } from '../../../harness/onnxruntime';

describe('Gram matrices of float32 rows', function () {
  this.timeout(60_000);
  // More than one panel, and more rows than are summed at a time.
  for (const [rows, size] of [
    [2100, 600],
    [3, 5],
  ] as const) {
    it(`${rows} × ${size}`, async () => {
      const x = Float32Array.from(randomMatrix(rows, size, 3));
      const exact = loadKernels().multiply(Float64Array.from(x), Float64Array.from(x), size, size, rows, true, false);
      const largest = exact.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      const all = [kernelSingleProducts(), ...(onnxruntimeExists ? [await openSingleProducts()] : [])];
      for (const products of all) {
        const gram = new Float64Array(size * size);
        // Twice: it adds.
        for (let time = 0; time < 2; time++) await addSingleGram(gram, x, size, products.multiply);
        mirrorLower(gram, size);
        const worst = gram.reduce((most, value, i) => Math.max(most, Math.abs(value - 2 * exact[i]!)), 0);
        assert.ok(worst <= 2e-6 * largest, `${products.provider}: ${worst / largest}`);
        await products.dispose();
      }
    });
  }
});
