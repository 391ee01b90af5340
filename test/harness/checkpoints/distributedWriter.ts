/** Distributed checkpoints assembled field by field, so that any of them can be wrong. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as p from './pickleWriter';
import { torchZip } from './torchFiles';

const MODULE = 'torch.distributed.checkpoint.metadata';

type Sizes = readonly (number | bigint)[];

export interface ChunkParts {
  offsets: Sizes;
  sizes: Sizes;
  /** Its place; undefined where the metadata give none. */
  place?: Buffer | undefined;
}

export interface TensorParts {
  size: Sizes;
  dtype?: Buffer;
  chunks: readonly ChunkParts[];
}

/** An instance of a dataclass. */
function instance(module: string, name: string, state?: p.Code): p.Code {
  const made = p.bytes(p.global(module, name), p.tuple(), 0x81);
  return state ? p.build(made, state) : made;
}

function sizes(values: Sizes): p.Code {
  return p.call(p.global('torch', 'Size'), p.tuple(...values.map(p.int)));
}

/** A `_StorageInfo`. */
export function place(file: string, offset: number | bigint, length: number | bigint, transforms?: p.Code): p.Code {
  const fields: [string, p.Code][] = [
    ['relative_path', p.text(file)],
    ['offset', p.int(offset)],
    ['length', p.int(length)],
  ];
  if (transforms) fields.push(['transform_descriptors', transforms]);
  return instance('torch.distributed.checkpoint.filesystem', '_StorageInfo', p.dict(...fields));
}

function properties(dtype: p.Code): p.Code {
  const format = p.call(p.global(MODULE, '_MEM_FORMAT_ENCODING'), p.int(0));
  const layout = p.call(p.global('torch.serialization', '_get_layout'), p.text('torch.strided'));
  return instance(MODULE, 'TensorProperties', p.tuple(dtype, layout, p.no, format, p.no));
}

/** The pickle of a `Metadata`. @param extra entries of the state dictionary's and of the storage's list */
export function metadataPickle(
  tensors: Readonly<Record<string, TensorParts>>,
  extra: { entries?: [string, p.Code][]; stored?: [p.Code, p.Code][] } = {},
): Buffer {
  const entries = Object.entries(tensors).map(([name, { size, dtype, chunks }]): [string, p.Code] => {
    const blocks = chunks.map((chunk) =>
      instance(
        MODULE,
        'ChunkStorageMetadata',
        p.dict(['offsets', sizes(chunk.offsets)], ['sizes', sizes(chunk.sizes)]),
      ),
    );
    const state = p.dict(
      ['properties', properties(dtype ?? p.global('torch', 'float32'))],
      ['size', sizes(size)],
      ['chunks', p.list(...blocks)],
    );
    return [name, instance(MODULE, 'TensorStorageMetadata', state)];
  });
  const stored = Object.entries(tensors).flatMap(([name, { chunks }]) =>
    chunks.flatMap((chunk): [p.Code, p.Code][] => (chunk.place ? [[index(name, chunk.offsets), chunk.place]] : [])),
  );
  const state = p.dict(
    ['state_dict_metadata', p.dict(...entries, ...(extra.entries ?? []))],
    ['planner_data', p.none],
    ['storage_data', p.dict(...stored, ...(extra.stored ?? []))],
  );
  return p.pickle(instance(MODULE, 'Metadata', state), 4);
}

/** A `MetadataIndex`. */
export function index(name: string, offsets?: Sizes): p.Code {
  const offset: [string, p.Code][] = offsets ? [['offset', sizes(offsets)]] : [];
  return instance(MODULE, 'MetadataIndex', p.dict(['fqn', p.text(name)], ['index', p.none], ...offset));
}

export function bytesEntry(): p.Code {
  return instance(MODULE, 'BytesStorageMetadata');
}

/** What `torch.save` writes of a float32 tensor of these values. */
export function record(shape: readonly number[], values: readonly number[]): Buffer {
  const bytes = Buffer.from(Float32Array.from(values).buffer);
  return torchZip(p.pickle(p.tensor({ shape: [...shape] })), { 0: bytes });
}

/** Writes records behind one another. @returns the place of each */
export function writeRecords(folder: string, file: string, records: readonly Buffer[]): p.Code[] {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, file), Buffer.concat(records));
  let at = 0;
  return records.map(({ length }) => {
    at += length;
    return place(file, at - length, length);
  });
}
