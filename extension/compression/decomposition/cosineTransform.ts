/**
 * The orthonormal DCT-II of rows, by way of one complex FFT of the same length for two rows at a time.
 *
 * @see Makhoul 1980, "A fast cosine transform in one and two dimensions"
 */
import { Fft } from './fft';

export class CosineTransform {
  private readonly fft: Fft;
  /** √(2/n)·e^{−iπk/2n}, with √(1/n) at k = 0. */
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  private readonly real: Float64Array;
  private readonly imaginary: Float64Array;

  /** @param n length of the rows, at least 1 */
  constructor(readonly n: number) {
    this.fft = new Fft(n);
    const scale = (k: number): number => Math.sqrt((k === 0 ? 1 : 2) / n);
    this.cosines = Float64Array.from({ length: n }, (_, k) => scale(k) * Math.cos((Math.PI * k) / (2 * n)));
    this.sines = Float64Array.from({ length: n }, (_, k) => scale(k) * Math.sin((Math.PI * k) / (2 * n)));
    this.real = new Float64Array(n);
    this.imaginary = new Float64Array(n);
  }

  /**
   * x·Q of every row x, in place: element k becomes √(2/n)·Σ_j x_j·cos(π(2j+1)k/2n), √(1/n)·Σ_j x_j for k = 0.
   *
   * @param rows whole rows of n elements
   */
  forward(rows: Float64Array): void {
    const { n, real, imaginary, cosines, sines } = this;
    for (let start = 0; start < rows.length; start += 2 * n) {
      const first = rows.subarray(start, start + n);
      const second = rows.subarray(start + n, start + 2 * n);
      this.fold(first, real);
      if (second.length > 0) this.fold(second, imaginary);
      else imaginary.fill(0);
      this.fft.transform(real, imaginary);
      for (let k = 0; k < n; k++) {
        const mirrored = k === 0 ? 0 : n - k;
        // The spectra of two real rows in one: even and odd parts.
        const evenReal = (real[k]! + real[mirrored]!) / 2;
        const oddImaginary = (imaginary[k]! - imaginary[mirrored]!) / 2;
        const evenImaginary = (imaginary[k]! + imaginary[mirrored]!) / 2;
        const oddReal = (real[k]! - real[mirrored]!) / 2;
        first[k] = evenReal * cosines[k]! + oddImaginary * sines[k]!;
        if (second.length > 0) second[k] = evenImaginary * cosines[k]! - oddReal * sines[k]!;
      }
    }
  }

  /** x·Qᵀ of every row x, in place: the inverse of `forward`. */
  inverse(rows: Float64Array): void {
    const { n, real, imaginary, cosines, sines } = this;
    const half = (k: number): number => (k === 0 ? n : n / 2);
    for (let start = 0; start < rows.length; start += 2 * n) {
      const first = rows.subarray(start, start + n);
      const second = rows.subarray(start + n, start + 2 * n);
      for (let k = 0; k < n; k++) {
        // Spectrum of a real row from its transform: X(k) = e^{iπk/2n}·(C(k) − i·C(n−k)), scaled.
        const [a, b] = this.unscaled(first, k);
        const [c, d] = second.length > 0 ? this.unscaled(second, k) : [0, 0];
        const weight = half(k);
        const cosine = cosines[k]! * weight;
        const sine = sines[k]! * weight;
        const firstReal = a * cosine + b * sine;
        const firstImaginary = a * sine - b * cosine;
        const secondReal = c * cosine + d * sine;
        const secondImaginary = c * sine - d * cosine;
        real[k] = firstReal - secondImaginary;
        imaginary[k] = firstImaginary + secondReal;
      }
      // The inverse FFT is the FFT with real and imaginary parts exchanged, over n.
      this.fft.transform(imaginary, real);
      this.unfold(real, first);
      if (second.length > 0) this.unfold(imaginary, second);
    }
  }

  /** C(k) and C(n−k) of a transformed row; 0 for the one beyond it. */
  private unscaled(row: Float64Array, k: number): [number, number] {
    return [row[k]!, k === 0 ? 0 : row[this.n - k]!];
  }

  /** Even elements forwards, then odd ones backwards. */
  private fold(row: Float64Array, folded: Float64Array): void {
    const { n } = this;
    for (let j = 0; 2 * j < n; j++) folded[j] = row[2 * j]!;
    for (let j = 0; 2 * j + 1 < n; j++) folded[n - 1 - j] = row[2 * j + 1]!;
  }

  private unfold(folded: Float64Array, row: Float64Array): void {
    const { n } = this;
    for (let j = 0; 2 * j < n; j++) row[2 * j] = folded[j]! / n;
    for (let j = 0; 2 * j + 1 < n; j++) row[2 * j + 1] = folded[n - 1 - j]! / n;
  }
}
