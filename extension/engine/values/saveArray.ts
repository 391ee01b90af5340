/** Saves a tensor, a part of it, or its singular values as an `.npy` file. */
import { elementSize, widen } from '../../checkpoint/elements/dtype';
import { numpyDescription, numpyHeader } from '../../checkpoint/numpy/writeNumpy';
import type { Append } from '../../compression/appender';
import { writeAtomically } from '../../compression/atomicFile';
import { resolveTarget } from '../../compression/saveTarget';
import type { ArrayContents, ElementRange, SavedArray } from '../../shared/elements';
import type { InspectSettings } from '../../shared/layers';
import type { DType } from '../../shared/tensors';
import type { EngineDocument } from '../document/engineDocument';
import { EngineError } from '../layer/engineLayer';
import { reserved, type RequestParts } from '../requests/requestParts';
import { assertWithin, elementBands, elementGrid } from './elementGrid';

interface SavedContents {
  shape: readonly number[];
  dtype: DType;
  elements: number;
  /** Appends the elements, row-major, as stored. */
  write: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>;
}

/**
 * @param target may exist already: the person was asked
 * @throws EngineError, CheckpointError; CompressionError as `writeAtomically`; DOMException `AbortError`. The target is
 *   then as it was
 */
export async function saveArray(
  parts: Pick<RequestParts, 'outcomes' | 'memory' | 'notify'>,
  document: EngineDocument,
  { layer, contents, target }: { layer: string; contents: ArrayContents; target: string },
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<SavedArray> {
  const place = { protect: document.summary.files, ofModel: true, overwrite: true };
  // Before a spectrum is computed, which may take minutes.
  await resolveTarget(target, place);
  const { shape, dtype, elements, write } =
    contents.kind === 'singular-values'
      ? await singularValues(parts, document, layer, settings, signal)
      : storedElements(parts, document, layer, contents.kind === 'slice' ? contents.range : null, signal);
  const { descr, type, as } = numpyDescription(dtype);
  const header = numpyHeader(descr, shape);
  const size = header.length + elements * elementSize(as);
  let written = 0;
  const produce = async (append: Append): Promise<void> => {
    await append(header);
    await write(async (bytes) => {
      await append(as === dtype ? bytes : float32(bytes, dtype));
      written += bytes.length / elementSize(dtype);
      parts.notify('saving', { ...document.stamp, fraction: written / Math.max(1, elements), message: layer });
    });
  };
  const path = await writeAtomically(target, { ...place, size, signal }, produce);
  const notes = as === dtype ? [] : [`${dtype} is written as ${type}, which holds it exactly.`];
  return { path, bytes: size, shape, type, notes };
}

async function singularValues(
  { outcomes }: Pick<RequestParts, 'outcomes'>,
  document: EngineDocument,
  name: string,
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<SavedContents> {
  const { rankEigenvalues, result } = await outcomes.outcome(document, name, settings, signal);
  const elements = rankEigenvalues.length;
  if (elements === 0) {
    const why = result.noSpectrum ?? result.problems[0]?.message ?? 'no matrix';
    throw new EngineError('no-spectrum', `${name} has no singular values: ${why}`);
  }
  // The largest first, as numpy's `svd` gives them.
  const sigma = rankEigenvalues.map(Math.sqrt).reverse();
  return { shape: [elements], dtype: 'F64', elements, write: (append) => append(new Uint8Array(sigma.buffer)) };
}

/** @param range null for the tensor (or the matrix of a stack) in its own shape */
function storedElements(
  { memory }: Pick<RequestParts, 'memory'>,
  document: EngineDocument,
  name: string,
  range: ElementRange | null,
  signal: AbortSignal,
): SavedContents {
  const layer = document.layer(name);
  const grid = elementGrid(name, layer);
  const { dtype } = grid;
  if (range) assertWithin(grid, range);
  const isOneOfMany = layer.geometry?.expert !== undefined;
  const shape = range ? [range.rows, range.cols] : isOneOfMany ? grid.shape.slice(1) : grid.shape;
  const taken = range ?? { row: 0, col: 0, rows: grid.rows, cols: grid.cols };
  return {
    ...{ shape, dtype, elements: taken.rows * taken.cols },
    write: (append) =>
      reserved(memory, name, 3 * grid.bandBytes, signal, async () => {
        for await (const { bytes } of elementBands(document.checkpoint, layer, grid, taken, signal))
          await append(bytes);
      }),
  };
}

function float32(bytes: Uint8Array, dtype: DType): Uint8Array {
  return new Uint8Array(Float32Array.from(widen(bytes, dtype)).buffer);
}
