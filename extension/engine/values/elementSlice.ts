/** Elements of a part of a layer, as numbers. */
import { widen } from '../../checkpoint/elements/dtype';
import { MOST_ELEMENTS, type ElementRange, type ElementSlice, type ElementTable } from '../../shared/elements';
import type { EngineDocument } from '../document/engineDocument';
import { EngineError } from '../layer/engineLayer';
import { reserved, type RequestParts } from '../requests/requestParts';
import { assertWithin, elementBands, elementGrid } from './elementGrid';

/**
 * @throws EngineError `unknown-layer`, `out-of-range`, `limit`; CheckpointError as `Checkpoint.read`, `unsupported` for
 *   complex elements; DOMException `AbortError`
 */
export async function elementSlice(
  { memory }: Pick<RequestParts, 'memory'>,
  document: EngineDocument,
  name: string,
  range: ElementRange,
  signal: AbortSignal,
): Promise<ElementSlice> {
  const layer = document.layer(name);
  const grid = elementGrid(name, layer);
  const { stored: _, bandBytes, ...table } = grid;
  assertWithin(table, range);
  const count = range.rows * range.cols;
  if (count > MOST_ELEMENTS) {
    throw new EngineError('limit', `${count} elements were asked for, and one answer has ${MOST_ELEMENTS} at most`);
  }
  const values = new Float64Array(count);
  await reserved(memory, name, 2 * bandBytes, signal, async () => {
    let at = 0;
    for await (const { bytes } of elementBands(document.checkpoint, layer, grid, range, signal)) {
      at += widen(bytes, table.dtype, values.subarray(at)).length;
    }
  });
  const rounded =
    /64$/.test(table.dtype) && /^[IU]/.test(table.dtype) && values.some((value) => Math.abs(value) > 2 ** 53);
  return { ...table, range, values, ...(rounded && { rounded: true }) };
}

/** Rows and columns of a layer. @throws EngineError `unknown-layer` */
export function elementTable(document: EngineDocument, name: string): ElementTable {
  const { stored: _, bandBytes: __, ...table } = elementGrid(name, document.layer(name));
  return table;
}
