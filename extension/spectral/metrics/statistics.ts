/** Plain statistics of a tensor's elements, one pass over any number of chunks, and the histogram of its elements. */
import type { BlockMoments } from '../../linalg/kernels/elementKernels';
import type { TensorStatistics } from '../../shared/layers';

/** Chunks of this many elements are summed by themselves, so that long sums of small numbers keep their digits. */
const BLOCK = 4096;

/** Beyond these the square of an element leaves the range of a double; such blocks are scaled first. */
const SQUARE_SAFE = 1e150;
const SQUARE_TINY = 1e-150;

/** True if elements up to this magnitude can be squared as they are. */
function squaresInRange(extent: number): boolean {
  return extent <= SQUARE_SAFE && (extent >= SQUARE_TINY || extent === 0);
}

/** The plain twin of the kernel. */
export function blockMoments(block: Float64Array): BlockMoments {
  let [sum, min, max, zeros] = [0, Infinity, -Infinity, 0];
  for (const value of block) {
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
    if (value === 0) zeros++;
  }
  const mean = sum / block.length;
  let [deviations, squares] = [0, 0];
  for (const value of block) {
    deviations += (value - mean) * (value - mean);
    squares += value * value;
  }
  return { sum, min, max, zeros, deviations, squares };
}

/**
 * Chan's pairwise update of mean and squared deviations. NaN and ±Inf are counted, and left out of everything else.
 *
 * @see Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance"
 */
export class StatisticsAccumulator {
  private count = 0;
  private finite = 0;
  private mean = 0;
  /** √Σ(x − mean)². Roots, and not sums of squares, so that no square leaves the range of a double. */
  private deviation = 0;
  /** √Σx² */
  private l2 = 0;
  private min = Infinity;
  private max = -Infinity;
  private zeros = 0;
  private nan = 0;
  private inf = 0;
  private firstNotFinite: number | undefined;

  /** @param moments sums of one block of 1 to 4096 elements: the kernel's, where there is one */
  constructor(private readonly moments: (block: Float64Array) => BlockMoments = blockMoments) {}

  /** The next elements, in the tensor's order. */
  add(elements: Float64Array): void {
    for (let start = 0; start < elements.length; start += BLOCK) this.addBlock(elements.subarray(start, start + BLOCK));
  }

  /** Elements that another accumulator saw, taken to follow those seen here. */
  merge(other: StatisticsAccumulator): void {
    if (this.firstNotFinite === undefined && other.firstNotFinite !== undefined) {
      this.firstNotFinite = this.count + other.firstNotFinite;
    }
    this.count += other.count;
    this.zeros += other.zeros;
    this.nan += other.nan;
    this.inf += other.inf;
    this.combine(other.finite, other.mean, other.deviation, other.l2, other.min, other.max);
  }

  /** `std` is that of the population (divided by n). A moment that leaves the range of a double is null. */
  result(): TensorStatistics {
    const known = this.finite > 0;
    const number = (value: number): number | null => (known && Number.isFinite(value) ? value : null);
    return {
      count: this.count,
      min: number(this.min),
      max: number(this.max),
      mean: number(this.mean),
      std: number(this.deviation / Math.sqrt(this.finite)),
      l2: number(this.l2),
      zeros: this.zeros,
      nan: this.nan,
      inf: this.inf,
      ...(this.firstNotFinite !== undefined && { first_not_finite: this.firstNotFinite }),
    };
  }

  private addBlock(block: Float64Array): void {
    const { sum, min, max, zeros, deviations, squares } = this.moments(block);
    this.zeros += zeros;
    if (Number.isFinite(sum) && squaresInRange(Math.max(Math.abs(min), Math.abs(max)))) {
      this.combine(block.length, sum / block.length, Math.sqrt(deviations), Math.sqrt(squares), min, max);
    } else {
      this.addScaled(Number.isFinite(sum) ? block : this.finitePart(block));
    }
    this.count += block.length;
  }

  /** Elements whose sum or squares may leave the range of a double, none of them NaN or Inf. */
  private addScaled(values: Float64Array): void {
    const n = values.length;
    const min = values.reduce((least, value) => Math.min(least, value), Infinity);
    const max = values.reduce((most, value) => Math.max(most, value), -Infinity);
    const sum = values.reduce((total, value) => total + value, 0);
    const mean = Number.isFinite(sum) ? sum / n : values.reduce((total, value) => total + value / n, 0);
    const extent = Math.max(Math.abs(min), Math.abs(max));
    const scale = squaresInRange(extent) ? 1 : extent;
    let deviations = 0;
    let squares = 0;
    for (const value of values) {
      const scaled = value / scale;
      const deviation = scaled - mean / scale;
      deviations += deviation * deviation;
      squares += scaled * scaled;
    }
    this.combine(n, mean, Math.sqrt(deviations) * scale, Math.sqrt(squares) * scale, min, max);
  }

  private finitePart(block: Float64Array): Float64Array {
    return block.filter((value, index) => {
      if (Number.isFinite(value)) return true;
      if (Number.isNaN(value)) this.nan++;
      else this.inf++;
      this.firstNotFinite ??= this.count + index;
      return false;
    });
  }

  private combine(n: number, mean: number, deviation: number, l2: number, min: number, max: number): void {
    if (n === 0) return;
    const total = this.finite + n;
    const shift = mean - this.mean;
    this.mean += shift * (n / total);
    this.deviation = Math.hypot(this.deviation, deviation, shift * Math.sqrt((this.finite / total) * n));
    this.finite = total;
    this.l2 = Math.hypot(this.l2, l2);
    this.min = Math.min(this.min, min);
    this.max = Math.max(this.max, max);
  }
}

/** Eigenvalues are sums of squares, which beyond these overflow, or lose digits as subnormal numbers. */
const LARGEST_SQUARED = 1e150;
const SMALLEST_SQUARED = 1e-140;

/** Largest magnitude among the finite elements; 0 where there are none. */
export function extentOf({ min, max }: Pick<TensorStatistics, 'min' | 'max'>): number {
  return Math.max(Math.abs(min ?? 0), Math.abs(max ?? 0));
}

/** True if the squares of the elements, and their sums, keep their digits in a double. */
export function hasRepresentableSquares(statistics: Pick<TensorStatistics, 'min' | 'max'>): boolean {
  const extent = extentOf(statistics);
  return extent === 0 || (extent >= SMALLEST_SQUARED && extent <= LARGEST_SQUARED);
}

/** Bins of the element histogram: fine enough to see the peak of a trained layer, few enough to draw. */
const HISTOGRAM_BINS = 101;

export interface ElementHistogram {
  /** One more than counts. */
  edges: Float64Array;
  counts: Float64Array;
}

/** An empty histogram of equal bins over the finite range of a tensor's elements. */
export function emptyHistogram(
  range: { min: number | null; max: number | null },
  bins = HISTOGRAM_BINS,
): ElementHistogram {
  const min = range.min ?? 0;
  const max = range.max ?? 0;
  // All elements equal: one value in the middle of a range of its own size.
  const margin = max > min ? 0 : Math.abs(max) / 2 || 0.5;
  const [low, high] = [min - margin, max + margin];
  const edges = Float64Array.from({ length: bins + 1 }, (_, index) =>
    index === bins ? high : low * (1 - index / bins) + high * (index / bins),
  );
  return { edges, counts: new Float64Array(bins) };
}

/**
 * Counts elements into the bins; the last bin is closed. NaN, ±Inf and values outside are not counted.
 *
 * @param histogram is added to, and returned
 */
export function elementHistogram(elements: Float64Array, histogram: ElementHistogram): ElementHistogram {
  const { edges, counts } = histogram;
  const bins = counts.length;
  const low = edges[0]!;
  const high = edges[bins]!;
  // Halved so that the width of the widest range of doubles is still one.
  const scale = bins / (high / 2 - low / 2);
  for (const value of elements) {
    if (!(value >= low && value <= high)) continue;
    let bin = Math.min(Math.floor((value / 2 - low / 2) * scale), bins - 1);
    // Edges of a range of a few units in the last place are rounded, and then not evenly spaced.
    while (value < edges[bin]!) bin--;
    while (bin < bins - 1 && value >= edges[bin + 1]!) bin++;
    counts[bin]!++;
  }
  return histogram;
}
