/** The steps of Gram–Schmidt orthogonalisation, on vectors of float64. */

/** Takes vectors first … of `vectors` out of x, four at a time: they are orthonormal, and one pass over x serves all. */
export function takeOut(vectors: readonly Float64Array[], first: number, x: Float64Array): void {
  const n = x.length;
  for (let i = first; i < vectors.length; i += 4) {
    // Short groups repeat their first vector with factor 0.
    const p = vectors[i]!;
    const q = vectors[i + 1] ?? p;
    const r = vectors[i + 2] ?? p;
    const s = vectors[i + 3] ?? p;
    let fp = 0;
    let fq = 0;
    let fr = 0;
    let fs = 0;
    for (let j = 0; j < n; j++) {
      const value = x[j]!;
      fp += p[j]! * value;
      fq += q[j]! * value;
      fr += r[j]! * value;
      fs += s[j]! * value;
    }
    if (q === p) fq = 0;
    if (r === p) fr = 0;
    if (s === p) fs = 0;
    for (let j = 0; j < n; j++) x[j] = x[j]! - (fp * p[j]! + fq * q[j]! + (fr * r[j]! + fs * s[j]!));
  }
}

/** xᵀ·y, summed in order. */
export function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
}

/** ‖x‖, scaled by the largest element, so that no square leaves the range of float64. */
export function norm(x: Float64Array): number {
  let largest = 0;
  for (const value of x) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return 0;
  let square = 0;
  for (const value of x) square += (value / largest) ** 2;
  return largest * Math.sqrt(square);
}
