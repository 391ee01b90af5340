/** Logarithms of an ascending spectrum and what every tail of it needs: α in O(1), D in one pass. */

export class LogTail {
  /** ln λ; −∞ below `first`. */
  readonly logs: Float64Array;
  /** Index of the first value above numerical zero: no earlier tail can be fitted. */
  readonly first: number;
  /** Σ_{j≥i} (ln λⱼ − ln λᵢ). */
  private readonly spreads: Float64Array;

  /**
   * @param values λ ascending
   * @param numericalZero values up to this are zeros
   */
  constructor(
    readonly values: Float64Array,
    numericalZero: number,
  ) {
    const count = values.length;
    this.logs = new Float64Array(count).fill(-Infinity);
    this.spreads = new Float64Array(count);
    let first = count;
    while (first > 0 && values[first - 1]! > Math.max(0, numericalZero)) {
      first--;
      this.logs[first] = Math.log(values[first]!);
      // All terms are ≥ 0, so that nothing cancels, however far from 1 the values lie.
      if (first < count - 1) {
        const step = Math.log1p((values[first + 1]! - values[first]!) / values[first]!);
        this.spreads[first] = this.spreads[first + 1]! + (count - 1 - first) * step;
      }
    }
    this.first = first;
  }

  get count(): number {
    return this.values.length;
  }

  /** α(i) > 1, or Infinity where the tail's values are all equal, or NaN below `first`. */
  alpha(index: number): number {
    if (index < this.first) return NaN;
    return 1 + (this.count - index) / this.spreads[index]!;
  }

  /** The model's distribution function at value `at` of the tail from `index`: 1 − (λⱼ/λᵢ)^(1−α). */
  model(index: number, alpha: number, at: number): number {
    return 1 - Math.exp((1 - alpha) * (this.logs[at]! - this.logs[index]!));
  }

  /** D(i) over every value of the tail. */
  distance(index: number, alpha: number): number {
    const n = this.count - index;
    let largest = 0;
    for (let at = index; at < this.count; at++) {
      largest = Math.max(largest, Math.abs(this.model(index, alpha, at) - (at - index) / n));
    }
    return largest;
  }
}
