/** From a tensor as the pickle describes it to one that can be read: checked against what the file really holds. */
import type { PackedType } from '../../shared/tensors';
import { AffineRows, type AffineScales } from '../quantised/affineCodes';
import type { TensorInfo } from '../checkpoint';
import { elementSize, widen } from '../elements/dtype';
import { decodedType, decodePacked, packedBits } from '../elements/packedElements';
import {
  PickleBytes,
  PickleStorage,
  PickleTensor,
  type KnownTensor,
  type PickleQuantiser,
} from '../pickle/pickleValues';
import type { StorageProblem, StorageSource } from './pytorchStorage';
import type { RowRange } from '../elements/rowBand';
import type { RowSource } from '../elements/rowSource';
import type { SourcedTensor } from '../elements/sourcedCheckpoint';
import { elementCount, contiguousStrides } from '../elements/shape';
import type { NamedTensor } from './stateDict';
import { readView, viewBytes, viewProblem, type TensorView } from '../elements/tensorView';

/** What the table shows of a tensor and how it is read, or why it can't be. */
export function tensorOf(
  tensor: NamedTensor,
  storages: StorageSource,
  places: SharedPlaces,
): SourcedTensor | StorageProblem {
  const found = readableTensor(tensor, storages, places);
  const { notModel } = tensor;
  return notModel !== undefined && 'info' in found ? { ...found, info: { ...found.info, notModel } } : found;
}

function readableTensor(
  { name, group, value }: NamedTensor,
  storages: StorageSource,
  places: SharedPlaces,
): SourcedTensor | StorageProblem {
  if (!(value instanceof PickleTensor)) return value.known ? listed(name, group, value.reason, value.known) : value;
  const { storage, traits } = value;
  const { packed, quantiser, partOf } = traits;
  const view = viewOf(value, storages);
  const problem = sizeProblem(storage, view, storages) ?? (quantiser && scalesProblem(quantiser, storages));
  if (problem) return problem;
  const byteLength = viewBytes(view)!;
  const { shape, dtype } = view;
  const whole: TensorInfo = { name, group, shape, dtype, byteLength, kernelLayout: 'OI…' };
  const plain = partOf ? { ...whole, encoding: { name: `part of a ${partOf.name}`, byteLength } } : whole;
  const stored = new StoredView(view, storage, storages);
  const info = packed ? unpacked(plain, packed) : plain;
  const source = packed ? new PackedRows(stored, shape, packed) : stored;
  if (quantiser) return dequantised(info, source, quantiser, storages, byteLength);
  // Elements inside of the pickle have no place that another tensor could share, and no elements share nothing.
  const shared = storage instanceof PickleStorage && byteLength > 0 ? places.add(storage.key, view, name) : undefined;
  return { info: shared === undefined ? info : { ...info, sharedWith: shared }, source };
}

function listed(name: string, group: string, reason: string, known: KnownTensor): SourcedTensor {
  const { shape, dtype, encoding } = known;
  const byteLength = (elementCount(shape) as number) * elementSize(dtype);
  return { info: { name, group, shape, dtype, byteLength, encoding, unreadable: reason, kernelLayout: 'OI…' } };
}

/** PyTorch counts the bytes of packed elements; the table shows the elements. A scalar byte becomes an axis. */
function unpacked(bytes: TensorInfo, packed: PackedType): TensorInfo {
  const dtype = decodedType(packed);
  const perByte = 8 / packedBits(packed);
  const shape = [...bytes.shape.slice(0, -1), (bytes.shape.at(-1) ?? 1) * perByte];
  const byteLength = bytes.byteLength * perByte * elementSize(dtype);
  return { ...bytes, shape, dtype, byteLength, encoding: { name: packed, byteLength: bytes.byteLength } };
}

/** The tensor that its codes stand for. */
function dequantised(
  codes: TensorInfo,
  source: RowSource,
  quantiser: PickleQuantiser,
  storages: StorageSource,
  codeBytes: number,
): SourcedTensor {
  const { shape } = codes;
  const { name, scales, zeroPoints, axis } = quantiser;
  const bytes = codeBytes + (axis === undefined ? 0 : storedBytes(scales) + storedBytes(zeroPoints));
  const byteLength = (codes.byteLength / elementSize(codes.dtype)) * elementSize('F32');
  const info: TensorInfo = { ...codes, dtype: 'F32', byteLength, encoding: { name, byteLength: bytes } };
  const layout = { shape, codes: codes.dtype as 'I8' | 'U8' | 'I32', ...(axis !== undefined && { axis }) };
  const readScales = async (signal?: AbortSignal): Promise<AffineScales> => ({
    scales: await numbers(scales, storages, signal),
    zeroPoints: await numbers(zeroPoints, storages, signal),
  });
  return { info, source: new AffineRows(layout, source, readScales) };
}

type Numbers = PickleQuantiser['scales'];

function storedBytes(values: Numbers): number {
  return values instanceof PickleTensor ? values.shape[0]! * elementSize(values.dtype) : 8 * values.length;
}

async function numbers(values: Numbers, storages: StorageSource, signal?: AbortSignal): Promise<Float64Array> {
  if (!(values instanceof PickleTensor)) return values;
  const stored = new StoredView(viewOf(values, storages), values.storage, storages);
  return widen(await stored.readRows({ start: 0, end: values.shape[0]! }, signal), values.dtype);
}

function scalesProblem({ scales, zeroPoints }: PickleQuantiser, storages: StorageSource): StorageProblem | undefined {
  for (const values of [scales, zeroPoints]) {
    if (!(values instanceof PickleTensor)) continue;
    const problem = sizeProblem(values.storage, viewOf(values, storages), storages);
    if (problem) return { ...problem, reason: `is quantised, and its scales or zero points: ${problem.reason}` };
  }
  return undefined;
}

/** A view on a storage of the file, or on bytes inside of the pickle. */
class StoredView implements RowSource {
  constructor(
    private readonly view: TensorView,
    private readonly stored: PickleStorage | PickleBytes,
    private readonly storages: StorageSource,
  ) {}

  readRows(rows: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    const { stored, storages } = this;
    return readView(this.view, rows, (from, to) =>
      stored instanceof PickleBytes
        ? Promise.resolve(new Uint8Array(stored.bytes.subarray(from, to)))
        : storages.read(stored, from, to, this.isWhole(stored), signal),
    );
  }

  /** True where the rows, one after the other, are the whole storage as it is stored. */
  private isWhole(stored: PickleStorage): boolean {
    const { shape, strides, byteOffset } = this.view;
    const inOrder = contiguousStrides(shape).every((stride, axis) => shape[axis]! < 2 || stride === strides[axis]);
    return inOrder && byteOffset === 0 && viewBytes(this.view) === this.storages.locate(stored);
  }
}

/** Rows of a view whose bytes hold several elements each along the last axis. */
class PackedRows implements RowSource {
  constructor(
    private readonly stored: StoredView,
    /** In bytes. */
    private readonly shape: readonly number[],
    private readonly packed: PackedType,
  ) {}

  async readRows({ start, end }: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    const perByte = 8 / packedBits(this.packed);
    // If the packed axis is the only one, a row is one element.
    const single = this.shape.length <= 1 && start < end;
    const rows = single ? { start: Math.floor(start / perByte), end: Math.ceil(end / perByte) } : { start, end };
    const bytes = await this.stored.readRows(rows, signal);
    const skip = single ? start - rows.start * perByte : 0;
    return decodePacked(bytes, this.packed, skip, single ? end - start : bytes.length * perByte);
  }
}

/** Finds tensors over the very same bytes. Places are spelled out only where a storage has more than one tensor. */
export class SharedPlaces {
  private readonly firstOfStorage = new Map<string, { view: TensorView; name: string; spelled: boolean }>();
  private readonly firstOfPlace = new Map<string, string>();

  /** Name of the first tensor at this place, where there was one before. */
  add(key: string, view: TensorView, name: string): string | undefined {
    const first = this.firstOfStorage.get(key);
    if (!first) {
      this.firstOfStorage.set(key, { view, name, spelled: false });
      return undefined;
    }
    if (!first.spelled) this.firstOfPlace.set(placeOf(key, first.view), first.name);
    first.spelled = true;
    const place = placeOf(key, view);
    const known = this.firstOfPlace.get(place);
    if (known === undefined) this.firstOfPlace.set(place, name);
    return known;
  }
}

function placeOf(key: string, view: TensorView): string {
  const { dtype, byteOffset, shape, strides } = view;
  return `${dtype} ${byteOffset} ${shape.join()} ${strides.join()} ${key}`;
}

function viewOf({ storage, dtype, shape, strides, offset, traits }: PickleTensor, storages: StorageSource): TensorView {
  const start = storage instanceof PickleBytes ? 0 : storage.viewOffset * storage.type.bytes;
  return {
    dtype,
    shape,
    strides,
    byteOffset: start + offset * elementSize(dtype),
    bigEndian: storage instanceof PickleBytes ? traits.bigEndian === true : storages.bigEndian,
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
