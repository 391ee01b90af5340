/** Sums over the inputs of one layer, in float64: Gram matrix, and mean, mean magnitude and mean square of each input. */
import { mirrorLower } from '../../linalg/kernels/mirrorLower';
import type { Accumulate } from '../../linalg/products/productTypes';
import type { TokenRows } from './inputRows';

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
    const { inputs, sum, magnitudes, squares, gram } = this;
    const step = Math.max(1, Math.floor(ROWS_NUMBERS / inputs));
    for (let start = 0; start < rows.count; start += step) {
      const count = Math.min(step, rows.count - start);
      const x = new Float64Array(count * inputs);
      rows.copy(x, start, start + count);
      for (let row = 0, at = 0; row < count; row++) {
        for (let i = 0; i < inputs; i++, at++) {
          const value = x[at]!;
          sum[i] = sum[i]! + value;
          magnitudes[i] = magnitudes[i]! + Math.abs(value);
          squares[i] = squares[i]! + value * value;
        }
      }
      if (gram) await accumulate(gram, x, x, inputs, inputs, count, true, false);
    }
    this.tokens += rows.count;
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
    return of.map((value) => value / this.tokens);
  }
}
