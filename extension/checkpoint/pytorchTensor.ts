/** From a tensor as the pickle describes it to one that can be read: checked against what the file really holds. */
import type { TensorInfo } from './checkpoint';
import { elementSize } from './dtype';
import { decodedType, packedBits, type PackedType } from './packedElements';
import { PickleBytes, PickleStorage, PickleTensor } from './pickleValues';
import type { StorageProblem, StorageSource } from './pytorchStorage';
import { elementCount } from './shape';
import type { NamedTensor } from './stateDict';
import { viewBytes, viewProblem, type TensorView } from './tensorView';

export interface TorchTensor {
  readonly info: TensorInfo;
  readonly view: TensorView;
  /** Where one element of the view is several of the tensor's along the last axis. */
  readonly packed?: PackedType;
  /** Where the bytes are: a storage of the file, or the pickle itself. */
  readonly source: PickleStorage | PickleBytes;
}

/** What the table shows of a tensor, or why it can't be read. */
export function tensorOf(
  { name, group, value }: NamedTensor,
  storages: StorageSource,
  places: SharedPlaces,
): TorchTensor | StorageProblem {
  if (!(value instanceof PickleTensor)) return value;
  const { storage } = value;
  const view = viewOf(value, storages);
  const problem = sizeProblem(storage, view, storages);
  if (problem) return problem;
  const byteLength = viewBytes(view)!;
  const { shape, dtype } = view;
  const plain: TensorInfo = { name, group, shape, dtype, byteLength, kernelLayout: 'OI…' };
  const { packed } = value;
  const info = packed ? unpacked(plain, packed) : plain;
  // Elements inside of the pickle have no place that another tensor could share, and no elements share nothing.
  const shared = storage instanceof PickleStorage && byteLength > 0 ? places.add(storage.key, view, name) : undefined;
  const shown = shared === undefined ? info : { ...info, sharedWith: shared };
  return { info: shown, view, source: storage, ...(packed && { packed }) };
}

/** PyTorch counts the bytes of packed elements; the table shows the elements. A scalar byte becomes an axis. */
function unpacked(bytes: TensorInfo, packed: PackedType): TensorInfo {
  const dtype = decodedType(packed);
  const perByte = 8 / packedBits(packed);
  const shape = [...bytes.shape.slice(0, -1), (bytes.shape.at(-1) ?? 1) * perByte];
  const byteLength = bytes.byteLength * perByte * elementSize(dtype);
  return { ...bytes, shape, dtype, byteLength, encoding: { name: packed, byteLength: bytes.byteLength } };
}

/** Finds tensors over the very same bytes. Places are spelled out only where a storage has more than one tensor. */
export class SharedPlaces {
  private readonly firstOfStorage = new Map<string, { view: TensorView; name: string }>();
  private readonly firstOfPlace = new Map<string, string>();

  /** Name of the first tensor at this place, where there was one before. */
  add(key: string, view: TensorView, name: string): string | undefined {
    const first = this.firstOfStorage.get(key);
    if (!first) {
      this.firstOfStorage.set(key, { view, name });
      return undefined;
    }
    const firstPlace = placeOf(key, first.view);
    if (!this.firstOfPlace.has(firstPlace)) this.firstOfPlace.set(firstPlace, first.name);
    const place = placeOf(key, view);
    const known = this.firstOfPlace.get(place);
    if (known === undefined) this.firstOfPlace.set(place, name);
    return known;
  }
}

function placeOf(key: string, view: TensorView): string {
  return JSON.stringify([key, view.dtype, view.byteOffset, view.shape, view.strides]);
}

function viewOf(
  { storage, dtype, shape, strides, offset, bigEndian }: PickleTensor,
  storages: StorageSource,
): TensorView {
  const start = storage instanceof PickleBytes ? 0 : storage.viewOffset * storage.type.bytes;
  return {
    dtype,
    shape,
    strides,
    byteOffset: start + offset * elementSize(dtype),
    bigEndian: storage instanceof PickleBytes ? bigEndian : storages.bigEndian,
  };
}

function sizeProblem(
  storage: PickleStorage | PickleBytes,
  view: TensorView,
  storages: StorageSource,
): StorageProblem | undefined {
  if (storage instanceof PickleBytes) return viewProblem(view, storage.bytes.length);
  // A tensor without elements needs no storage.
  if (elementCount(view.shape) === 0) return undefined;
  const stored = storages.locate(storage);
  if (typeof stored !== 'number') return stored;
  return viewProblem(view, Math.min(stored, (storage.viewOffset + storage.length) * storage.type.bytes));
}
