/** Zip archives written field by field, so that any of them can be wrong. */
import { deflateRawSync } from 'node:zlib';
import { tableCrc32 } from '../../../extension/checkpoint/containers/crc32';

export interface ZipRecord {
  name: string;
  bytes: Buffer;
  deflate?: boolean;
  /** What the directory says instead of the truth. */
  crc?: number;
  size?: number;
  compressedSize?: number;
  method?: number;
  flags?: number;
  localHeader?: number;
  /** Name in the local header. */
  localName?: string;
  /** Bytes between the local header and the data, as PyTorch writes to align them. */
  padding?: number;
}

export interface ZipOptions {
  /** Sizes and offsets in zip64 fields, even though they would fit. */
  zip64?: boolean;
  /** Entries that the end record declares. */
  entryCount?: number;
  /** Offset at which the directory is said to start. */
  directoryOffset?: number;
  comment?: Buffer;
}

function field(...values: [bytes: 2 | 4 | 8, value: number][]): Buffer {
  return Buffer.concat(
    values.map(([size, value]) => {
      const buffer = Buffer.alloc(size);
      if (size === 8) buffer.writeBigUInt64LE(BigInt(value));
      else buffer.writeUIntLE(value, 0, size);
      return buffer;
    }),
  );
}

export function zip(records: readonly ZipRecord[], options: ZipOptions = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const record of records) {
    const packed = record.deflate ? deflateRawSync(record.bytes) : record.bytes;
    const name = Buffer.from(record.name);
    const localName = Buffer.from(record.localName ?? record.name);
    const method = record.method ?? (record.deflate ? 8 : 0);
    const flags = record.flags ?? 0x0808;
    const extra = Buffer.alloc(record.padding ?? 0);
    if (extra.length >= 4) extra.set(field([2, 0x4246], [2, extra.length - 4]));
    // Like PyTorch's: checksum and sizes follow the data, the local header has none.
    const local = field([4, 0x04034b50], [2, 0], [2, flags], [2, method], [4, 0], [4, 0], [4, 0], [4, 0]);
    const lengths = field([2, localName.length], [2, extra.length]);
    const size = record.size ?? record.bytes.length;
    const compressed = record.compressedSize ?? packed.length;
    const crc = record.crc ?? tableCrc32(record.bytes);
    const width = options.zip64 ? 8 : 4;
    const descriptor = field([4, 0x08074b50], [4, crc], [width, packed.length], [width, record.bytes.length]);
    const piece = Buffer.concat([local, lengths, localName, extra, packed, descriptor]);
    const offset = record.localHeader ?? at;
    const wide = options.zip64 ?? false;
    const more = wide ? field([2, 1], [2, 24], [8, size], [8, compressed], [8, offset]) : Buffer.alloc(0);
    directory.push(
      field([4, 0x02014b50], [2, 45], [2, 45], [2, flags], [2, method], [4, 0], [4, crc]),
      field([4, wide ? 0xffffffff : compressed], [4, wide ? 0xffffffff : size]),
      field([2, name.length], [2, more.length], [2, 0], [2, 0], [2, 0], [4, 0], [4, wide ? 0xffffffff : offset]),
      name,
      more,
    );
    parts.push(piece);
    at += piece.length;
  }
  const list = Buffer.concat(directory);
  const count = options.entryCount ?? records.length;
  const start = options.directoryOffset ?? at;
  const end64 = options.zip64
    ? Buffer.concat([
        field(
          [4, 0x06064b50],
          [8, 44],
          [2, 45],
          [2, 45],
          [4, 0],
          [4, 0],
          [8, count],
          [8, count],
          [8, list.length],
          [8, start],
        ),
        field([4, 0x07064b50], [4, 0], [8, start + list.length], [4, 1]),
      ])
    : Buffer.alloc(0);
  const comment = options.comment ?? Buffer.alloc(0);
  const narrow = (value: number, limit: number): number => (options.zip64 ? limit : value);
  return Buffer.concat([
    ...parts,
    list,
    end64,
    field([4, 0x06054b50], [2, 0], [2, 0], [2, narrow(count, 0xffff)], [2, narrow(count, 0xffff)]),
    field([4, narrow(list.length, 0xffffffff)], [4, narrow(start, 0xffffffff)], [2, comment.length]),
    comment,
  ]);
}

/** Records of a `torch.save` archive: the pickle, and the storages by key. */
export function torchRecords(pickled: Buffer, storages: Readonly<Record<string, Buffer>>, name = 'model'): ZipRecord[] {
  return [
    { name: `${name}/data.pkl`, bytes: pickled },
    ...Object.entries(storages).map(([key, bytes]) => ({ name: `${name}/data/${key}`, bytes, padding: 20 })),
    { name: `${name}/version`, bytes: Buffer.from('3\n') },
  ];
}
