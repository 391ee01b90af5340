/** Sums over the inputs of one layer, in float64: Gram matrix, and mean, mean magnitude and mean square of each input. */
import { mirrorLower } from '../../linalg/kernels/mirrorLower';
import type { Accumulate } from '../../linalg/products/productTypes';
import { addSingleGram } from '../../linalg/gram/singleGram';
import type { MultiplySingle } from '../../linalg/products/singleProducts';

/** Rows of tokens, which are copied out a few at a time. */
export interface TokenRows {
  readonly count: number;
  /** Writes rows [start, end) to `into`, from its beginning. */
  copy(into: Float64Array, start: number, end: number): void;
}

/** Numbers of the rows that are added at a time: 16 MB. */
const ROWS_NUMBERS = 2 ** 21;

export class InputSums {
  tokens = 0;
  readonly sum: Float64Array;
  readonly magnitudes: Float64Array;
  readonly squares: Float64Array;
  /** Undefined where it would be too large. */
  readonly gram: Float64Array | undefined;

  constructor(
    readonly inputs: number,
    withGram: boolean,
  ) {
    this.sum = new Float64Array(inputs);
    this.magnitudes = new Float64Array(inputs);
    this.squares = new Float64Array(inputs);
    this.gram = withGram ? new Float64Array(inputs * inputs) : undefined;
  }

  async add(rows: TokenRows, accumulate: Accumulate): Promise<void> {
    const { inputs, gram } = this;
    const step = Math.max(1, Math.floor(ROWS_NUMBERS / inputs));
    for (let start = 0; start < rows.count; start += step) {
      const count = Math.min(step, rows.count - start);
      const x = new Float64Array(count * inputs);
      rows.copy(x, start, start + count);
      this.addMoments(x);
      if (gram) await accumulate(gram, x, x, inputs, inputs, count, true, false);
    }
    this.tokens += rows.count;
  }

  /** The same of float32 rows, tokens × inputs, whose products float32 sums: twice as fast. @see addSingleGram */
  async addSingles(x: Float32Array, multiply: MultiplySingle): Promise<void> {
    this.addMoments(x);
    if (this.gram) await addSingleGram(this.gram, x, this.inputs, multiply);
    this.tokens += x.length / this.inputs;
  }

  private addMoments(x: Float32Array | Float64Array): void {
    const { inputs, sum, magnitudes, squares } = this;
    for (let at = 0; at < x.length;) {
      for (let i = 0; i < inputs; i++, at++) {
        const value = x[at]!;
        sum[i] = sum[i]! + value;
        magnitudes[i] = magnitudes[i]! + Math.abs(value);
        squares[i] = squares[i]! + value * value;
      }
    }
  }

  /** False if an input was NaN or infinite. */
  get isFinite(): boolean {
    return this.squares.every(Number.isFinite);
  }

  /** The Gram matrix, exactly symmetric. */
  symmetricGram(): Float64Array | undefined {
    if (this.gram) mirrorLower(this.gram, this.inputs);
    return this.gram;
  }

  mean(of: Float64Array): Float64Array {
    // Without tokens there is no mean: a reader is told of the tokens, too.
    return of.map((value) => value / Math.max(1, this.tokens));
  }
}
