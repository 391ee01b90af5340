/** What a copy does to tensors that are stored encoded: kept, decoded, or refused. */
import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint';
import { CompressionError } from './compressionError';

/**
 * A weight that is stored as codes and scales cannot be replaced by plain numbers: the checkpoint's configuration says
 * that it is quantised, and programs would look for its codes.
 *
 * @throws CompressionError `unsupported`
 */
export function assertReplaceable(checkpoint: Checkpoint, tensor: TensorInfo): void {
  const refusal = whyNotReplaceable(checkpoint, tensor);
  if (refusal !== undefined) throw new CompressionError('unsupported', refusal, { layer: tensor.name });
}

function whyNotReplaceable(checkpoint: Checkpoint, tensor: TensorInfo): string | undefined {
  if (tensor.slice) return `is a part of ${tensor.slice.of.name}, which is one tensor and can be compressed as one`;
  const parts = checkpoint.storedParts?.(tensor) ?? [];
  if (parts.length < 2) return undefined;
  return (
    `is stored quantised (${tensor.encoding?.name ?? `${parts.length} tensors`}), and plain numbers in its place would ` +
    'contradict the rest of the checkpoint; compress the model it was quantised from, and quantise the result'
  );
}

/** What a person should know before and after saving with this tensor replaced. */
export function storageNotes(checkpoint: Checkpoint, replaced: TensorInfo): string[] {
  const notes: string[] = [];
  const refusal = whyNotReplaceable(checkpoint, replaced);
  if (refusal !== undefined) notes.push(`This layer cannot be saved compressed: it ${refusal}.`);
  else if (replaced.encoding) {
    notes.push(`The layer is stored as ${replaced.encoding.name}; what replaces it is stored as ${replaced.dtype}.`);
  }
  const decoded = checkpoint.tensors.filter(
    (tensor) => tensor.encoding && tensor.name !== replaced.name && !checkpoint.storedParts?.(tensor),
  );
  if (decoded.length > 0) {
    const names = [...new Set(decoded.map(({ encoding }) => encoding!.name))].join(', ');
    const types = [...new Set(decoded.map(({ dtype }) => dtype))].join(', ');
    const tensors = decoded.length === 1 ? '1 other tensor' : `${decoded.length} other tensors`;
    notes.push(`${tensors} stored as ${names} ${decoded.length === 1 ? 'is' : 'are'} written decoded, as ${types}.`);
  }
  return notes;
}
