/** Where a layer holds NaN or infinity: for layers whose values nothing else has read. */
import { elementSize, widen } from '../../checkpoint/elements/dtype';
import type { EngineDocument } from '../document/engineDocument';
import { layerRows } from './layerInput';

/** Elements that are read and widened at one time: 32 MB in float64. */
const AT_ONCE = 4 * 1024 * 1024;

/**
 * @returns words that follow the layer's name; undefined if all of its elements are finite
 * @throws CheckpointError, EngineError `unknown-layer`, AbortError
 */
export async function whereNotFinite(
  document: EngineDocument,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { tensor, geometry } = document.layer(name);
  const { dtype } = tensor;
  const rows = layerRows(tensor, geometry);
  const perRow = tensor.byteLength / elementSize(dtype) / Math.max(1, tensor.shape[0] ?? 1);
  const cols = geometry?.cols ?? perRow;
  const band = Math.max(1, Math.floor(AT_ONCE / perRow));
  for (let start = rows.start; start < rows.end; start += band) {
    const bytes = await document.checkpoint.read(tensor, { start, end: Math.min(rows.end, start + band) }, signal);
    const values = widen(bytes, dtype);
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    const at = (start - rows.start) * perRow + bad;
    return `holds ${values[bad]!} at row ${Math.floor(at / cols)}, column ${at % cols}`;
  }
  return undefined;
}
