/**
 * The `.metadata` of a torch.distributed.checkpoint: which tensors there are, the chunks they were cut into, and the place
 * of each chunk's record. A pickle, interpreted as data.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.8.0/torch/distributed/checkpoint/metadata.py
 * @see https://github.com/pytorch/pytorch/blob/v2.8.0/torch/distributed/checkpoint/filesystem.py, `_StorageInfo`
 */
import type { DType } from '../../shared/tensors';
import { CheckpointError } from '../checkpointError';
import { tilingProblem, TilingBudget, type Block } from '../elements/chunkTiling';
import { isLongName, longName } from '../elements/names';
import { asCount, asCounts, BadArguments, itemsOf } from '../pickle/pickleArguments';
import { PickleDict, PickleDType, PickleObject, type PickleValue } from '../pickle/pickleValues';
import type { ProblemList } from '../problemList';
import { elementCount, MAX_RANK, MAX_TENSORS } from '../elements/shape';

/** The place of a chunk's record, or of an object's that is not a tensor. */
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

/**
 * Chunks of all tensors, at 4 µs each: a thousand tensors on 400 ranks. A pickle can list the same ones again and
 * again.
 */
const MAX_CHUNKS = 400_000;

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
  const budget = new TilingBudget();
  let chunks = 0;
  const tensors: DistributedTensor[] = [];
  const objects = new Map<string, RecordPlace>();
  for (const [key, entry] of entries.entries()) {
    if (typeof key !== 'string') {
      problems.add('malformed', 'lists a tensor whose name is not text, which is not shown');
      continue;
    }
    if (isLongName(key)) {
      problems.add('limit', `${longName(key)}, so the tensor is not shown`);
      continue;
    }
    chunks += itemsOf(fieldOf(entry, 'chunks')).length;
    if (chunks > MAX_CHUNKS) {
      const message = `lists more than ${MAX_CHUNKS} chunks: only the ${tensors.length} tensors before ${key.slice(0, 200)} are shown`;
      problems.add('limit', message);
      break;
    }
    try {
      if (isInstance(entry, 'BytesStorageMetadata')) objects.set(key, places.of(key));
      else tensors.push(tensorOf(key, entry, places, budget));
    } catch (error) {
      if (!(error instanceof BadArguments)) throw error;
      problems.add(error.code, error.message, { tensor: key });
    }
  }
  return { tensors, objects };
}

function tensorOf(name: string, entry: PickleValue, places: Places, budget: TilingBudget): DistributedTensor {
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
  const problem = tilingProblem(shape, blocks, budget);
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
  /** By name, then by the place of the chunk: joined, a long name would be there once for every chunk. */
  private readonly byName = new Map<string, Map<string, PickleValue>>();

  constructor(stored: PickleDict) {
    for (const [index, info] of stored.entries()) {
      const name = fieldOf(index, 'fqn');
      const offset = fieldOf(index, 'offset') ?? null;
      const offsets = offset === null ? undefined : itemsOf(offset);
      // The chunk of no tensor.
      if (typeof name !== 'string' || (offsets && offsets.length > MAX_RANK)) continue;
      const places = this.byName.get(name) ?? new Map<string, PickleValue>();
      places.set(keyOf(offsets), info);
      this.byName.set(name, places);
    }
  }

  /** @throws BadArguments */
  of(name: string, offsets?: readonly number[]): RecordPlace {
    // Tensors that were not cut may have no place, or that of their first element.
    const places = this.byName.get(name);
    const whole = offsets?.every((offset) => offset === 0) ? places?.get(keyOf()) : undefined;
    const info = places?.get(keyOf(offsets)) ?? whole;
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

function keyOf(offsets?: readonly PickleValue[]): string {
  return offsets ? `[${offsets.map((offset) => (typeof offset === 'number' ? offset : '?')).join()}]` : '';
}

function isInstance(value: PickleValue, name: string): value is PickleObject {
  return value instanceof PickleObject && value.global.endsWith(`.${name}`);
}

/** What BUILD set. */
function fieldOf(object: PickleValue | undefined, name: string): PickleValue | undefined {
  return object instanceof PickleObject && object.state instanceof PickleDict ? object.state.get(name) : undefined;
}
