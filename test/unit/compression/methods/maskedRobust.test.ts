/** Low rank and outliers on the entries that a mask keeps: planted answers, and the normal equations of least squares. */
import assert from 'node:assert/strict';
import { compressMatrix, type LayerInput, type StoredLayer } from '../../../../extension/compression/compressMatrix';
import { completion } from '../../../../extension/compression/decomposition/completion';
import { partOperations } from '../../../../extension/compression/parts/registry';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import type { Part } from '../../../../extension/shared/compression/parts';
import type { LayerChoice } from '../../../../extension/shared/compression/plans';
import { frobenius, naiveProduct, randomMatrix, seededRandom } from '../../../harness/numbers/denseReference';

const kernels = loadKernels();
const tools = { kernels, poll: () => undefined };
const [outputs, inputs, rank] = [60, 50, 3];
const low = naiveProduct(randomMatrix(outputs, rank, 1), randomMatrix(rank, inputs, 2), outputs, inputs, rank);
const random = seededRandom(7);
/** Four of ten entries go. */
const mask = Uint8Array.from(low, () => (Math.abs(random()) < 0.2 ? 0 : 1));
/** What stands where the mask is 0 means nothing. */
const behindMask = (w: Float64Array): Float64Array => w.map((value, i) => (mask[i] === 0 ? 1000 * Math.sin(i) : value));

const layerOf = (w: Float64Array, own = mask): LayerInput => ({
  ...{ layer: 'a.weight_orig', w, outputs, inputs, storedBytes: 4 * w.length },
  mask: own,
});
const robust = (input: LayerInput, choice: Omit<LayerChoice, 'method'>): StoredLayer =>
  compressMatrix(input, { method: 'robust', ...choice }, {}, 'F64', tools);

function sumOf({ parts }: StoredLayer, kind?: Part['kind']): Float64Array {
  const sum = new Float64Array(outputs * inputs);
  for (const { part } of parts) {
    if (kind === undefined || part.kind === kind) {
      partOperations<Part>(part.kind).addTo(sum, part, { outputs, inputs }, kernels);
    }
  }
  return sum;
}

const relative = (w: Float64Array, other: Float64Array): number =>
  frobenius(w.map((value, i) => value - other[i]!)) / frobenius(w);
const onKept = (w: Float64Array): Float64Array => w.map((value, i) => value * mask[i]!);

describe('robust where a mask takes entries out', () => {
  it('finds the whole of a low-rank matrix from the entries that are kept', () => {
    const found = robust(layerOf(behindMask(low)), { rank, sparse: 0 });
    assert.ok(relative(low, sumOf(found)) < 1e-5, `${relative(low, sumOf(found))}`);
    assert.ok(found.measured.relative_error < 1e-5);
    assert.match(found.measured.notes.join(), /mask of the layer takes out [\d.]+ % of its entries/);
  });

  it('finds planted outliers among the kept entries, and low rank below them', () => {
    const outliers = low.map((_, i) => (mask[i] === 1 && i % 29 === 0 ? 15 * Math.cos(i) : 0));
    const count = outliers.filter((value) => value !== 0).length;
    const mixed = behindMask(low.map((value, i) => value + outliers[i]!));
    const kept = mask.reduce((sum, value) => sum + value, 0);
    const found = robust(layerOf(mixed), { rank, sparse: count / kept });
    assert.ok(relative(low, sumOf(found, 'product')) < 1e-3, `${relative(low, sumOf(found, 'product'))}`);
    const sparse = found.parts.map(({ part }) => part).find((part) => part.kind === 'sparse');
    assert.ok(sparse?.kind === 'sparse');
    sparse.rows.forEach((row, i) => assert.equal(mask[row * inputs + sparse.columns[i]!], 1));
  });

  it('without a rank finds both, and none where entries are masked', () => {
    const outliers = low.map((_, i) => (mask[i] === 1 && i % 31 === 0 ? 12 * Math.cos(i) : 0));
    const found = robust(layerOf(behindMask(low.map((value, i) => value + outliers[i]!))), {});
    const [product, sparse] = found.parts.map(({ part }) => part);
    assert.ok(product?.kind === 'product' && sparse?.kind === 'sparse');
    assert.equal(product.rank, rank);
    assert.ok(relative(low, sumOf(found, 'product')) < 1e-4, `${relative(low, sumOf(found, 'product'))}`);
    sparse.rows.forEach((row, i) => assert.equal(mask[row * inputs + sparse.columns[i]!], 1));
  });

  it('reports the errors of the kept entries, falling from round to round', () => {
    const noisy = low.map((value, i) => value + 0.5 * randomMatrix(outputs, inputs, 5)[i]!);
    const found = robust(layerOf(behindMask(noisy)), { rank: 2, sparse: 0.02 });
    const error = relative(onKept(noisy), onKept(sumOf(found)));
    assert.ok(Math.abs(found.measured.relative_error - error) < 1e-12);
    const rounds = found.measured.rounds!;
    assert.deepEqual(
      rounds,
      rounds.toSorted((a, b) => b - a),
    );
    // What the entries behind the mask are makes no difference.
    assert.deepEqual(robust(layerOf(onKept(noisy)), { rank: 2, sparse: 0.02 }).measured.rounds, rounds);
  });

  it('with a mask of ones is as good as the truncated SVD', () => {
    const noisy = low.map((value, i) => value + 0.5 * randomMatrix(outputs, inputs, 5)[i]!);
    const ones = new Uint8Array(noisy.length).fill(1);
    const found = robust(layerOf(noisy, ones), { rank, sparse: 0 }).measured.relative_error;
    const { mask: _, ...whole } = layerOf(noisy);
    const svd = compressMatrix(whole, { method: 'svd', rank }, {}, 'F64', tools);
    assert.ok(Math.abs(found - svd.measured.relative_error) < 1e-6 * found);
    assert.equal(robust(layerOf(noisy, ones), { rank }).measured.notes.length, 0);
  });

  it('leaves rows and columns without a kept entry at zero, and refuses a mask of zeros', () => {
    const some = mask.map((value, i) => (Math.floor(i / inputs) === 4 || i % inputs === 9 ? 0 : value));
    const sum = sumOf(robust(layerOf(low, some), { rank, sparse: 0 }));
    for (let i = 0; i < sum.length; i++) {
      assert.ok(Number.isFinite(sum[i]));
      if (Math.floor(i / inputs) === 4 || i % inputs === 9) assert.ok(Math.abs(sum[i]!) < 1e-9);
    }
    assert.throws(() => robust(layerOf(low, new Uint8Array(low.length)), { rank }), /its mask keeps no entry/);
  });
});

describe('low-rank completion', () => {
  it('solves the normal equations of every row: what is left over is orthogonal to the basis on the kept entries', () => {
    const noisy = low.map((value, i) => value + 0.5 * randomMatrix(outputs, inputs, 6)[i]!);
    const { left, right } = completion({ w: noisy, outputs, inputs }, mask, rank, tools);
    const rest = onKept(noisy.map((value, i) => value - naiveProduct(left, right, outputs, inputs, rank)[i]!));
    const inner = naiveProduct(rest, right, outputs, rank, inputs, false, true);
    assert.ok(frobenius(inner) < 1e-7 * frobenius(noisy), `${frobenius(inner)}`);
  });
});
