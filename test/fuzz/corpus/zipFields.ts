/** The places of numbers in a zip archive: its directory, its local headers, its end records. */
import type { Field } from './fields';
import { LayoutReader } from './layoutReader';

const END = 0x06054b50;
const END_BYTES = 22;
const ZIP64_LOCATOR_BYTES = 20;
const ZIP64_LOCATOR = 0x07064b50;
const ZIP64_EXTRA = 1;

export interface ZipRecordPlace {
  readonly name: string;
  /** The stored bytes, as they are in the file. */
  readonly start: number;
  readonly end: number;
}

/** @param bytes an archive without a comment */
export function zipFields(bytes: Buffer): readonly Field[] {
  return walk(bytes).fields;
}

/** The place of each record's bytes. */
export function zipRecords(bytes: Buffer): readonly ZipRecordPlace[] {
  return walk(bytes).records;
}

function walk(bytes: Buffer): { fields: readonly Field[]; records: readonly ZipRecordPlace[] } {
  const layout = new LayoutReader(bytes, bytes.length - END_BYTES);
  if (layout.number('signature of the end', 4) !== END) throw new Error('the sound file is no zip archive');
  layout.number('disk', 2);
  layout.number('disk of the directory', 2);
  layout.number('entries on this disk', 2);
  let count = layout.number('entries', 2);
  layout.number('size of the directory', 4);
  let start = layout.number('offset of the directory', 4);
  layout.number('length of the comment', 2);
  const locator = bytes.length - END_BYTES - ZIP64_LOCATOR_BYTES;
  if (locator >= 0 && bytes.readUInt32LE(locator) === ZIP64_LOCATOR) {
    layout.at = locator + 4;
    layout.number('disk of the zip64 end', 4);
    layout.at = layout.number('offset of the zip64 end', 8);
    layout.number('signature of the zip64 end', 4);
    layout.number('size of the zip64 end', 8);
    layout.skip(12);
    layout.number('entries on this disk, zip64', 8);
    count = layout.number('entries, zip64', 8);
    layout.number('size of the directory, zip64', 8);
    start = layout.number('offset of the directory, zip64', 8);
  }
  layout.at = start;
  const records = Array.from({ length: count }, () => entry(layout));
  return { fields: layout.fields, records };
}

function entry(layout: LayoutReader): ZipRecordPlace {
  layout.number('signature of an entry', 4);
  layout.skip(4);
  layout.number('flags', 2);
  layout.number('method', 2);
  layout.skip(4);
  layout.number('checksum', 4);
  let packed = layout.number('packed size', 4);
  layout.number('size', 4);
  const name = layout.number('length of a name', 2);
  const extra = layout.number('length of the extra fields', 2);
  layout.number('length of a comment', 2);
  layout.skip(8);
  let local = layout.number('offset of a local header', 4);
  const called = layout.text(name);
  const end = layout.at + extra;
  if (extra > 0 && layout.number('kind of an extra field', 2) === ZIP64_EXTRA) {
    layout.number('length of an extra field', 2);
    if (layout.at + 24 <= end) {
      layout.number('size, zip64', 8);
      packed = layout.number('packed size, zip64', 8);
      local = layout.number('offset of a local header, zip64', 8);
    }
  }
  layout.at = local;
  layout.number('signature of a local header', 4);
  layout.skip(2);
  layout.number('flags of a local header', 2);
  layout.number('method of a local header', 2);
  layout.skip(16);
  const localName = layout.number('length of a local name', 2);
  const localExtra = layout.number('length of local extra fields', 2);
  const start = layout.at + localName + localExtra;
  layout.at = end;
  return { name: called, start, end: start + packed };
}
