import assert from 'node:assert/strict';
import { CosineTransform } from '../../../../extension/compression/decomposition/cosineTransform';
import { Fft } from '../../../../extension/compression/decomposition/fft';
import { mulberry32 } from '../../../../extension/spectral/seededRandom';

function random(length: number, seed: number): Float64Array {
  const next = mulberry32(seed);
  return Float64Array.from({ length }, () => 2 * next() - 1);
}

function near(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-12): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    assert.ok(Math.abs(actual[i]! - expected[i]!) <= tolerance, `${i}: ${actual[i]} is not ${expected[i]}`);
  }
}

describe('Fft', () => {
  for (const n of [1, 2, 3, 8, 12, 35, 97, 172]) {
    it(`is the sum of its definition at length ${n}`, () => {
      const [re, im] = [random(n, 1), random(n, 2)];
      const expected = Array.from({ length: n }, (_, k) => {
        let [x, y] = [0, 0];
        for (let j = 0; j < n; j++) {
          const angle = (-2 * Math.PI * j * k) / n;
          x += re[j]! * Math.cos(angle) - im[j]! * Math.sin(angle);
          y += re[j]! * Math.sin(angle) + im[j]! * Math.cos(angle);
        }
        return [x, y];
      });
      new Fft(n).transform(re, im);
      near(
        re,
        expected.map(([x]) => x!),
        1e-11,
      );
      near(
        im,
        expected.map(([, y]) => y!),
        1e-11,
      );
    });
  }
});

describe('CosineTransform', () => {
  for (const [n, rows] of [
    [1, 1],
    [2, 3],
    [5, 2],
    [12, 1],
    [64, 5],
    [97, 4],
  ] as const) {
    it(`is the orthonormal DCT-II of ${rows} rows of ${n}`, () => {
      const values = random(n * rows, n);
      const expected = Array.from({ length: n * rows }, (_, at) => {
        const k = at % n;
        const start = at - k;
        let sum = 0;
        for (let j = 0; j < n; j++) sum += values[start + j]! * Math.cos((Math.PI * (2 * j + 1) * k) / (2 * n));
        return sum * Math.sqrt((k === 0 ? 1 : 2) / n);
      });
      const transformed = values.slice();
      const transform = new CosineTransform(n);
      transform.forward(transformed);
      near(transformed, expected);
      transform.inverse(transformed);
      near(transformed, values);
    });
  }
});
