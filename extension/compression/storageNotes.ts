/** What a copy does to tensors that are stored encoded: kept, decoded, or refused. */
import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint';
import { sizeText } from '../shared/exports/summaryFacts';
import { l10n } from '../shared/language/l10n';
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
  if (refusal !== undefined) return [l10n.english('This layer cannot be saved compressed: it {0}.', refusal)];
  if (!replaced.encoding) return [];
  const { encoding, dtype } = replaced;
  return [l10n.english('The layer is stored as {0}; what replaces it is stored as {1}.', encoding.name, dtype)];
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
  const sum = (bytes: (tensor: TensorInfo) => number): string =>
    sizeText(decoded.reduce((total, tensor) => total + bytes(tensor), 0));
  // Else nobody expects that a file with a smaller layer is several times as large.
  const [after, before] = [sum(({ byteLength }) => byteLength), sum(({ encoding }) => encoding!.byteLength)];
  return [
    decoded.length === 1
      ? l10n.english(
          '1 other tensor stored as {0} is written decoded, as {1}: {2} in place of {3}.',
          ...([encodings, types, after, before] as const),
        )
      : l10n.english(
          '{4} other tensors stored as {0} are written decoded, as {1}: {2} in place of {3}.',
          ...([encodings, types, after, before, decoded.length] as const),
        ),
  ];
}

/** Bytes of all tensors as stored, and of those that a copy has beside a matrix that is this share of a tensor. */
export function copySizes(
  checkpoint: Checkpoint,
  replaced: TensorInfo,
  share: number,
): { before: number; others: number } {
  const stored = checkpoint.tensors.filter(isStored);
  const asStored = ({ encoding, byteLength }: TensorInfo): number => encoding?.byteLength ?? byteLength;
  const copied = (tensor: TensorInfo): number => {
    const bytes = isWrittenDecoded(checkpoint, tensor) ? tensor.byteLength : asStored(tensor);
    return tensor.name === replaced.name ? (1 - share) * bytes : bytes;
  };
  const sum = (bytes: (tensor: TensorInfo) => number): number =>
    stored.reduce((total, tensor) => total + bytes(tensor), 0);
  return { before: sum(asStored), others: Math.round(sum(copied)) };
}

/** True for blocks of a format that no saved file has: a copy holds the tensor's elements, which take more bytes. */
export function isWrittenDecoded(checkpoint: Checkpoint, tensor: TensorInfo): boolean {
  return tensor.encoding !== undefined && isStored(tensor) && !checkpoint.storedParts?.(tensor);
}

/** False for what is only shown: what is made of stored tensors is not in the file, so a copy does not hold it either. */
export function isStored({ product, madeOf }: Pick<TensorInfo, 'product' | 'madeOf'>): boolean {
  return !product && !madeOf;
}
