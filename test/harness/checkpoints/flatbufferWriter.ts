/**
 * Writes FlatBuffers as the format's description says: each table behind its list of fields, whatever it points to behind
 * it. Something that is pointed to from several places is written once, where offsets can point forwards to it.
 */

/** Little-endian, as it stands in a table or a vector. */
export interface Scalar {
  readonly bytes: Buffer;
}

export type Node =
  | { readonly kind: 'table'; readonly fields: Fields }
  /** Elements that follow their number; aligned to so many bytes. */
  | { readonly kind: 'vector'; readonly count: number; readonly bytes: Buffer; readonly align: number }
  | { readonly kind: 'tables'; readonly tables: readonly Node[] };

/** By number; one that is undefined is not stored. */
export type Fields = Readonly<Record<number, Scalar | Node | undefined>>;

export function int(value: number | bigint, size: 1 | 2 | 4 | 8): Scalar {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return { bytes: bytes.subarray(0, size) };
}

export const table = (fields: Fields): Node => ({ kind: 'table', fields });

export const tables = (nodes: readonly Node[]): Node => ({ kind: 'tables', tables: nodes });

export function bytesVector(bytes: Uint8Array, align = 4): Node {
  return { kind: 'vector', count: bytes.length, bytes: Buffer.from(bytes), align };
}

/** A string ends in a byte of zero that its length does not count. */
export function text(value: string): Node {
  const bytes = Buffer.from(value, 'utf8');
  return { kind: 'vector', count: bytes.length, bytes: Buffer.concat([bytes, Buffer.alloc(1)]), align: 4 };
}

/** Elements of a typed array, or numbers as 32-bit integers. */
export function numbers(values: readonly number[] | Float32Array | BigInt64Array | Uint16Array): Node {
  const array = Array.isArray(values) ? Int32Array.from(values as number[]) : (values as Float32Array);
  const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  return { kind: 'vector', count: array.length, bytes, align: array.BYTES_PER_ELEMENT };
}

/** A number that a reader believes. */
export interface WrittenNumber {
  readonly name: string;
  readonly at: number;
  readonly width: number;
}

/** What numbers are called that say where a table's fields are. */
export const FIELD_LIST = 'a number of a field list';

/** @param identifier of four characters */
export function flatbuffer(root: Node, identifier: string): { bytes: Buffer; numbers: readonly WrittenNumber[] } {
  const writer = new Writer();
  writer.append(Buffer.from(`\0\0\0\0${identifier}`, 'latin1'));
  writer.refer(0, root);
  return writer.finish();
}

class Writer {
  private readonly chunks: Buffer[] = [];
  private length = 0;
  private readonly pending: { readonly slot: number; readonly node: Node }[] = [];
  private readonly places = new Map<Node, number>();
  private readonly offsets: { readonly slot: number; readonly value: number }[] = [];
  private readonly numbers: WrittenNumber[] = [];

  append(bytes: Buffer): void {
    this.chunks.push(bytes);
    this.length += bytes.length;
  }

  /** The offset at `slot` is to point to the node. */
  refer(slot: number, node: Node): void {
    this.pending.push({ slot, node });
  }

  finish(): { bytes: Buffer; numbers: readonly WrittenNumber[] } {
    // Grows while it is walked.
    for (const { slot, node } of this.pending) {
      const place = this.places.get(node) ?? -1;
      const at = place > slot ? place : this.write(node);
      this.places.set(node, at);
      this.offsets.push({ slot, value: at - slot });
    }
    const bytes = Buffer.concat(this.chunks);
    for (const { slot, value } of this.offsets) {
      bytes.writeUInt32LE(value, slot);
      this.note('an offset', slot, 4);
    }
    return { bytes, numbers: this.numbers };
  }

  private note(name: string, at: number, width: number): void {
    this.numbers.push({ name, at, width });
  }

  private write(node: Node): number {
    switch (node.kind) {
      case 'table':
        return this.table(node.fields);
      case 'vector': {
        this.align(node.align, 4);
        const at = this.length;
        this.note('the length of a vector', at, 4);
        this.append(Buffer.concat([int(node.count, 4).bytes, node.bytes]));
        return at;
      }
      case 'tables': {
        this.align(4);
        const at = this.length;
        this.note('the length of a vector of tables', at, 4);
        this.append(int(node.tables.length, 4).bytes);
        this.append(Buffer.alloc(4 * node.tables.length));
        node.tables.forEach((element, i) => this.refer(at + 4 + 4 * i, element));
        return at;
      }
    }
  }

  private table(fields: Fields): number {
    const stored = Object.entries(fields).flatMap(([field, value]) => (value ? [[Number(field), value] as const] : []));
    const list = Buffer.alloc(4 + 2 * (Math.max(-1, ...stored.map(([field]) => field)) + 1));
    // Widest first, so that all are aligned where the table is.
    const size = (value: Scalar | Node): number => ('bytes' in value && !('kind' in value) ? value.bytes.length : 4);
    let end = 4;
    const body: Buffer[] = [Buffer.alloc(4)];
    const references: [number, Node][] = [];
    const scalars: [number, number][] = [];
    for (const [field, value] of stored.sort(([, a], [, b]) => size(b) - size(a))) {
      if (size(value) === 8 && end % 8 === 4) {
        body.push(Buffer.alloc(4));
        end += 4;
      }
      list.writeUInt16LE(end, 4 + 2 * field);
      if ('kind' in value) {
        references.push([end, value]);
        body.push(Buffer.alloc(4));
      } else {
        scalars.push([end, value.bytes.length]);
        body.push(value.bytes);
      }
      end += size(value);
    }
    list.writeUInt16LE(list.length, 0);
    list.writeUInt16LE(end, 2);
    this.align(8, list.length);
    for (let i = 0; i < list.length; i += 2) this.note(FIELD_LIST, this.length + i, 2);
    this.append(list);
    const at = this.length;
    this.note('the place of a field list', at, 4);
    for (const [place, width] of scalars) this.note('a number of a table', at + place, width);
    body[0]!.writeInt32LE(list.length);
    this.append(Buffer.concat(body));
    for (const [place, node] of references) this.refer(at + place, node);
    return at;
  }

  /** Fills up so that what comes after the next `ahead` bytes is aligned. */
  private align(size: number, ahead = 0): void {
    this.append(Buffer.alloc((size - ((this.length + ahead) % size)) % size));
  }
}
