/**
 * Cuts a matrix product into pieces that are short enough for a thread with an event loop to serve. Cuts run along whole
 * rows of the stored matrices, so no operand is copied.
 */
import type { Accumulate, Multiply } from './productTypes';

/**
 * `multiply` with a turn of the event loop after every `limit` multiply-adds.
 *
 * @param accumulate for products of many pieces, which are then made in place
 */
export function inPieces(multiply: Multiply, accumulate: Accumulate, limit: number): Multiply {
  const accumulatePieces = accumulateInPieces(accumulate, limit);
  return async (a, b, m, n, k, transA, transB) => {
    assertSizes(a, b, m, n, k);
    if (m * n * k <= limit) {
      await eventLoopTurn();
      return m * n * k === 0 ? new Float64Array(m * n) : multiply(a, b, m, n, k, transA, transB);
    }
    const c = new Float64Array(m * n);
    if (!transA || !transB) {
      await accumulatePieces(c, a, b, m, n, k, transA, transB);
    } else {
      for (const [start, end] of ranges(n, limit / (m * k))) {
        await eventLoopTurn();
        const part = await multiply(a, b.subarray(start * k, end * k), m, end - start, k, true, true);
        for (let i = 0, width = end - start; i < m; i++) {
          c.set(part.subarray(i * width, i * width + width), i * n + start);
        }
      }
    }
    return c;
  };
}

/** The same for a product that is added to `c`: along the rows of C, or along the summed dimension where A is transposed. */
export function accumulateInPieces(accumulate: Accumulate, limit: number): Accumulate {
  return async (c, a, b, m, n, k, transA, transB) => {
    assertSizes(a, b, m, n, k);
    if (c.length !== m * n) throw new RangeError(`a ${m}×${n} sum was given ${c.length} elements`);
    if (m * n * k === 0) return;
    if (!transA) {
      for (const [start, end] of ranges(m, limit / (n * k))) {
        await eventLoopTurn();
        const rows = [c.subarray(start * n, end * n), a.subarray(start * k, end * k)] as const;
        await accumulate(...rows, b, end - start, n, k, false, transB);
      }
    } else {
      // The rows of a transposed B cannot be cut along the summed dimension without a copy.
      for (const [start, end] of transB ? [[0, k] as const] : ranges(k, limit / (m * n))) {
        await eventLoopTurn();
        const rows = [a.subarray(start * m, end * m), transB ? b : b.subarray(start * n, end * n)] as const;
        await accumulate(c, ...rows, m, n, end - start, true, transB);
      }
    }
  };
}

function assertSizes(a: Float64Array, b: Float64Array, m: number, n: number, k: number): void {
  if (a.length !== m * k || b.length !== k * n) {
    throw new RangeError(`a ${m}×${k} by ${k}×${n} product was given ${a.length} and ${b.length} elements`);
  }
}

/** Lets timers, messages and cancels through. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** [0, length) in about equal parts of at most `step` (at least 1). */
function* ranges(length: number, step: number): Generator<[number, number]> {
  const parts = Math.ceil(length / Math.max(1, Math.floor(step)));
  for (let i = 0; i < parts; i++) {
    yield [Math.floor((i * length) / parts), Math.floor(((i + 1) * length) / parts)];
  }
}
