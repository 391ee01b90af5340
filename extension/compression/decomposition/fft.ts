/**
 * Discrete Fourier transform of any length, in place: decimation in time by the prime factors of the length, a plain sum for
 * each prime. Sides of weights have small primes; a large one costs its square.
 *
 * @see Cooley & Tukey 1965
 */
export class Fft {
  private readonly factors: number[] = [];
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  private readonly workReal: Float64Array;
  private readonly workImaginary: Float64Array;
  private readonly sumReal: Float64Array;
  private readonly sumImaginary: Float64Array;

  /** @param n length, at least 1 */
  constructor(readonly n: number) {
    let rest = n;
    for (let prime = 2; prime * prime <= rest; prime++) {
      for (; rest % prime === 0; rest /= prime) this.factors.push(prime);
    }
    if (rest > 1) this.factors.push(rest);
    this.cosines = Float64Array.from({ length: n }, (_, k) => Math.cos((2 * Math.PI * k) / n));
    this.sines = Float64Array.from({ length: n }, (_, k) => -Math.sin((2 * Math.PI * k) / n));
    this.workReal = new Float64Array(n);
    this.workImaginary = new Float64Array(n);
    const largest = this.factors.at(-1) ?? 1;
    this.sumReal = new Float64Array(largest);
    this.sumImaginary = new Float64Array(largest);
  }

  /** X_k = Σ_j x_j·e^{−2πijk/n}, in place. */
  transform(real: Float64Array, imaginary: Float64Array): void {
    this.workReal.set(real);
    this.workImaginary.set(imaginary);
    this.level(0, this.n, 1, 0, 0, real, imaginary);
  }

  /** Transform of `length` elements of the copy, from `from` on at distance `stride`, to `to` on. */
  private level(
    depth: number,
    length: number,
    stride: number,
    from: number,
    to: number,
    real: Float64Array,
    imaginary: Float64Array,
  ): void {
    if (length === 1) {
      real[to] = this.workReal[from]!;
      imaginary[to] = this.workImaginary[from]!;
      return;
    }
    const prime = this.factors[depth]!;
    const part = length / prime;
    for (let q = 0; q < prime; q++) {
      this.level(depth + 1, part, stride * prime, from + q * stride, to + q * part, real, imaginary);
    }
    for (let k = 0; k < part; k++) this.butterfly(prime, part, stride, to + k, k, real, imaginary);
  }

  /** Joins the transforms of `prime` interleaved parts at index k of each. */
  private butterfly(
    prime: number,
    part: number,
    stride: number,
    at: number,
    k: number,
    real: Float64Array,
    imaginary: Float64Array,
  ): void {
    const { cosines, sines, sumReal, sumImaginary, n } = this;
    for (let p = 0; p < prime; p++) {
      const step = ((k + p * part) * stride) % n;
      let re = 0;
      let im = 0;
      for (let q = 0, turn = 0; q < prime; q++) {
        const x = real[at + q * part]!;
        const y = imaginary[at + q * part]!;
        re += x * cosines[turn]! - y * sines[turn]!;
        im += x * sines[turn]! + y * cosines[turn]!;
        turn += step;
        if (turn >= n) turn -= n;
      }
      sumReal[p] = re;
      sumImaginary[p] = im;
    }
    for (let p = 0; p < prime; p++) {
      real[at + p * part] = sumReal[p]!;
      imaginary[at + p * part] = sumImaginary[p]!;
    }
  }
}
