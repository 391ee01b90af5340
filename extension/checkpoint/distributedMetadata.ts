/**
 * The `.metadata` of a torch.distributed.checkpoint: which tensors there are, the chunks they were cut into, and the place
 * of each chunk's record. A pickle, interpreted as data.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.8.0/torch/distributed/checkpoint/metadata.py
 * @see https://github.com/pytorch/pytorch/blob/v2.8.0/torch/distributed/checkpoint/filesystem.py, `_StorageInfo`
 */
import type { DType } from '../protocol';
import { CheckpointError } from './checkpoint';
import { tilingProblem, type Block } from './chunkTiling';
import { asCount, asCounts, BadArguments, itemsOf } from './pickleArguments';
import { PickleDict, PickleDType, PickleObject, type PickleValue } from './pickleValues';
import type { ProblemList } from './problemList';
import { elementCount, MAX_TENSORS } from './shape';

/** Where the record of a chunk, or of an object that is no tensor, lies. */
export interface RecordPlace {
  /** As the metadata write it: not yet known to be a file of the folder. */
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

export interface PlacedChunk extends Block {
  readonly place: RecordPlace;
}

export interface DistributedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly chunks: readonly PlacedChunk[];
}

export interface DistributedContents {
  readonly tensors: readonly DistributedTensor[];
  /** Pickled objects that are no tensors, by name. */
  readonly objects: ReadonlyMap<string, RecordPlace>;
}

/** `torch.distributed.checkpoint.metadata.Metadata`, and where that was before PyTorch 2. */
const METADATA = /^torch\.distributed\.(\w+\.)*Metadata$/;

/**
 * Tensors that contradict themselves are left out, and told.
 *
 * @throws CheckpointError `unknown-format` where it is not such metadata, `malformed` where the lists in it are missing
 */
export function readDistributedMetadata(root: PickleValue, file: string, problems: ProblemList): DistributedContents {
  if (!(root instanceof PickleObject) || !METADATA.test(root.global)) {
    throw new CheckpointError('unknown-format', 'is not the metadata of a distributed checkpoint', { file });
  }
  const entries = fieldOf(root, 'state_dict_metadata');
  const stored = fieldOf(root, 'storage_data');
  if (!(entries instanceof PickleDict) || !(stored instanceof PickleDict)) {
    const message = 'lists no tensors, or not where their data is: it may have been written by another program';
    throw new CheckpointError('malformed', message, { file });
  }
  if (entries.size > MAX_TENSORS) {
    throw new CheckpointError('limit', `lists more than ${MAX_TENSORS} tensors`, { file });
  }
  const places = new Places(stored);
  const tensors: DistributedTensor[] = [];
  const objects = new Map<string, RecordPlace>();
  for (const [key, entry] of entries.entries()) {
    if (typeof key !== 'string') continue;
    try {
      if (isInstance(entry, 'BytesStorageMetadata')) objects.set(key, places.of(key));
      else tensors.push(tensorOf(key, entry, places));
    } catch (error) {
      if (!(error instanceof BadArguments)) throw error;
      problems.add(error.code, error.message, { tensor: key });
    }
  }
  return { tensors, objects };
}

function tensorOf(name: string, entry: PickleValue, places: Places): DistributedTensor {
  if (!isInstance(entry, 'TensorStorageMetadata')) throw new BadArguments('it is neither a tensor nor bytes');
  const shape = asCounts(fieldOf(entry, 'size'), 'shape');
  const count = elementCount(shape);
  if (typeof count !== 'number') throw new BadArguments(`it ${count}`);
  const dtype = dtypeOf(fieldOf(entry, 'properties'));
  const chunks = new Map<string, Block>();
  for (const chunk of itemsOf(fieldOf(entry, 'chunks'))) {
    const offsets = asCounts(fieldOf(chunk, 'offsets'), "chunk's place");
    const sizes = asCounts(fieldOf(chunk, 'sizes'), "chunk's shape");
    // Ranks that hold the same chunk each list it; one wrote it.
    chunks.set(JSON.stringify([offsets, sizes]), { offsets, sizes });
  }
  const blocks = [...chunks.values()];
  const problem = tilingProblem(shape, blocks);
  if (problem !== undefined) throw new BadArguments(problem);
  const filled = blocks.filter(({ sizes }) => !sizes.includes(0));
  return { name, shape, dtype, chunks: filled.map((block) => ({ ...block, place: places.of(name, block.offsets) })) };
}

/** `TensorProperties`, whose state is (dtype, layout, requires_grad, memory format, pin_memory). */
function dtypeOf(properties: PickleValue | undefined): DType {
  const [type] = properties instanceof PickleObject ? itemsOf(properties.state) : [];
  if (!(type instanceof PickleDType)) throw new BadArguments('its element type is unknown', 'unsupported');
  if (!type.dtype || type.packed) throw new BadArguments(`elements of type ${type.name} are not read`, 'unsupported');
  return type.dtype;
}

/** `storage_data`: from a `MetadataIndex` (name, place of the chunk) to a `_StorageInfo`. */
class Places {
  private readonly byKey = new Map<string, PickleValue>();

  constructor(stored: PickleDict) {
    for (const [index, info] of stored.entries()) {
      const name = fieldOf(index, 'fqn');
      const offset = fieldOf(index, 'offset') ?? null;
      if (typeof name !== 'string') continue;
      this.byKey.set(keyOf(name, offset === null ? undefined : itemsOf(offset)), info);
    }
  }

  /** @throws BadArguments */
  of(name: string, offsets?: readonly number[]): RecordPlace {
    // Tensors that were not cut may have no place, or that of their first element.
    const whole = offsets?.every((offset) => offset === 0) ? this.byKey.get(keyOf(name)) : undefined;
    const info = this.byKey.get(keyOf(name, offsets)) ?? whole;
    if (info === undefined) {
      const chunk = offsets ? `its chunk at [${offsets.join(', ')}]` : 'it';
      throw new BadArguments(`${chunk} has no place in any file`);
    }
    const path = fieldOf(info, 'relative_path');
    if (typeof path !== 'string') throw new BadArguments('the name of the file that holds it is not text');
    const transforms = itemsOf(fieldOf(info, 'transform_descriptors'));
    if (transforms.length > 0) {
      const names = transforms.slice(0, 3).map((transform) => (typeof transform === 'string' ? transform : '…'));
      throw new BadArguments(
        `its data was transformed as it was saved (${names.join(', ').slice(0, 100)})`,
        'unsupported',
      );
    }
    const offset = asCount(fieldOf(info, 'offset'), 'offset');
    return { name: path, offset, length: asCount(fieldOf(info, 'length'), 'length') };
  }
}

function keyOf(name: string, offsets?: readonly PickleValue[]): string {
  return offsets ? `${offsets.map((offset) => (typeof offset === 'number' ? offset : '?')).join()} ${name}` : name;
}

function isInstance(value: PickleValue, name: string): value is PickleObject {
  return value instanceof PickleObject && value.global.endsWith(`.${name}`);
}

/** What BUILD set. */
function fieldOf(object: PickleValue | undefined, name: string): PickleValue | undefined {
  return object instanceof PickleObject && object.state instanceof PickleDict ? object.state.get(name) : undefined;
}
