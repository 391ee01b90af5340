/** What a copy does to tensors that are stored encoded: kept, decoded, or refused. */
import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint';
import { agreeing } from '../shared/agreeing';
import { sizeText } from '../shared/exports/summaryFacts';
import { CompressionError } from './compressionError';
import { isFloatDType } from './narrow';

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

/**
 * True if a plain matrix of the checkpoint's own may take the tensor's place. Training state is not part of a model.
 */
export function isCompressible(checkpoint: Checkpoint, tensor: TensorInfo): boolean {
  return (
    isStored(tensor) &&
    isFloatDType(tensor.dtype) &&
    tensor.notModel === undefined &&
    whyNotReplaceable(checkpoint, tensor) === undefined
  );
}

/** Why plain numbers may not take the tensor's place, in words that follow its name; undefined if they may. */
export function whyNotReplaceable(checkpoint: Checkpoint, tensor: TensorInfo): string | undefined {
  if (tensor.slice) return `is a part of ${tensor.slice.of.name}, which is one tensor and can be compressed as one`;
  const parts = checkpoint.storedParts?.(tensor) ?? [];
  if (parts.length < 2) return undefined;
  return (
    `is stored quantised (${tensor.encoding?.name ?? `${parts.length} tensors`}), and plain numbers in its place would ` +
    'contradict the rest of the checkpoint; compress the model it was quantised from, and quantise the result'
  );
}

/** What a person should know before and after a tensor is replaced. */
export function replacementNotes(checkpoint: Checkpoint, replaced: TensorInfo): string[] {
  const refusal = whyNotReplaceable(checkpoint, replaced);
  if (refusal !== undefined) return [`This layer cannot be saved compressed: it ${refusal}.`];
  if (!replaced.encoding) return [];
  return [`The layer is stored as ${replaced.encoding.name}; what replaces it is stored as ${replaced.dtype}.`];
}

/** What a copy does to the tensors that are not replaced. */
export function copyNotes(checkpoint: Checkpoint, replaced: readonly TensorInfo[]): string[] {
  const names = new Set(replaced.map(({ name }) => name));
  const decoded = checkpoint.tensors.filter(
    (tensor) => !names.has(tensor.name) && isWrittenDecoded(checkpoint, tensor),
  );
  if (decoded.length === 0) return [];
  const encodings = [...new Set(decoded.map(({ encoding }) => encoding!.name))].join(', ');
  const types = [...new Set(decoded.map(({ dtype }) => dtype))].join(', ');
  const tensors = decoded.length === 1 ? '1 other tensor' : `${decoded.length} other tensors`;
  const verb = agreeing(decoded.length, 'is', 'are');
  const sum = (bytes: (tensor: TensorInfo) => number): string =>
    sizeText(decoded.reduce((total, tensor) => total + bytes(tensor), 0));
  // Else nobody expects that a file with a smaller layer is several times as large.
  const sizes = `${sum(({ byteLength }) => byteLength)} in place of ${sum(({ encoding }) => encoding!.byteLength)}`;
  return [`${tensors} stored as ${encodings} ${verb} written decoded, as ${types}: ${sizes}.`];
}

/** True for blocks of a format that no saved file has: a copy holds the tensor's elements, which take more bytes. */
export function isWrittenDecoded(checkpoint: Checkpoint, tensor: TensorInfo): boolean {
  return tensor.encoding !== undefined && isStored(tensor) && !checkpoint.storedParts?.(tensor);
}

/** False for what is only shown: what is made of stored tensors is not in the file, so a copy does not hold it either. */
export function isStored({ product, madeOf }: Pick<TensorInfo, 'product' | 'madeOf'>): boolean {
  return !product && !madeOf;
}
