/** Methods that are no preset of the one decomposition: `dct`, `tensor-train`, `cospadi`, `cur`. Held to closed forms. */
import assert from 'node:assert/strict';
import { cospadi } from '../../../../extension/compression/methods/cospadi';
import { cur } from '../../../../extension/compression/methods/cur';
import { dct } from '../../../../extension/compression/methods/dct';
import type { LayerMethod, MethodInput, MethodResult } from '../../../../extension/compression/methods/method';
import { tensorTrain } from '../../../../extension/compression/methods/tensorTrain';
import { curPart } from '../../../../extension/compression/parts/cur';
import { dctPart } from '../../../../extension/compression/parts/dct';
import { dictionaryPart } from '../../../../extension/compression/parts/dictionary';
import type { PartOperations } from '../../../../extension/compression/parts/part';
import { tensorTrainPart } from '../../../../extension/compression/parts/tensorTrain';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { DEFAULT_OPTIONS, type MethodOptions } from '../../../../extension/shared/compression/methodOptions';
import type { DictionaryPart, Part, TensorTrainPart } from '../../../../extension/shared/compression/parts';
import { fullBonds, mostRank, tensorSizes } from '../../../../extension/shared/compression/rankLimits';
import { mulberry32 } from '../../../../extension/spectral/seededRandom';

const kernels = loadKernels();
const tools = { kernels, poll: () => undefined };

function random(outputs: number, inputs: number, seed: number): Float64Array {
  const next = mulberry32(seed);
  return Float64Array.from({ length: outputs * inputs }, () => next() + next() + next() - 1.5);
}

function input(
  w: Float64Array,
  outputs: number,
  inputs: number,
  rank: number,
  options: Partial<MethodOptions> = {},
): MethodInput {
  return { w, outputs, inputs, rank, layer: 'fc', options: { ...DEFAULT_OPTIONS, ...options }, statistics: {} };
}

function approximate<P extends Part>(method: LayerMethod, operations: PartOperations<P>, given: MethodInput) {
  const { parts } = method(given, tools);
  assert.equal(parts.length, 1);
  const part = parts[0] as P;
  const sum = new Float64Array(given.w.length);
  operations.addTo(sum, part, given, kernels);
  const stored = operations.store(part, given, 'F32');
  const bytes = stored.fields.reduce((total, field) => total + field.bytes.length, 0);
  assert.equal(bytes, operations.bytes(part, given, 'F32'));
  for (const { shape, dtype, bytes: own } of stored.fields) {
    assert.equal(own.length, shape.reduce((product, size) => product * size, 1) * (dtype === 'U8' ? 1 : 4));
  }
  let squared = 0;
  let total = 0;
  for (const [i, value] of given.w.entries()) {
    squared += (value - sum[i]!) ** 2;
    total += value ** 2;
  }
  return { part, error: Math.sqrt(squared / total), cost: operations.cost(part, given) };
}

describe('method dct', () => {
  it('keeps the cosines that a matrix is made of, and nothing else', () => {
    const [outputs, inputs] = [6, 20];
    const w = Float64Array.from({ length: outputs * inputs }, (_, at) => {
      const [i, j] = [Math.floor(at / inputs), at % inputs];
      return (i + 1) * Math.cos((Math.PI * (2 * j + 1) * 3) / 40) + 2 * Math.cos((Math.PI * (2 * j + 1) * 11) / 40);
    });
    const { part, error } = approximate(dct, dctPart, input(w, outputs, inputs, 2));
    assert.deepEqual([...part.indices], [3, 11]);
    assert.ok(error < 1e-14);
  });

  it('loses the norms of the columns that it leaves out, and nothing with all of them', () => {
    const w = random(9, 14, 1);
    const errors = Array.from({ length: 14 }, (_, k) => approximate(dct, dctPart, input(w, 9, 14, k + 1)).error);
    assert.deepEqual(
      errors,
      errors.toSorted((a, b) => b - a),
    );
    assert.ok(errors.at(-1)! < 1e-14);
    const half = approximate(dct, dctPart, input(w, 9, 14, 7));
    assert.deepEqual(half.cost, { parameters: 63, multiplyAdds: 7 * 23, activations: 7 });
  });
});

/** The chain times x, element by element: indices of what is held are outputs so far, the bond, inputs to come. */
function contracted(
  { rowSizes, columnSizes, bonds, cores }: TensorTrainPart,
  x: Float64Array,
  side: 'left' | 'right',
): { result: number[]; multiplications: number } {
  let multiplications = 0;
  // From the left the first axis that is left is taken, from the right the last.
  let held = new Map<string, number>();
  x.forEach((value, j) => held.set([...digits(j, columnSizes), 0].join(), value));
  const order = [...cores.keys()];
  if (side === 'right') order.reverse();
  for (const l of order) {
    const next = new Map<string, number>();
    const [before, after] = side === 'left' ? [bonds[l]!, bonds[l + 1]!] : [bonds[l + 1]!, bonds[l]!];
    for (const [key, value] of held) {
      const index = key.split(',').map(Number);
      const bond = index.pop()!;
      assert.ok(bond < before);
      for (let row = 0; row < rowSizes[l]!; row++) {
        for (let other = 0; other < after; other++) {
          const [from, to] = side === 'left' ? [bond, other] : [other, bond];
          const at = ((from * rowSizes[l]! + row) * columnSizes[l]! + index[l]!) * bonds[l + 1]! + to;
          const place = [...index.with(l, row), other].join();
          next.set(place, (next.get(place) ?? 0) + cores[l]![at]! * value);
          multiplications++;
        }
      }
    }
    held = next;
  }
  const result = Array.from({ length: rowSizes.reduce((a, b) => a * b) }, (_, i) =>
    held.get([...digits(i, rowSizes), 0].join())!,
  );
  return { result, multiplications };
}

/** Of a number, the first of the sizes counts most. */
function digits(number: number, sizes: readonly number[]): number[] {
  const found: number[] = [];
  for (const size of sizes.toReversed()) {
    found.unshift(number % size);
    number = Math.floor(number / size);
  }
  return found;
}

describe('method tensor-train', () => {
  it('splits sides into factors that multiply to them', () => {
    assert.deepEqual(tensorSizes(4096, 3), [16, 16, 16]);
    assert.deepEqual(tensorSizes(172, 3), [43, 2, 2]);
    assert.deepEqual(tensorSizes(7, 2), [7, 1]);
    assert.deepEqual(fullBonds([4, 3], [2, 2]), [1, 6, 1]);
  });

  it('has bond 1 for a Kronecker product, without loss', () => {
    // 6 × 8 as (3 × 4) ⊗ (2 × 2): sides 3·2 and 4·2.
    const a = random(3, 4, 2);
    const b = random(2, 2, 3);
    const w = Float64Array.from({ length: 48 }, (_, at) => {
      const [i, j] = [Math.floor(at / 8), at % 8];
      return a[Math.floor(i / 2) * 4 + Math.floor(j / 2)]! * b[(i % 2) * 2 + (j % 2)]!;
    });
    const { part, error } = approximate(tensorTrain, tensorTrainPart, input(w, 6, 8, 1, { cores: 2 }));
    assert.deepEqual(
      [part.rowSizes, part.columnSizes, part.bonds],
      [
        [3, 2],
        [4, 2],
        [1, 1, 1],
      ],
    );
    assert.ok(error < 1e-14);
  });

  for (const [outputs, inputs, cores] of [
    [12, 18, 2],
    [12, 18, 3],
    [7, 30, 3],
    [16, 16, 4],
  ] as const) {
    it(`returns the ${outputs} × ${inputs} matrix at full bonds, and gets no better with fewer (${cores} cores)`, () => {
      const w = random(outputs, inputs, 4);
      const most = mostRank('tensor-train', outputs, inputs, { cores });
      const errors = [1, 2, 4, 8, most].map(
        (bond) => approximate(tensorTrain, tensorTrainPart, input(w, outputs, inputs, bond, { cores })).error,
      );
      assert.ok(errors.at(-1)! < 1e-13, `${errors.at(-1)}`);
      assert.deepEqual(
        errors,
        errors.toSorted((a, b) => b - a),
      );
    });
  }

  it('counts the multiply-adds of the cheapest way: from the left, from the right, or multiplied out', () => {
    const cheapest = new Set<string>();
    for (const [outputs, inputs, bond] of [
      [64, 12, 2],
      [12, 64, 2],
      [16, 16, 16],
      [27, 27, 3],
    ] as const) {
      const w = random(outputs, inputs, 6);
      const given = input(w, outputs, inputs, bond, { cores: 3 });
      const { part, cost } = approximate(tensorTrain, tensorTrainPart, given);
      const product = new Float64Array(w.length);
      tensorTrainPart.addTo(product, part, given, kernels);
      const x = random(inputs, 1, 7);
      const y = Array.from({ length: outputs }, (_, i) =>
        x.reduce((sum, xj, j) => sum + product[i * inputs + j]! * xj, 0),
      );
      const counts = { left: 0, right: 0, dense: outputs * inputs };
      for (const side of ['left', 'right'] as const) {
        const { result, multiplications } = contracted(part, x, side);
        assert.ok(result.every((value, i) => Math.abs(value - y[i]!) < 1e-10));
        counts[side] = multiplications;
      }
      const least = Math.min(...Object.values(counts));
      assert.equal(cost.multiplyAdds, least, JSON.stringify(counts));
      cheapest.add(Object.keys(counts).find((way) => counts[way as keyof typeof counts] === least)!);
    }
    assert.deepEqual([...cheapest].sort(), ['dense', 'left', 'right']);
  });

  it('with two cores loses the singular values of the rearranged matrix that it cuts', () => {
    // A permutation of entries: one SVD, so Eckart and Young say what is lost.
    const w = random(8, 9, 5);
    const rearranged = new Float64Array(72);
    const [rows, columns] = [tensorSizes(8, 2), tensorSizes(9, 2)];
    for (let i = 0; i < 8; i++) {
      for (let j = 0; j < 9; j++) {
        const outer = Math.floor(i / rows[1]!) * columns[0]! + Math.floor(j / columns[1]!);
        const inner = (i % rows[1]!) * columns[1]! + (j % columns[1]!);
        rearranged[outer * rows[1]! * columns[1]! + inner] = w[i * 9 + j]!;
      }
    }
    const order = rows[1]! * columns[1]!;
    const kept = bestSquares(rearranged, 72 / order, order, 2);
    const total = w.reduce((sum, value) => sum + value * value, 0);
    const { error } = approximate(tensorTrain, tensorTrainPart, input(w, 8, 9, 2, { cores: 2 }));
    assert.ok(Math.abs(error - Math.sqrt(1 - kept / total)) < 1e-10);
  });
});

function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

/** Σσ² of the k largest singular values, by power iteration with deflation. */
function bestSquares(w: Float64Array, rows: number, columns: number, k: number): number {
  const gram = kernels.multiply(w, w, columns, columns, rows, true, false);
  let sum = 0;
  for (let i = 0; i < k; i++) {
    let x = Float64Array.from({ length: columns }, (_, j) => 1 + j / 10);
    let value = 0;
    for (let step = 0; step < 2000; step++) {
      const y = kernels.multiply(gram, x, columns, 1, columns, false, false);
      value = Math.sqrt(y.reduce((total, each) => total + each * each, 0));
      x = y.map((each) => each / value);
    }
    sum += value;
    for (let r = 0; r < columns; r++) for (let c = 0; c < columns; c++) gram[r * columns + c]! -= value * x[r]! * x[c]!;
  }
  return sum;
}

describe('method cospadi', () => {
  it('is never worse from round to round, nor than the directions of the same atoms', () => {
    const w = random(40, 24, 9);
    const given = input(w, 40, 24, 12, { nonzeros: 6, rounds: 12 });
    const { rounds } = cospadi(given, tools);
    assert.deepEqual(
      rounds,
      rounds?.toSorted((a, b) => b - a),
    );
    const { part, error, cost } = approximate(cospadi, dictionaryPart, given);
    assert.ok(Math.abs(error - (rounds?.at(-1) ?? NaN)) < 1e-12);
    assert.deepEqual(cost, { parameters: 12 * 24 + 40 * 6, multiplyAdds: 12 * 24 + 40 * 6, activations: 12 });
    for (let i = 0; i < 40; i++) {
      const atoms = [...part.atoms.subarray(i * 6, (i + 1) * 6)];
      assert.deepEqual(
        atoms,
        [...new Set(atoms)].sort((a, b) => a - b),
      );
    }
  });

  it('finds rows that are multiples of few atoms', () => {
    const atoms = random(5, 20, 10);
    const w = Float64Array.from({ length: 50 * 20 }, (_, at) => {
      const [i, j] = [Math.floor(at / 20), at % 20];
      return (1 + (i % 3)) * atoms[(i % 5) * 20 + j]!;
    });
    const { error } = approximate(cospadi, dictionaryPart, input(w, 50, 20, 5, { nonzeros: 5, rounds: 1 }));
    assert.ok(error < 1e-12);
  });

  for (const [outputs, inputs] of [
    [14, 9],
    [9, 14],
  ] as const) {
    it(`returns a ${outputs} × ${inputs} matrix with all directions as atoms`, () => {
      const w = random(outputs, inputs, 11);
      const given = input(w, outputs, inputs, 9, { nonzeros: 9 });
      assert.ok(approximate(cospadi, dictionaryPart, given).error < 1e-12);
    });
  }

  it('takes more atoms than directions, and zeros', () => {
    const w = random(20, 6, 12);
    const fewer = approximate(cospadi, dictionaryPart, input(w, 20, 6, 6, { nonzeros: 3 })).error;
    const more = approximate(cospadi, dictionaryPart, input(w, 20, 6, 15, { nonzeros: 3 })).error;
    assert.ok(more < fewer);
    const zero = approximate(cospadi, dictionaryPart, input(new Float64Array(12), 3, 4, 3));
    assert.ok(zero.part.values.every((value) => value === 0));
  });

  it('with the Gram matrix minimises the error of the outputs', () => {
    const w = random(30, 12, 13);
    const x = random(12, 60, 14).map((value, at) => value * (1 + (Math.floor(at / 60) % 4) ** 2));
    const gram = kernels.gram(x, 12, 60, 'rows');
    const given = input(w, 30, 12, 6, { nonzeros: 3 });
    const lossOf = (result: MethodResult): number => {
      const rest = w.map((value) => -value);
      dictionaryPart.addTo(rest, result.parts[0] as DictionaryPart, given, kernels);
      return norm(kernels.multiply(rest, x, 30, 60, 12, false, false));
    };
    const calibrated = cospadi({ ...given, statistics: { gram } }, tools);
    assert.ok(lossOf(calibrated) < lossOf(cospadi(given, tools)));
    const whole = norm(kernels.multiply(w, x, 30, 60, 12, false, false));
    assert.ok(Math.abs(lossOf(calibrated) / whole - (calibrated.rounds?.at(-1) ?? NaN)) < 1e-10);
  });

  it('refuses more atoms an output than there are', () => {
    assert.throws(() => cospadi(input(random(4, 4, 1), 4, 4, 2, { nonzeros: 3 }), tools), /3 atoms an output .* 2/);
  });
});

describe('method cur', () => {
  for (const scores of ['leverage', 'lewis'] as const) {
    it(`returns a matrix of rank 4 from 4 rows and columns by ${scores}`, () => {
      const w = kernels.multiply(random(20, 4, 6), random(4, 15, 7), 20, 15, 4, false, false);
      const { part, error } = approximate(cur, curPart, input(w, 20, 15, 4, { scores, seed: 3 }));
      assert.ok(error < 1e-10, `${error}`);
      for (const [c, column] of part.columnIndices.entries()) {
        for (let i = 0; i < 20; i++) assert.equal(part.columns[i * 4 + c], w[i * 15 + column]);
      }
      for (const [r, row] of part.rowIndices.entries()) {
        assert.deepEqual(part.rows.subarray(r * 15, (r + 1) * 15), w.subarray(row * 15, (row + 1) * 15));
      }
    });
  }

  it('returns the matrix at full rank, and the same for the same seed', () => {
    const w = random(10, 16, 8);
    const first = approximate(cur, curPart, input(w, 10, 16, 10, { seed: 5 }));
    assert.ok(first.error < 1e-10);
    assert.deepEqual(approximate(cur, curPart, input(w, 10, 16, 10, { seed: 5 })).part, first.part);
  });

  it('has nothing between equal columns', () => {
    const w = Float64Array.from({ length: 30 }, (_, at) => Math.floor(at / 5) + 1);
    const { part, error } = approximate(cur, curPart, input(w, 6, 5, 3));
    assert.ok(error < 1e-12);
    assert.ok(part.core.every(Number.isFinite));
  });

  it('takes a zero matrix', () => {
    const { part } = approximate(cur, curPart, { ...input(new Float64Array(12), 3, 4, 2) });
    assert.ok(part.core.every((value) => value === 0));
  });
});
