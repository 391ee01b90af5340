/** Methods that fit quantised, low-rank and sparse terms in turn (science.md §11), against algebra and planted answers. */
import assert from 'node:assert/strict';
import { compressMatrix, type LayerInput, type StoredLayer } from '../../../../extension/compression/compressMatrix';
import { partOperations } from '../../../../extension/compression/parts/registry';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import type { Part, SparsePart } from '../../../../extension/shared/compression/parts';
import type { LayerChoice } from '../../../../extension/shared/compression/plans';
import type { LayerStatistics } from '../../../../extension/shared/compression/statistics';
import { frobenius, naiveProduct, randomMatrix, seededRandom } from '../../../harness/numbers/denseReference';

const kernels = loadKernels();
const tools = { kernels, poll: () => undefined };
const [outputs, inputs] = [40, 56];

const inputOf = (w: Float64Array, rows = outputs): LayerInput => ({
  ...{ layer: 'a.weight', w, outputs: rows, inputs: w.length / rows, storedBytes: 4 * w.length },
});
const compress = (input: LayerInput, choice: LayerChoice, statistics: LayerStatistics = {}): StoredLayer =>
  compressMatrix(input, choice, statistics, 'F64', tools);

function product(input: LayerInput, layer: StoredLayer): Float64Array {
  const sum = layer.base?.values.slice() ?? new Float64Array(input.w.length);
  for (const { part } of layer.parts) partOperations<Part>(part.kind).addTo(sum, part, input, kernels);
  return sum;
}

const relative = (w: Float64Array, other: Float64Array): number =>
  frobenius(w.map((value, i) => value - other[i]!)) / frobenius(w);

/** Low rank with some decay, and noise. */
const w = naiveProduct(randomMatrix(outputs, 6, 1), randomMatrix(6, inputs, 2), outputs, inputs, 6, false, false).map(
  (value, i) => value + 0.3 * randomMatrix(outputs, inputs, 3)[i]!,
);
const input = inputOf(w);

const RANKED = ['lost', 'gear', 'lq-lora', 'loftq', 'robust'] as const;

describe('methods of alternating terms', () => {
  for (const method of RANKED) {
    it(`${method}: the error falls from round to round, and the last is that of the parts`, () => {
      const layer = compress(input, { method, rank: 4 });
      const rounds = layer.measured.rounds!;
      assert.ok(rounds.length >= 2, `only ${rounds.length} round`);
      rounds.slice(1).forEach((error, i) => assert.ok(error < rounds[i]!, `round ${i + 2}`));
      const absolute = relative(w, product(input, layer)) * frobenius(w);
      assert.ok(Math.abs(absolute - rounds.at(-1)!) <= 1e-10 * frobenius(w), `${absolute} and not ${rounds.at(-1)}`);
      assert.ok(Math.abs(layer.measured.relative_error - absolute / frobenius(w)) < 1e-12);
    });

    it(`${method}: more rounds are never worse, and no more are taken than asked for`, () => {
      const errors = [1, 2, 5, 30].map((rounds) => {
        const { measured } = compress(input, { method, rank: 4, rounds });
        assert.ok(measured.rounds!.length <= rounds);
        return measured.relative_error;
      });
      errors.slice(1).forEach((error, i) => assert.ok(error <= errors[i]! * (1 + 1e-12)));
    });

    it(`${method}: returns W at full rank`, () => {
      assert.ok(compress(input, { method, rank: outputs }).measured.relative_error < 1e-12);
    });

    it(`${method}: takes zeros, one row, one column and a constant`, () => {
      const cases = [
        inputOf(new Float64Array(12), 3),
        inputOf(
          Float64Array.from({ length: 70 }, (_, i) => Math.sin(i)),
          1,
        ),
        inputOf(
          Float64Array.from({ length: 70 }, (_, i) => Math.cos(i)),
          70,
        ),
        inputOf(new Float64Array(60).fill(-0.3), 6),
        inputOf(w.map((value) => value * 1e-30)),
        inputOf(w.map((value) => value * 1e30)),
      ];
      for (const each of cases) {
        const { measured } = compress(each, { method, rank: 1 });
        assert.ok(measured.relative_error >= 0 && measured.relative_error < 1, JSON.stringify(measured));
        if (Math.min(each.outputs, each.inputs) === 1) assert.ok(measured.relative_error < 1e-12);
      }
    });
  }

  it('lq-lora, gear and loftq beat both quantising alone and low rank alone', () => {
    for (const quantiser of ['nf4', 'nf3', 'int4', 'int8', 'fp8', 'mxfp4', 'bipolar'] as const) {
      const alone = compress(input, { method: 'quantise', quantiser }).measured.relative_error;
      const svd = compress(input, { method: 'svd', rank: 4 }).measured.relative_error;
      for (const method of ['lq-lora', 'gear', 'loftq'] as const) {
        const { relative_error: error } = compress(input, { method, quantiser, rank: 4 }).measured;
        assert.ok(error < Math.min(alone, svd), `${method} with ${quantiser}: ${error}, ${alone}, ${svd}`);
      }
    }
  });

  it('lost finds planted columns beside low rank', () => {
    const planted = naiveProduct(
      randomMatrix(outputs, 3, 4),
      randomMatrix(3, inputs, 5),
      outputs,
      inputs,
      3,
      false,
      false,
    );
    const columns = [5, 17, 55];
    const noise = randomMatrix(outputs, inputs, 6);
    for (const column of columns) {
      for (let row = 0; row < outputs; row++) planted[row * inputs + column]! += noise[row * inputs + column]!;
    }
    const layer = compress(inputOf(planted), { method: 'lost', rank: 3, sparse: 3 / inputs });
    const [, part] = layer.parts;
    assert.ok(part?.part.kind === 'columns');
    assert.deepEqual([...part.part.indices], columns);
    assert.ok(layer.measured.relative_error < 1e-10, String(layer.measured.relative_error));
  });

  it('lost without columns is the truncated SVD', () => {
    const lost = compress(input, { method: 'lost', rank: 5, sparse: 0 });
    assert.equal(lost.parts.length, 1);
    const svd = compress(input, { method: 'svd', rank: 5 });
    assert.ok(Math.abs(lost.measured.relative_error - svd.measured.relative_error) < 1e-13);
  });

  it('gear keeps its outliers exactly', () => {
    const layer = compress(input, { method: 'gear', rank: 2, sparse: 0.02, quantiser: 'int4' });
    const sum = product(input, layer);
    const sparse = layer.parts.map(({ part }) => part).find((part): part is SparsePart => part.kind === 'sparse')!;
    assert.equal(sparse.values.length, Math.round(0.02 * w.length));
    for (const [i, row] of sparse.rows.entries()) {
      const at = row * inputs + sparse.columns[i]!;
      assert.ok(Math.abs(sum[at]! - w[at]!) < 1e-12 * Math.abs(w[at]!));
    }
  });

  it('gear’s first round is the one of the paper, with the outliers exact', () => {
    // Independent: set the largest apart, quantise the rest, and take the best rank of what that loses.
    const magnitudes = [...w].map(Math.abs).sort((a, b) => b - a);
    const least = magnitudes[Math.round(0.02 * w.length) - 1]!;
    const rest = w.map((value) => (Math.abs(value) >= least ? 0 : value));
    const quantised = compress(inputOf(rest), { method: 'quantise', quantiser: 'int4' });
    const lost = rest.map((value, i) => value - product(input, quantised)[i]!);
    const svd = compress(inputOf(lost), { method: 'svd', rank: 2 });
    const left = lost.map((value, i) => (Math.abs(w[i]!) >= least ? 0 : value - product(input, svd)[i]!));
    const layer = compress(input, { method: 'gear', rank: 2, sparse: 0.02, quantiser: 'int4', rounds: 1 });
    assert.ok(Math.abs(layer.measured.rounds![0]! - frobenius(left)) < 1e-10 * frobenius(w));
  });

  describe('lq-lora with Fisher information', () => {
    const random = seededRandom(8);
    const fisher = Float64Array.from({ length: w.length }, (_, i) => Math.exp(4 * random() + (i % inputs) / 20));
    const rowMean = (row: number): number => {
      let sum = 0;
      for (let i = 0; i < inputs; i++) sum += fisher[row * inputs + i]!;
      return sum / inputs;
    };
    const columnMean = (column: number): number => {
      let sum = 0;
      for (let row = 0; row < outputs; row++) sum += fisher[row * inputs + column]!;
      return sum / outputs;
    };
    const metric = (difference: Float64Array): number =>
      frobenius(difference.map((x, i) => x * Math.sqrt(rowMean(Math.floor(i / inputs)) * columnMean(i % inputs))));
    const choice = { method: 'lq-lora', rank: 4, quantiser: 'nf3' } as const;
    const errorOf = (layer: StoredLayer): number => {
      const sum = product(input, layer);
      return metric(w.map((value, i) => value - sum[i]!));
    };

    it('is better in its own metric than without', () => {
      const [weighted, plain] = [errorOf(compress(input, choice, { fisher })), errorOf(compress(input, choice))];
      assert.ok(weighted < plain, `${weighted} and ${plain}`);
    });

    it('reports the error in its own metric', () => {
      const layer = compress(input, choice, { fisher });
      const expected = errorOf(layer) / metric(w);
      assert.ok(Math.abs(layer.measured.metric_error - expected) < 1e-9 * expected);
    });

    it('is plain if the information is the same everywhere', () => {
      const same = compress(input, choice, { fisher: new Float64Array(w.length).fill(3) });
      const plain = compress(input, choice);
      assert.ok(Math.abs(errorOf(same) - errorOf(plain)) < 1e-10 * errorOf(plain));
    });

    it('takes sums over rows alone', () => {
      const sums = Float64Array.from({ length: outputs }, (_, row) => rowMean(row));
      const rows = compress(input, choice, { fisher: sums });
      const error = (layer: StoredLayer): number => {
        const sum = product(input, layer);
        return frobenius(w.map((value, i) => (value - sum[i]!) * Math.sqrt(sums[Math.floor(i / inputs)]!)));
      };
      assert.ok(error(rows) < error(compress(input, choice)));
    });

    it('refuses what is none', () => {
      const refused: [RegExp, Float64Array][] = [
        [/has 3 elements/, new Float64Array(3)],
        [/-1 at position 5/, fisher.map((value, i) => (i === 5 ? -1 : value))],
        [/NaN at position 6/, fisher.map((value, i) => (i === 6 ? NaN : value))],
        [/0 everywhere/, new Float64Array(outputs)],
      ];
      for (const [message, wrong] of refused) {
        const run = (): StoredLayer => compress(input, choice, { fisher: wrong });
        assert.throws(run, { code: 'invalid-statistics', message });
      }
    });
  });

  describe('robust', () => {
    const random = seededRandom(9);
    const low = naiveProduct(randomMatrix(80, 3, 10), randomMatrix(3, 60, 11), 80, 60, 3, false, false);
    const outliers = low.map(() => (Math.abs(random()) < 0.04 ? 20 * random() : 0));
    const count = outliers.filter((value) => value !== 0).length;
    const mixed = inputOf(
      low.map((value, i) => value + outliers[i]!),
      80,
    );

    it('with a rank finds planted low rank and outliers', () => {
      const layer = compress(mixed, { method: 'robust', rank: 3, sparse: count / low.length });
      const parts = layer.parts.filter(({ part }) => part.kind === 'product');
      assert.ok(relative(low, product(mixed, { ...layer, parts })) < 1e-3);
    });

    it('without a rank finds both, and how many there are', () => {
      const layer = compress(mixed, { method: 'robust' });
      const [lowRank, sparse] = layer.parts.map(({ part }) => part);
      assert.ok(lowRank?.kind === 'product' && sparse?.kind === 'sparse');
      assert.equal(lowRank.rank, 3);
      assert.ok(relative(low, product(mixed, { ...layer, parts: layer.parts.slice(0, 1) })) < 1e-5);
      const found = new Set([...sparse.rows].map((row, i) => row * 60 + sparse.columns[i]!));
      outliers.forEach((value, i) => assert.ok(Math.abs(value) < 1e-3 || found.has(i)));
      assert.ok(layer.measured.relative_error < 1e-6);
      assert.match(layer.measured.notes.join(), /found rank 3 and \d+ outliers/);
    });

    it('takes a zero matrix without a rank', () => {
      assert.equal(compress(inputOf(new Float64Array(12), 3), { method: 'robust' }).measured.relative_error, 0);
    });
  });

  it('can be stopped', () => {
    for (const method of [...RANKED, 'pissa', 'olora', 'quantise'] as const) {
      const choice = { method, ...(method !== 'quantise' && { rank: 2 }) };
      const stop = (): never => {
        throw new DOMException('stopped', 'AbortError');
      };
      assert.throws(() => compressMatrix(input, choice, {}, 'F32', { kernels, poll: stop }), { name: 'AbortError' });
    }
  });
});
