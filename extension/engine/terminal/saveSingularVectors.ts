/** Singular vectors of one layer as a safetensors file: `U` rows×k, `S` k and `Vt` k×cols, as numpy's `svd` calls them. */
import { writeAtomically } from '../../compression/atomicFile';
import { layOut } from '../../compression/safetensorsLayout';
import { PYTORCH_FORMAT } from '../../compression/savedMetadata';
import { resolveTarget } from '../../compression/saveTarget';
import { version } from '../../../package.json';
import type { SingularVectors } from '../../shared/layers';
import type { EngineDocument } from '../document/engineDocument';
import type { ComputingParts } from '../requests/requestParts';
import { singularVectors } from '../requests/singularVectors';

/**
 * @param count all of them where undefined
 * @throws as `singularVectors`; CompressionError as `writeAtomically`
 */
export async function saveSingularVectors(
  parts: ComputingParts,
  document: EngineDocument,
  name: string,
  count: number | undefined,
  target: { path: string; overwrite: boolean },
  signal: AbortSignal,
): Promise<{ path: string; vectors: SingularVectors }> {
  const { checkpoint } = document;
  const protect = checkpoint.files;
  const { overwrite } = target;
  // Before the work: a refused target should not cost minutes.
  await resolveTarget(target.path, { protect, ofModel: true, overwrite });
  const vectors = await singularVectors(parts, document, name, count, signal);
  const { rows, cols, singularValues } = vectors;
  const k = singularValues.length;
  const data: Record<string, { shape: number[]; values: Float64Array }> = {
    U: { shape: [rows, k], values: transposed(vectors.left, k, rows) },
    S: { shape: [k], values: singularValues },
    Vt: { shape: [k, cols], values: vectors.right },
  };
  const entries = Object.entries(data).map(([key, { shape }]) => ({ name: key, dtype: 'F64', shape }) as const);
  const note = JSON.stringify({ version, source: checkpoint.path, layer: name, rank: k });
  const { header, order, fileBytes } = layOut(entries, { ...PYTORCH_FORMAT, eigenscope: note });
  const path = await writeAtomically(
    target.path,
    { size: fileBytes, protect, ofModel: true, overwrite, signal },
    async (append) => {
      await append(header);
      for (const entry of order) {
        const { buffer, byteOffset, byteLength } = data[entry.name]!.values;
        await append(new Uint8Array(buffer, byteOffset, byteLength));
      }
    },
  );
  return { path, vectors };
}

function transposed(x: Float64Array, rows: number, cols: number): Float64Array {
  const result = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) result[j * rows + i] = x[i * cols + j]!;
  return result;
}
