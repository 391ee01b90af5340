/** The registry of methods, and the save of one layer that dispatches through it. */
import assert from 'node:assert/strict';
import { METHODS, methodNamed } from '../../../../extension/compression/methods/registry';
import { compressPair } from '../../../../extension/compression/pairCompression';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { layerMethods, spectrumMethods } from '../../../../extension/shared/compression/methodTable';
import type { LayerStatistics } from '../../../../extension/shared/compression/statistics';
import { frobenius, naiveProduct, randomMatrix } from '../../../harness/numbers/denseReference';

const kernels = loadKernels();

describe('the registry of methods', () => {
  it('has every method of the table, each its own', () => {
    assert.deepEqual(Object.keys(METHODS).sort(), layerMethods.map(({ name }) => name).sort());
    assert.equal(new Set(Object.values(METHODS)).size, layerMethods.length);
    assert.deepEqual(
      spectrumMethods.map(({ name }) => name),
      ['svd'],
    );
  });

  it('refuses a name that is none, and those that every object has', () => {
    for (const name of ['magic', 'SVD', '', 'constructor', '__proto__', 'toString']) {
      assert.throws(() => methodNamed(name), { code: 'unknown-method', message: /choose one of: svd/ }, name);
    }
  });
});

describe('one layer saved as two factors', () => {
  const [rows, cols, rank] = [6, 9, 3];
  const w = randomMatrix(rows, cols, 4);
  const layer = { name: 'a.weight', shape: [rows, cols], dtype: 'F64', kernelLayout: 'OI…' } as const;
  const bytes = new Uint8Array(w.buffer.slice(0));
  const save = (method: string, statistics: LayerStatistics, inputsFirst = false) => {
    const input = { tensor: layer, bytes: bytes.slice(), statistics, inputsFirst };
    const { replacement, ...rest } = compressPair(input, method, { kind: 'rank', rank }, 'factors', { kernels });
    assert.ok(!('bytes' in replacement));
    const factor = (name: string) => {
      const tensor = replacement.find((each) => each.name === name)!;
      return new Float64Array(tensor.bytes.slice().buffer);
    };
    const { left, right } = rest.factors!;
    return { ...rest, product: naiveProduct(factor(left), factor(right), rows, cols, rank) };
  };
  const distance = (product: Float64Array, weight: (row: number, col: number) => number) =>
    frobenius(w.map((value, at) => (value - product[at]!) * weight(Math.floor(at / cols), at % cols)));

  it('is made by the method that was asked for: asvd is better than svd in its metric, and worse in the plain one', () => {
    for (const inputsFirst of [false, true]) {
      const size = inputsFirst ? rows : cols;
      const absMean = Float64Array.from({ length: size }, (_, i) => (1 + i) ** 3);
      const weight = (row: number, col: number) => Math.sqrt(absMean[inputsFirst ? row : col]!);
      const [plain, asvd] = [save('svd', {}, inputsFirst), save('asvd', { absMean }, inputsFirst)];
      assert.ok(distance(asvd.product, weight) < 0.999 * distance(plain.product, weight));
      assert.ok(distance(plain.product, () => 1) < 0.999 * distance(asvd.product, () => 1));
      for (const { product, relative_error, measured_error } of [plain, asvd]) {
        const error = distance(product, () => 1) / frobenius(w);
        assert.ok(Math.abs(relative_error - error) < 1e-12 && Math.abs(measured_error - error) < 1e-12);
      }
    }
  });

  it('is refused of methods that store something else, or know nothing of the inputs', () => {
    assert.throws(() => save('gear', {}), {
      code: 'unsupported',
      message: /^layer a\.weight: the method gear stores more/,
    });
    assert.throws(() => save('afm', {}), { code: 'unsupported' });
    assert.throws(() => save('magic', {}), { code: 'unknown-method' });
    assert.throws(() => save('svd-llm', {}), { code: 'missing-statistics', message: /no input_gram/ });
  });
});
