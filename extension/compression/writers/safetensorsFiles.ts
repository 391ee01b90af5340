/**
 * Tensors as one safetensors file, or as shards with an index, named as Hugging Face's programs name and find them.
 *
 * @see https://github.com/huggingface/huggingface_hub src/huggingface_hub/serialization/_base.py
 *   (`split_state_dict_into_shards_factory`: in order, a shard ends before the tensor that would make it too large)
 */
import { product } from '../../shared/matrixAxes';
import { CompressionError } from '../compressionError';
import { byteLength, layOut } from '../safetensorsLayout';
import { textFile } from './modelFiles';
import type { WrittenTensor } from './modelTensors';
import type { OutputFile } from './writer';

/** What Hugging Face's writers take unless told otherwise. */
export const DEFAULT_SHARD_BYTES = 5e9;

/** Shards are numbered with five digits. */
const MAX_SHARDS = 99_999;

export interface TensorFiles {
  /** Before `.safetensors`: `model`, `adapter_model`. */
  readonly stem: string;
  /** Below the target, with `/`; the target itself without. */
  readonly folder?: string;
  readonly tensors: readonly WrittenTensor[];
  /** The same in every shard. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly shardBytes: number;
}

/**
 * @returns the files in the order in which they are written, the index last
 * @throws CompressionError `name-collision`, `unsupported`
 */
export function safetensorsFiles({ stem, folder, tensors, metadata, shardBytes }: TensorFiles): OutputFile[] {
  // Before they are split: two shards could hide two tensors of one name.
  layOut(tensors, metadata);
  const { total_size: _, total_parameters, ...own } = metadata;
  const shards = split(tensors, shardBytes);
  if (shards.length > MAX_SHARDS) {
    throw new CompressionError(
      'unsupported',
      `shards of ${shardBytes} bytes would be ${shards.length} files, and at most ${MAX_SHARDS} are numbered; choose larger ones`,
    );
  }
  const place = (name: string): string => (folder === undefined ? name : `${folder}/${name}`);
  if (shards.length === 1) return [safetensorsFile(place(`${stem}.safetensors`), tensors, metadata)];
  const total = numbered(shards.length);
  const names = shards.map((_, index) => `${stem}-${numbered(index + 1)}-of-${total}.safetensors`);
  const weightMap = shards.flatMap((shard, index) => shard.map(({ name }) => [name, names[index]!] as const));
  const index = {
    metadata: {
      total_size: tensors.reduce((sum, tensor) => sum + byteLength(tensor), 0),
      ...(total_parameters !== undefined && {
        total_parameters: tensors.reduce((sum, { shape }) => sum + product(shape), 0),
      }),
    },
    weight_map: Object.fromEntries(weightMap.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
  return [
    ...shards.map((shard, at) => safetensorsFile(place(names[at]!), shard, own)),
    textFile(place(`${stem}.safetensors.index.json`), `${JSON.stringify(index, undefined, 2)}\n`),
  ];
}

function numbered(index: number): string {
  return String(index).padStart(5, '0');
}

function split(tensors: readonly WrittenTensor[], shardBytes: number): (readonly WrittenTensor[])[] {
  const shards: WrittenTensor[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    const length = byteLength(tensor);
    if (bytes + length > shardBytes && shards.at(-1)!.length > 0) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(tensor);
    bytes += length;
  }
  return shards;
}

function safetensorsFile(
  path: string,
  tensors: readonly WrittenTensor[],
  metadata: Readonly<Record<string, string>>,
): OutputFile {
  const { header, order, fileBytes } = layOut(tensors, metadata);
  return {
    path,
    bytes: fileBytes,
    tensorBytes: fileBytes - header.length,
    pieces: [...new Set(tensors.flatMap(({ pieces = [] }) => pieces))],
    write: async (append, pieces, signal) => {
      await append(header);
      for (const tensor of order) await tensor.write(append, pieces, signal);
    },
  };
}
