/**
 * Programs of `torch.export` (`.pt2`, since PyTorch 2.8): each model's parameters and buffers are listed in a JSON record,
 * `data/weights/MODEL_weights_config.json`, and their storages are records beside it.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.9.0/torch/export/pt2_archive/_package.py
 * @see https://github.com/pytorch/pytorch/blob/v2.9.0/torch/_export/serde/schema.py
 */
import { CheckpointError } from '../checkpointError';
import { isObject } from '../files/jsonFile';
import { JsonSyntaxError, objectEntries, parseValue, skipSpace, type JsonEntry } from '../files/jsonObject';
import { PickleDict, PickleStorage, PickleTensor, PickleUnreadable } from '../pickle/pickleValues';
import { isCount, MAX_RANK } from '../elements/shape';
import { torchDType } from './torchTypes';
import type { ZipArchive, ZipEntry } from '../containers/zipArchive';

/** Folder of the lists and the storages in the archive's own. */
export const WEIGHTS = 'data/weights/';

const LIST = new RegExp(`^(?:[^/]*/)?${WEIGHTS}([^/]*)_weights_config\\.json$`);

/** Weights of all models together: as many as of other graphs. */
const MAX_WEIGHTS = 131_072;

/** Bytes of all lists together: a tensor takes 350. */
const MAX_LIST_BYTES = 48 * 1024 * 1024;

/** Bytes of one tensor's description; a larger one is none, and could take a hundred times the memory. */
const MAX_WEIGHT_BYTES = 64 * 1024;

/** The models of a multi-model package; each is a list to read. */
const MAX_MODELS = 64;

/** `ScalarType` of the schema. */
const TYPES: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [1, 'uint8'],
  [2, 'int8'],
  [3, 'int16'],
  [4, 'int32'],
  [5, 'int64'],
  [6, 'float16'],
  [7, 'float32'],
  [8, 'float64'],
  [9, 'complex32'],
  [10, 'complex64'],
  [11, 'complex128'],
  [12, 'bool'],
  [13, 'bfloat16'],
  [28, 'uint16'],
  [29, 'float8_e4m3fn'],
  [30, 'float8_e5m2'],
  [31, 'float8_e4m3fnuz'],
  [32, 'float8_e5m2fnuz'],
  [33, 'float8_e8m0fnu'],
  [34, 'uint32'],
  [35, 'uint64'],
]);

/** `Layout` of the schema. */
const STRIDED = 7;

/** The records that list weights. */
export function weightLists(archive: ZipArchive): ZipEntry[] {
  return [...archive.entries.values()].filter(({ name }) => LIST.test(name));
}

/**
 * What the state_dict of the program is, or of each model by its name where there are several.
 *
 * @param file for errors
 * @returns the folder of the storages beside it
 * @throws CheckpointError `malformed`, `limit`, …
 */
export async function readExportedProgram(
  archive: ZipArchive,
  lists: readonly ZipEntry[],
  file: string,
  signal?: AbortSignal,
): Promise<{ root: PickleDict; folder: string }> {
  if (lists.length > MAX_MODELS) {
    throw new CheckpointError('limit', `holds ${lists.length} models; at most ${MAX_MODELS} are read`, { file });
  }
  const models = new PickleDict();
  let left = MAX_LIST_BYTES;
  let room = MAX_WEIGHTS;
  for (const entry of lists) {
    const json = Buffer.from((await archive.readWhole(entry, left, signal)).buffer);
    left -= json.length;
    try {
      const model = readList(json, archive, folderOf(entry), room);
      if (!model) throw new CheckpointError('limit', `lists more than ${MAX_WEIGHTS} tensors`, { file });
      room -= model.size;
      models.set(LIST.exec(entry.name)![1]!, model);
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      const message = `its record "${entry.name}" is damaged at byte ${error.offset}: ${error.message}`;
      throw new CheckpointError('malformed', message, { file, cause: error });
    }
  }
  const [[, only] = []] = models.entries();
  return { root: lists.length === 1 ? (only as PickleDict) : models, folder: folderOf(lists[0]!) };
}

function folderOf({ name }: ZipEntry): string {
  return name.slice(0, name.lastIndexOf('/') + 1);
}

/** Undefined where there are more than `room`. */
function readList(json: Buffer, archive: ZipArchive, folder: string, room: number): PickleDict | undefined {
  const tensors = new PickleDict();
  const storages = new Map<string, PickleStorage>();
  for (const field of objectEntries(json)) {
    if (field.key !== 'config' || json[skipSpace(json, field.start)] !== '{'.charCodeAt(0)) continue;
    let count = 0;
    for (const weight of objectEntries(json, field.start)) {
      if (++count > room) return undefined;
      tensors.set(weight.key, readWeight(json, weight, archive, folder, storages));
    }
  }
  return tensors;
}

function readWeight(
  json: Buffer,
  { start, end }: JsonEntry,
  archive: ZipArchive,
  folder: string,
  storages: Map<string, PickleStorage>,
): PickleTensor | PickleUnreadable {
  const malformed = (reason: string): PickleUnreadable => new PickleUnreadable('malformed', reason);
  if (end - start > MAX_WEIGHT_BYTES) return malformed(`its entry has ${end - start} bytes`);
  const weight = parseValue(json, start, end);
  const meta = isObject(weight) ? weight.tensor_meta : undefined;
  if (!isObject(weight) || !isObject(meta) || typeof weight.path_name !== 'string') {
    return malformed('its entry does not tell what and where it is');
  }
  if (weight.use_pickle === true) return new PickleUnreadable('unsupported', 'it is stored as a pickle of its own');
  const type = torchDType(`torch.${TYPES.get(meta.dtype)}`);
  if (!type?.dtype) {
    const name = type?.name ?? `of the number ${String(meta.dtype).slice(0, 20)}`;
    return new PickleUnreadable('unsupported', `its elements are of the type ${name}, which is not read`);
  }
  if (meta.layout !== STRIDED) return new PickleUnreadable('unsupported', 'its elements are not laid out by strides');
  const shape = countsOf(meta.sizes);
  const strides = countsOf(meta.strides);
  const offset = countOf(meta.storage_offset);
  if (!shape || !strides || offset === undefined || shape.length !== strides.length) {
    return malformed('its shape, its strides or where it begins are no numbers that go together');
  }
  const key = weight.path_name;
  let storage = storages.get(key);
  if (!storage) {
    const bytes = archive.entries.get(folder + key)?.size ?? 0;
    storages.set(key, (storage = new PickleStorage(key, type, Math.floor(bytes / type.bytes))));
  }
  return new PickleTensor(storage, type.dtype, offset, shape, strides);
}

/** `[{"as_int": 3}, …]`; undefined where sizes are symbols or no counts. */
function countsOf(value: unknown): number[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_RANK) return undefined;
  const counts = value.map(countOf).filter((count) => count !== undefined);
  return counts.length === value.length ? counts : undefined;
}

function countOf(value: unknown): number | undefined {
  const count = isObject(value) ? value.as_int : undefined;
  return isCount(count) ? count : undefined;
}
