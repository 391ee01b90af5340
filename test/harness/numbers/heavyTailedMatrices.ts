/**
 * Seeded matrices with heavy-tailed spectra of several kinds, as trained layers have them: what an interval for alpha
 * must hold on. Row-major.
 */
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import { seededRandom } from './denseReference';

export interface MadeMatrix {
  kind: string;
  rows: number;
  cols: number;
  elements: Float64Array;
}

type Maker = (rows: number, cols: number, random: Random) => Float64Array;

/** Numbers of the laws the makers need, from one seed. */
class Random {
  private readonly next: () => number;

  constructor(seed: number) {
    this.next = seededRandom(seed);
  }

  /** In (0, 1). */
  uniform(): number {
    return Math.min(Math.max(this.next() + 0.5, 1e-9), 1 - 1e-9);
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** @see Box & Muller 1958 */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  normals(count: number): Float64Array {
    return Float64Array.from({ length: count }, () => this.normal());
  }

  /** Student's t with `freedom` degrees. @see Bailey 1994 */
  student(freedom: number): number {
    const u = this.uniform();
    return Math.sqrt(freedom * (u ** (-2 / freedom) - 1)) * Math.cos(2 * Math.PI * this.uniform());
  }
}

/** Independent entries of variance 1. */
function noise(rows: number, cols: number, random: Random): Float64Array {
  return random.normals(rows * cols);
}

/** L·diag(strength(1), strength(2), …)·Rᵀ of independent normal L and R. */
function lowRank(
  rows: number,
  cols: number,
  rank: number,
  strength: (k: number) => number,
  random: Random,
): Float64Array {
  const left = random.normals(rows * rank).map((value, index) => value * strength((index % rank) + 1));
  return loadKernels().multiply(left, random.normals(cols * rank), rows, cols, rank, false, true);
}

function scaled(elements: Float64Array, cols: number, scale: (row: number, col: number) => number): Float64Array {
  return elements.map((value, index) => value * scale(Math.floor(index / cols), index % cols));
}

const MAKERS: Readonly<Record<string, Maker>> = {
  /** Independent entries with a power-law tail. */
  'heavy-tailed entries': (rows, cols, random) => {
    const freedom = random.between(2.5, 5);
    return Float64Array.from({ length: rows * cols }, () => random.student(freedom));
  },
  /** A random bulk below spikes that fall off as a power. */
  spikes: (rows, cols, random) => {
    const decay = random.between(0.5, 1);
    const rank = Math.ceil(Math.min(rows, cols) * random.between(0.05, 0.3));
    const spikes = lowRank(rows, cols, rank, (k) => 2 * k ** -decay, random);
    return noise(rows, cols, random).map((value, index) => value + spikes[index]!);
  },
  /** No bulk: all singular values fall off as a power. */
  'power-law spectrum': (rows, cols, random) => {
    const decay = random.between(0.3, 1);
    return lowRank(rows, cols, Math.min(rows, cols), (k) => k ** -decay, random);
  },
  /** Correlated inputs: normal rows whose covariance has a power-law spectrum. */
  'correlated rows': (rows, cols, random) => {
    const decay = random.between(0.3, 1);
    const mixing = lowRank(cols, cols, cols, (k) => k ** -decay, random);
    return loadKernels().multiply(noise(rows, cols, random), mixing, rows, cols, cols, false, true);
  },
  /** Some rows and columns are many times larger than others, as the outlier channels of language models. */
  'outlier channels': (rows, cols, random) => {
    const spread = random.between(0.3, 0.8);
    const ofRow = random.normals(rows).map((value) => Math.exp(spread * value));
    const ofCol = random.normals(cols).map((value) => Math.exp(spread * value));
    return scaled(noise(rows, cols, random), cols, (row, col) => ofRow[row]! * ofCol[col]!);
  },
  /** The spectrum's shape changes from one end of the matrix to the other. */
  drifting: (rows, cols, random) => {
    const rank = Math.ceil(Math.min(rows, cols) * 0.2);
    const spikes = lowRank(rows, cols, rank, (k) => 3 * k ** -0.75, random);
    const slope = random.between(0.5, 1.5);
    const drifting = scaled(spikes, cols, (row, col) => Math.exp(slope * (row / rows + col / cols - 1)));
    return noise(rows, cols, random).map((value, index) => value + drifting[index]!);
  },
  /** Heads side by side, each with a rank and a strength of its own. */
  heads: (rows, cols, random) => {
    const heads = 8;
    const spikes = Array.from({ length: heads }, () => {
      const rank = 2 + Math.floor(random.uniform() * 0.2 * Math.min(rows, cols));
      const strength = random.between(0.5, 3);
      return lowRank(rows, cols, rank, (k) => strength * k ** -0.75, random);
    });
    return noise(rows, cols, random).map(
      (value, index) => value + spikes[Math.floor(((index % cols) * heads) / cols)]![index]!,
    );
  },
  /** Rank-one products of heavy-tailed factors over heavy-tailed noise. */
  'heavy-tailed factors': (rows, cols, random) => {
    const rank = Math.ceil(Math.min(rows, cols) * random.between(0.2, 0.6));
    const factors = (count: number): Float64Array => Float64Array.from({ length: count }, () => random.student(4));
    const product = loadKernels().multiply(factors(rows * rank), factors(cols * rank), rows, cols, rank, false, true);
    return product.map((value) => value / Math.sqrt(rank) + random.student(4));
  },
};

const KINDS = Object.keys(MAKERS);

/** The kinds take turns: eight seeds in a row make one of each. */
export function heavyTailedMatrix(seed: number, rows: number, cols: number): MadeMatrix {
  const kind = KINDS[seed % KINDS.length]!;
  return { kind, rows, cols, elements: MAKERS[kind]!(rows, cols, new Random(seed)) };
}
