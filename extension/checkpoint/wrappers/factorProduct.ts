/** Elements of a tensor that is the product of two stored factors, a band of rows at a time. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Checkpoint, Factor, FactorProduct, TensorInfo } from '../checkpoint';
import { widen } from '../elements/dtype';
import type { RowRange } from '../elements/rowBand';

/** Multiply-adds between two turns of the event loop: some 5 ms. */
const STEP = 4e6;

/**
 * Rows of scale · L·R, summed in float64 and rounded once to float32.
 *
 * @throws what `read` throws
 */
export async function readProduct(
  checkpoint: Pick<Checkpoint, 'read'>,
  { shape, product }: TensorInfo & { readonly product: FactorProduct },
  rows: RowRange,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { rank, scale } = product;
  const width = shape.slice(1).reduce((count, size) => count * size, 1);
  const left = await factorRows(checkpoint, product.left, rank, rows, signal);
  const right = await factorColumns(checkpoint, product.right, rank, width, signal);
  const result = new Float32Array((rows.end - rows.start) * width);
  const sum = new Float64Array(width);
  let sinceTurn = 0;
  for (let i = 0; i < rows.end - rows.start; i++) {
    sum.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = scale * left[i * rank + k]!;
      for (let j = 0, at = k * width; j < width; j++, at++) sum[j] = sum[j]! + factor * right[at]!;
    }
    result.set(sum, i * width);
    sinceTurn += rank * width;
    if (sinceTurn < STEP) continue;
    sinceTurn = 0;
    await nextTurn();
    signal?.throwIfAborted();
  }
  return new Uint8Array(result.buffer);
}

/** Rows of L, each of `rank` elements. */
async function factorRows(
  checkpoint: Pick<Checkpoint, 'read'>,
  { tensor, transposed }: Factor,
  rank: number,
  rows: RowRange,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  if (!transposed) return widen(await checkpoint.read(tensor, rows, signal), tensor.dtype);
  const stored = widen(await checkpoint.read(tensor, undefined, signal), tensor.dtype);
  const height = tensor.shape[1]!;
  return Float64Array.from({ length: (rows.end - rows.start) * rank }, (_, at) => {
    return stored[(at % rank) * height + rows.start + Math.floor(at / rank)]!;
  });
}

/** R, rank × width, row-major. */
async function factorColumns(
  checkpoint: Pick<Checkpoint, 'read'>,
  { tensor, transposed }: Factor,
  rank: number,
  width: number,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const stored = widen(await checkpoint.read(tensor, undefined, signal), tensor.dtype);
  if (!transposed) return stored;
  return Float64Array.from({ length: rank * width }, (_, at) => stored[(at % width) * rank + Math.floor(at / width)]!);
}
