/** The tensors that an index of a TensorFlow checkpoint lists, with where their elements come from. */
import type { DType } from '../../shared/tensors';
import { type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { elementSize } from '../elements/dtype';
import type { FileSet } from '../files/fileSet';
import { countNames, type ProblemList } from '../problemList';
import type { RowRange } from '../elements/rowBand';
import { ViewSource, type RowSource } from '../elements/rowSource';
import type { SourcedTensor } from '../elements/sourcedCheckpoint';
import { elementCount, contiguousStrides } from '../elements/shape';
import type { BundleEntry } from './tensorBundleEntry';
import type { BundleIndex, StoredSlice } from './tensorBundleIndex';
import { isOptimizerGroup, nameKeys } from './tensorBundleNames';
import { EntryBytes, shardFailure, type BundleShard, type Failure } from './tensorBundleShards';
import { joinSlices, MAX_SLICES, type Slice } from './tensorBundleSlices';
import { DT_STRING, isQuantised, tensorflowType } from './tensorflowTypes';

export interface BundleTensor extends SourcedTensor {
  /** The key in the index. */
  readonly key: string;
}

export interface BundlePlace {
  readonly index: BundleIndex;
  readonly file: string;
  readonly shards: ReadonlyMap<number, BundleShard>;
  readonly files: FileSet;
}

/**
 * All tensors of numbers, those whose elements are not there too. Texts are left out; types and shapes that cannot be are
 * told in `problems`.
 */
export function layOutBundle(place: BundlePlace, problems: ProblemList): BundleTensor[] {
  const known: { key: string; entry: BundleEntry; count: number }[] = [];
  for (const [key, entry] of place.index.tensors) {
    if (entry.type === DT_STRING) continue;
    const { name, dtype } = tensorflowType(entry.type);
    const count = elementCount(entry.shape);
    if (!dtype) problems.add('unsupported', `has elements of the type ${name}`, { tensor: key });
    else if (typeof count !== 'number') problems.add('malformed', count, { tensor: key });
    else known.push({ key, entry, count });
  }
  const names = nameKeys(known.map(({ key, entry }) => ({ key, shape: entry.shape.join() })));
  const lost = new Map<BundleShard, string[]>();
  const tensors = known.map(({ key, entry, count }, i): BundleTensor => {
    const info = infoOf(names[i]!, entry, count);
    const source = sourceOf(key, entry, info, place);
    if ('readRows' in source) return { key, info, source };
    const { code, reason, shard } = source;
    const failure = new CheckpointError(code, reason, { file: shard?.file ?? place.file, tensor: info.name });
    if (shard?.error) lost.set(shard, append(lost.get(shard), info.name));
    else problems.push(failure.toProblem());
    return { key, info: { ...info, unreadable: reason }, failure };
  });
  reportLost(lost, problems);
  reportStraySlices(place.index, problems);
  return tensors;
}

/** One file can lack a thousand tensors: one problem. */
function reportLost(lost: ReadonlyMap<BundleShard, readonly string[]>, problems: ProblemList): void {
  for (const [{ error }, names] of lost) {
    const { code, reason, where } = error!;
    const message = `${reason}, so ${countNames(names)} cannot be read`;
    problems.push(new CheckpointError(code, message, where).toProblem());
  }
}

function reportStraySlices({ tensors, slices }: BundleIndex, problems: ProblemList): void {
  const stray = [...slices.keys()].filter((key) => !tensors.get(key)?.slices);
  if (stray.length === 0) return;
  problems.add('malformed', `the index lists slices of ${countNames(stray)}, and not the tensors that they are of`);
}

function infoOf(
  { name, group }: { name: string; group: string },
  { type, shape }: BundleEntry,
  count: number,
): TensorInfo & { byteLength: number } {
  const known = tensorflowType(type);
  const dtype = known.dtype!;
  const byteLength = count * elementSize(dtype);
  return {
    ...{ name, group, shape, dtype, byteLength, kernelLayout: '…IO' as const },
    ...(isQuantised(known) && { encoding: { name: known.name, byteLength } }),
    ...(isOptimizerGroup(group) && { notModel: 'optimizer state' as const }),
  };
}

function sourceOf(key: string, entry: BundleEntry, info: TensorInfo, place: BundlePlace): RowSource | Failure {
  if (entry.slices === 0) return storedSource(entry, info, place);
  const stored = place.index.slices.get(key) ?? [];
  if (stored.length !== entry.slices || entry.slices > MAX_SLICES) {
    return malformed(`it is stored in ${entry.slices} slices, of which the index lists ${stored.length}`);
  }
  const slices: Slice[] = [];
  for (const slice of stored) {
    const source = sliceSource(slice, info, entry.type, place);
    if (!('readRows' in source)) return source;
    slices.push({ extents: slice.extents, shape: slice.entry.shape, source });
  }
  const joined = joinSlices(info.shape, slices, elementSize(info.dtype), place.file);
  return typeof joined === 'string' ? malformed(joined) : joined;
}

function sliceSource({ entry }: StoredSlice, info: TensorInfo, type: number, place: BundlePlace): RowSource | Failure {
  if (entry.type !== type) return malformed('one of its slices has elements of another type');
  const count = elementCount(entry.shape);
  if (typeof count !== 'number') return malformed(`one of its slices ${count}`);
  const byteLength = count * elementSize(info.dtype);
  return storedSource(entry, { shape: entry.shape, dtype: info.dtype, byteLength }, place);
}

function storedSource(
  entry: BundleEntry,
  { shape, dtype, byteLength }: Pick<TensorInfo, 'shape' | 'dtype' | 'byteLength'>,
  { index, shards, files }: BundlePlace,
): RowSource | Failure {
  if (entry.size !== byteLength) {
    return malformed(`has ${entry.size} bytes, but the shape [${shape.join(', ')}] needs ${byteLength}`);
  }
  const failure = shardFailure(entry, shards);
  if (failure) return failure;
  return new StoredElements(entry, dtype, index.header.bigEndian, shards.get(entry.shard)!.file, files);
}

/** The elements of an entry. Little is kept of each until it is read: an index can list 100 000. */
class StoredElements implements RowSource {
  private view: ViewSource | undefined;

  constructor(
    private readonly entry: BundleEntry,
    private readonly dtype: DType,
    private readonly bigEndian: boolean,
    private readonly file: string,
    private readonly files: FileSet,
  ) {}

  readRows(rows: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    this.view ??= this.makeView();
    return this.view.readRows(rows, signal);
  }

  private makeView(): ViewSource {
    const { entry, dtype, bigEndian } = this;
    const bytes = new EntryBytes(this.files, this.file, entry);
    const view = { dtype, shape: entry.shape, strides: contiguousStrides(entry.shape), byteOffset: 0, bigEndian };
    return new ViewSource(view, (start, end, signal) => bytes.read(start, end, signal));
  }
}

function append<Item>(list: Item[] | undefined, item: Item): Item[] {
  list?.push(item);
  return list ?? [item];
}

function malformed(reason: string): Failure {
  return { code: 'malformed', reason };
}
