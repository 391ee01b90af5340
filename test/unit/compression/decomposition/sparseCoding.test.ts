import assert from 'node:assert/strict';
import {
  pursuit,
  residual,
  updateAtoms,
  type CodedRows,
} from '../../../../extension/compression/decomposition/sparseCoding';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { mulberry32 } from '../../../../extension/spectral/seededRandom';

const kernels = loadKernels();
const idle = (): void => undefined;

function unitRows(count: number, length: number, seed: number): Float64Array {
  const next = mulberry32(seed);
  const rows = Float64Array.from({ length: count * length }, () => next() - 0.5);
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * length, (i + 1) * length);
    const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    for (let c = 0; c < length; c++) row[c] = row[c]! / norm;
  }
  return rows;
}

function squares(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

/** Least squares on the given atoms, by the normal equations and Gaussian elimination. */
function leastSquares(row: Float64Array, dictionary: Float64Array, atoms: readonly number[]): number[] {
  const length = row.length;
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const of = (atom: number): Float64Array => dictionary.subarray(atom * length, (atom + 1) * length);
  const table = atoms.map((a) => [...atoms.map((b) => dot(of(a), of(b))), dot(of(a), row)]);
  for (const [i, pivot] of table.entries()) {
    for (const other of table) {
      if (other === pivot) continue;
      const factor = other[i]! / pivot[i]!;
      for (let c = 0; c < pivot.length; c++) other[c] = other[c]! - factor * pivot[c]!;
    }
  }
  return table.map((line, i) => line.at(-1)! / line[i]!);
}

describe('pursuit', () => {
  it('finds the atoms that rows are made of', () => {
    const dictionary = unitRows(12, 40, 1);
    const y = new Float64Array(2 * 40);
    for (let c = 0; c < 40; c++) {
      y[c] = 3 * dictionary[2 * 40 + c]! - 2 * dictionary[9 * 40 + c]!;
      y[40 + c] = dictionary[5 * 40 + c]!;
    }
    const coded: CodedRows = { y, rows: 2, dictionary, size: 12, nonzeros: 3 };
    const codes = pursuit(coded, kernels, idle);
    assert.ok(squares(residual(coded, codes)) < 1e-24);
    const of = (row: number): Map<number, number> =>
      new Map([0, 1, 2].map((s) => [codes.atoms[row * 3 + s]!, codes.values[row * 3 + s]!]));
    assert.ok(Math.abs(of(0).get(2)! - 3) < 1e-12 && Math.abs(of(0).get(9)! + 2) < 1e-12);
    assert.ok(Math.abs(of(1).get(5)! - 1) < 1e-12);
    assert.equal(of(1).size, 3, 'each atom once, also among those without weight');
  });

  it('takes the atom that the rest has most of, with least-squares weights', () => {
    const [size, length, nonzeros] = [9, 7, 4];
    const dictionary = unitRows(size, length, 3);
    const y = unitRows(5, length, 4);
    const codes = pursuit({ y, rows: 5, dictionary, size, nonzeros }, kernels, idle);
    for (let i = 0; i < 5; i++) {
      const row = y.subarray(i * length, (i + 1) * length);
      const chosen: number[] = [];
      let rest = row.slice();
      let weights: number[] = [];
      for (let step = 0; step < nonzeros; step++) {
        const products = kernels.multiply(dictionary, rest, size, 1, length, false, false).map(Math.abs);
        for (const atom of chosen) products[atom] = -1;
        chosen.push(products.indexOf(products.reduce((most, value) => Math.max(most, value), -1)));
        weights = leastSquares(row, dictionary, chosen);
        rest = row.map((value, c) =>
          chosen.reduce((left, atom, s) => left - weights[s]! * dictionary[atom * length + c]!, value),
        );
      }
      const expected = chosen.map((atom, s) => [atom, weights[s]!]).sort(([a], [b]) => a! - b!);
      for (const [s, [atom, value]] of expected.entries()) {
        assert.equal(codes.atoms[i * nonzeros + s], atom);
        assert.ok(Math.abs(codes.values[i * nonzeros + s]! - value!) < 1e-10);
      }
    }
  });

  it('takes equal atoms and rows of zeros', () => {
    const dictionary = Float64Array.from([1, 0, 1, 0, 0, 1]);
    const y = Float64Array.from([2, 3, 0, 0]);
    const coded: CodedRows = { y, rows: 2, dictionary, size: 3, nonzeros: 3 };
    const codes = pursuit(coded, kernels, idle);
    assert.deepEqual([...codes.atoms], [0, 1, 2, 0, 1, 2]);
    assert.ok(squares(residual(coded, codes)) < 1e-28);
  });
});

describe('updateAtoms', () => {
  it('never leaves more than before, and keeps the residual up', () => {
    const dictionary = unitRows(6, 10, 5);
    const y = unitRows(30, 10, 6);
    const coded: CodedRows = { y, rows: 30, dictionary, size: 6, nonzeros: 2 };
    const codes = pursuit(coded, kernels, idle);
    const rest = residual(coded, codes);
    let before = squares(rest);
    for (let round = 0; round < 5; round++) {
      updateAtoms(coded, codes, rest, idle);
      const after = squares(rest);
      assert.ok(after <= before * (1 + 1e-12), `${after} after ${before}`);
      before = after;
    }
    const again = residual(coded, codes);
    assert.ok(again.every((value, i) => Math.abs(value - rest[i]!) < 1e-12));
  });
});
