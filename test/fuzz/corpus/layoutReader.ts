/** Walks a sound file as its specification describes it, and notes where the numbers stand. */
import assert from 'node:assert/strict';
import { valueOf, type Field } from './fields';

export class LayoutReader {
  readonly fields: Field[] = [];

  constructor(
    readonly bytes: Buffer,
    public at = 0,
    private readonly order: 'little-endian' | 'big-endian' = 'little-endian',
  ) {}

  /** A field of fixed width. @returns its number */
  number(name: string, width: number): number {
    return this.note({ name, at: this.at, width, encoding: this.order });
  }

  /** A protobuf varint. @returns its number */
  varint(name: string, enclosing?: readonly Field[]): number {
    let end = this.at;
    while (this.bytes[end++]! >= 0x80);
    return this.note({ name, at: this.at, width: end - this.at, encoding: 'varint', ...(enclosing && { enclosing }) });
  }

  /** The field that was noted last. */
  get last(): Field {
    return this.fields.at(-1)!;
  }

  text(length: number): string {
    return this.skip(length).toString('latin1');
  }

  skip(length: number): Buffer {
    assert.ok(this.at + length <= this.bytes.length, `the sound file ends before byte ${this.at + length}`);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  private note(field: Field): number {
    this.fields.push(field);
    this.skip(field.width);
    return Number(valueOf(this.bytes, field));
  }
}
