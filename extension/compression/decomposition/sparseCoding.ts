/**
 * Rows as sums of few atoms of a dictionary: orthogonal matching pursuit for the codes, K-SVD for the atoms.
 *
 * @see Rubinstein, Zibulevsky & Elad 2008, "Efficient implementation of the K-SVD algorithm using batch orthogonal matching
 *   pursuit"; Aharon, Elad & Bruckstein 2006 (K-SVD)
 */
import type { Kernels } from '../../linalg/kernels/kernels';

/** An atom that is a sum of those chosen but for this share of its squared length adds nothing. */
const DEPENDENT = 1e-12;

/** Rows whose products with the dictionary are held at a time. */
const BLOCK = 128;

export interface Codes {
  /** rows × nonzeros, ascending in each row, each atom once. */
  readonly atoms: Uint32Array;
  readonly values: Float64Array;
}

export interface CodedRows {
  /** rows × length. */
  readonly y: Float64Array;
  readonly rows: number;
  /** size × length, rows of length 1. */
  readonly dictionary: Float64Array;
  readonly size: number;
  readonly nonzeros: number;
}

/** Codes of every row by orthogonal matching pursuit. @param poll takes the share that is done */
export function pursuit(
  { y, rows, dictionary, size, nonzeros }: CodedRows,
  kernels: Kernels,
  poll: (fraction: number) => void,
): Codes {
  const length = y.length / rows;
  const gram = kernels.gram(dictionary, size, length, 'rows');
  const atoms = new Uint32Array(rows * nonzeros);
  const values = new Float64Array(rows * nonzeros);
  const coder = new RowCoder(gram, size, nonzeros);
  for (let start = 0; start < rows; start += BLOCK) {
    const end = Math.min(rows, start + BLOCK);
    const block = y.subarray(start * length, end * length);
    const products = kernels.multiply(block, dictionary, end - start, size, length, false, true);
    for (let i = start; i < end; i++) {
      if ((i - start) % 8 === 0) poll(i / rows);
      const at = i * nonzeros;
      coder.code(
        products.subarray((i - start) * size, (i - start + 1) * size),
        atoms.subarray(at, at + nonzeros),
        values.subarray(at, at + nonzeros),
      );
    }
  }
  return { atoms, values };
}

class RowCoder {
  private readonly chosen: number[] = [];
  private readonly used: Uint8Array;
  private readonly correlations: Float64Array;
  /** Row j: products of all atoms with the j-th chosen one, made orthogonal to those before it. */
  private readonly projections: Float64Array;
  /** Lower triangular: chosen atom i is Σ_j triangle[i, j] · orthogonal direction j. */
  private readonly triangle: Float64Array;
  private readonly coefficients: Float64Array;

  constructor(
    private readonly gram: Float64Array,
    private readonly size: number,
    private readonly nonzeros: number,
  ) {
    this.used = new Uint8Array(size);
    this.correlations = new Float64Array(size);
    this.projections = new Float64Array(nonzeros * size);
    this.triangle = new Float64Array(nonzeros * nonzeros);
    this.coefficients = new Float64Array(nonzeros);
  }

  /** @param products of the row with every atom */
  code(products: Float64Array, atoms: Uint32Array, values: Float64Array): void {
    const { used, chosen } = this;
    used.fill(0);
    chosen.length = 0;
    this.correlations.set(products);
    for (let next = this.best(); chosen.length < this.nonzeros && next >= 0; next = this.best()) this.take(next);
    const order = this.solved();
    // Rows that need fewer atoms have others of weight zero: each row stores as many.
    const taken = new Set(chosen);
    for (let atom = 0; order.length < this.nonzeros; atom++) if (!taken.has(atom)) order.push([atom, 0]);
    order.sort(([a], [b]) => a - b);
    for (const [s, [atom, value]] of order.entries()) {
      atoms[s] = atom;
      values[s] = value;
    }
  }

  /** The atom that the rest of the row has most of; −1 if nothing is left. */
  private best(): number {
    const { correlations, used, size } = this;
    let best = -1;
    let most = 0;
    for (let k = 0; k < size; k++) {
      const magnitude = Math.abs(correlations[k]!);
      if (magnitude > most && used[k] === 0) {
        most = magnitude;
        best = k;
      }
    }
    return best;
  }

  private take(atom: number): void {
    const { gram, size, nonzeros, chosen, correlations, projections, triangle, coefficients } = this;
    this.used[atom] = 1;
    const j = chosen.length;
    let squared = gram[atom * size + atom]!;
    const own = squared;
    for (let l = 0; l < j; l++) {
      const share = projections[l * size + atom]!;
      triangle[j * nonzeros + l] = share;
      squared -= share * share;
    }
    if (!(squared > DEPENDENT * own)) return;
    const pivot = Math.sqrt(squared);
    triangle[j * nonzeros + j] = pivot;
    const projection = projections.subarray(j * size, (j + 1) * size);
    projection.set(gram.subarray(atom * size, (atom + 1) * size));
    for (let l = 0; l < j; l++) {
      const share = triangle[j * nonzeros + l]!;
      if (share === 0) continue;
      const earlier = projections.subarray(l * size, (l + 1) * size);
      for (let k = 0; k < size; k++) projection[k] = projection[k]! - share * earlier[k]!;
    }
    for (let k = 0; k < size; k++) projection[k] = projection[k]! / pivot;
    // The rest is orthogonal to the directions before: its product with this one is that with the atom over the pivot.
    const coefficient = correlations[atom]! / pivot;
    coefficients[j] = coefficient;
    for (let k = 0; k < size; k++) correlations[k] = correlations[k]! - coefficient * projection[k]!;
    chosen.push(atom);
  }

  /** Weights of the chosen atoms: the triangle, transposed, solved for the coefficients of its directions. */
  private solved(): [atom: number, value: number][] {
    const { chosen, triangle, nonzeros, coefficients } = this;
    const result: [number, number][] = chosen.map((atom) => [atom, 0]);
    for (let i = chosen.length - 1; i >= 0; i--) {
      let rest = coefficients[i]!;
      for (let l = i + 1; l < chosen.length; l++) rest -= triangle[l * nonzeros + i]! * result[l]![1];
      result[i]![1] = rest / triangle[i * nonzeros + i]!;
    }
    return result;
  }
}

/** What the codes leave of every row. */
export function residual({ y, rows, dictionary, nonzeros }: CodedRows, { atoms, values }: Codes): Float64Array {
  const length = y.length / rows;
  const rest = y.slice();
  for (let at = 0; at < atoms.length; at++) {
    const value = values[at]!;
    if (value === 0) continue;
    const row = Math.floor(at / nonzeros) * length;
    const atom = atoms[at]! * length;
    for (let c = 0; c < length; c++) rest[row + c] = rest[row + c]! - value * dictionary[atom + c]!;
  }
  return rest;
}

/**
 * One round of K-SVD, in place: each atom in turn becomes the best one for the rows that use it, by one step of the power
 * method, and their weights with it. The error does not grow.
 *
 * @param rest of every row under these codes; kept up
 */
export function updateAtoms(
  coded: CodedRows,
  codes: Codes,
  rest: Float64Array,
  poll: (fraction: number) => void,
): void {
  const { dictionary, size, nonzeros } = coded;
  const { values } = codes;
  const length = dictionary.length / size;
  const users = usersOf(codes, size);
  const sum = new Float64Array(length);
  for (let atom = 0; atom < size; atom++) {
    if (atom % 4 === 0) poll(atom / size);
    const own = dictionary.subarray(atom * length, (atom + 1) * length);
    sum.fill(0);
    for (const at of users[atom]!) {
      const row = Math.floor(at / nonzeros) * length;
      const value = values[at]!;
      for (let c = 0; c < length; c++) {
        const part = rest[row + c]! + value * own[c]!;
        rest[row + c] = part;
        sum[c] = sum[c]! + value * part;
      }
    }
    const norm = Math.sqrt(sum.reduce((total, x) => total + x * x, 0));
    if (norm > 0) for (let c = 0; c < length; c++) own[c] = sum[c]! / norm;
    for (const at of users[atom]!) {
      const row = Math.floor(at / nonzeros) * length;
      let value = 0;
      for (let c = 0; c < length; c++) value += rest[row + c]! * own[c]!;
      values[at] = value;
      for (let c = 0; c < length; c++) rest[row + c] = rest[row + c]! - value * own[c]!;
    }
  }
}

/** Of each atom, the places in the codes that give it a weight. */
function usersOf({ atoms, values }: Codes, size: number): number[][] {
  const users = Array.from({ length: size }, (): number[] => []);
  for (let at = 0; at < atoms.length; at++) if (values[at] !== 0) users[atoms[at]!]!.push(at);
  return users;
}
