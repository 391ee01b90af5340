/**
 * The bytes of an HDF5 file by its own addresses. Its structures are many and small and point at one another: they are
 * read through pages that are kept, so that a file of 100 000 datasets is not as many reads of a slow disk. The pages are
 * its own, no `ReadWindow`: walks that run at the same time share them, and wait for the same read of one.
 */
import { CheckpointError, type CheckpointErrorCode } from '../checkpointError';
import type { ReadableBytes } from '../files/fileBytes';
import { Hdf5Cursor } from './hdf5Cursor';

/** HDF5 itself allocates metadata in blocks of 2 kB that often follow one another. */
const PAGE_BYTES = 64 * 1024;

/** Chunks may have a few bytes each, one after the other: so small ones are read with their neighbours. */
const SMALL_BYTES = 4096;

/** 4 MB: a walk through a file goes back and forth between few places. */
const MAX_PAGES = 64;

/**
 * Metadata read in one walk, over the size of the file: each structure is needed once or a few times, so that more means
 * that they point at one another again and again.
 */
const REPEATS = 4;
const MIN_BUDGET = 32 * 1024 * 1024;

/** However large a file is, which may have a hole of any size: the metadata of 100 000 datasets takes a third of it. */
const MAX_BUDGET = 1024 * 1024 * 1024;

/** Largest structure: a heap of a million names of 64 characters, or a large attribute. */
const MAX_BLOCK_BYTES = 64 * 1024 * 1024;

/** Widths of the fields of a file, and where its addresses count from. */
export interface Hdf5Widths {
  /** Bytes of an address. */
  readonly offsetSize: number;
  /** Bytes of a length. */
  readonly lengthSize: number;
  /** Offset of the file's byte that has the address 0; bytes in front of it belong to another program. */
  readonly base: number;
}

export class Hdf5Bytes {
  /** Bytes of metadata that this walk may still read. */
  private budget: number;

  private constructor(
    private readonly source: ReadableBytes,
    readonly widths: Hdf5Widths,
    /** In order of last use, the oldest first. */
    private readonly pages: Map<number, Promise<Uint8Array<ArrayBuffer>>>,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.budget = Math.min(MAX_BUDGET, MIN_BUDGET + REPEATS * source.size);
  }

  static of(source: ReadableBytes, signal?: AbortSignal): Hdf5Bytes {
    return new Hdf5Bytes(source, { offsetSize: 8, lengthSize: 8, base: 0 }, new Map(), signal);
  }

  /** The same bytes for another walk, whose reads end with another signal. */
  under(signal: AbortSignal | undefined): Hdf5Bytes {
    return new Hdf5Bytes(this.source, this.widths, this.pages, signal);
  }

  with(widths: Hdf5Widths): Hdf5Bytes {
    return new Hdf5Bytes(this.source, widths, this.pages, this.signal);
  }

  get path(): string {
    return this.source.path;
  }

  /** Bytes from the address 0. */
  get size(): number {
    return this.source.size - this.widths.base;
  }

  /**
   * `length` bytes of metadata from `address`, which must not be written to.
   *
   * @throws CheckpointError `malformed` where there is no address, `limit` where too much was read, `truncated`, …
   */
  async block(address: number | undefined, length: number, what: string): Promise<Hdf5Cursor> {
    const at = this.place(address, length, what);
    if (length > MAX_BLOCK_BYTES) {
      throw this.error('limit', `its ${what} has ${length} bytes; at most ${MAX_BLOCK_BYTES} are read`, address);
    }
    this.spend(length, address);
    const bytes = length > PAGE_BYTES ? await this.source.read(at, length, this.signal) : await this.paged(at, length);
    return this.cursor(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), at);
  }

  /**
   * For texts that are made of bytes which were read before: any number of structures can point at the same ones.
   *
   * @throws CheckpointError `limit` where the walk takes more than a sound file has
   */
  spend(length: number, address?: number): void {
    this.budget -= length;
    if (this.budget < 0) {
      throw this.error('limit', 'its structures point at one another over and over', address);
    }
  }

  /** A block whose length only its beginning tells: so many bytes, or as many as the file has. */
  async beginning(address: number | undefined, length: number, what: string): Promise<Hdf5Cursor> {
    const left = address === undefined ? 0 : Math.max(1, this.size - address);
    if (length <= left) return this.block(address, length, what);
    const { bytes, offset } = await this.block(address, left, what);
    return new Hdf5Cursor(bytes, this.widths, this.path, offset, true);
  }

  /** Elements: `length` bytes from `address`, in a buffer of their own. Errors as `block`. */
  async data(address: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const at = this.place(address, length, 'data');
    if (length <= SMALL_BYTES) return new Uint8Array(await this.paged(at, length));
    return this.source.read(at, length, this.signal);
  }

  /** A cursor on bytes of this file. @param start of the first in the file */
  cursor(bytes: Buffer, start: number): Hdf5Cursor {
    return new Hdf5Cursor(bytes, this.widths, this.path, start);
  }

  /** @param address of the place in the file */
  error(code: CheckpointErrorCode, reason: string, address?: number): CheckpointError {
    const offset = address === undefined ? {} : { offset: address + this.widths.base };
    return new CheckpointError(code, reason, { file: this.path, ...offset });
  }

  private place(address: number | undefined, length: number, what: string): number {
    if (address === undefined) throw this.error('malformed', `its ${what} has no address`);
    const end = address + length;
    if (end > this.size) {
      const reason = `its ${what} goes up to byte ${end + this.widths.base}, but the file ends at ${this.source.size}`;
      throw this.error('truncated', reason, address);
    }
    return address + this.widths.base;
  }

  private async paged(at: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    this.signal?.throwIfAborted();
    const first = Math.floor(at / PAGE_BYTES);
    const start = at - first * PAGE_BYTES;
    const page = await this.page(first);
    if (start + length <= PAGE_BYTES) return page.subarray(start, start + length);
    const joined = new Uint8Array(length);
    joined.set(page.subarray(start));
    joined.set((await this.page(first + 1)).subarray(0, start + length - PAGE_BYTES), PAGE_BYTES - start);
    return joined;
  }

  private page(index: number): Promise<Uint8Array<ArrayBuffer>> {
    let page = this.pages.get(index);
    if (page) this.pages.delete(index);
    else {
      const start = index * PAGE_BYTES;
      // Other callers that wait for it would be cancelled with this walk: its signal is looked at before.
      page = this.source.read(start, Math.min(PAGE_BYTES, this.source.size - start));
      // One that failed is read anew.
      page.catch(() => this.pages.delete(index));
    }
    this.pages.set(index, page);
    for (const oldest of this.pages.keys()) {
      if (this.pages.size <= MAX_PAGES) break;
      this.pages.delete(oldest);
    }
    return page;
  }
}
