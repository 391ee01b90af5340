/**
 * The tree that Flax serialises: maps in maps, and at the leaves arrays as extensions of MessagePack, or maps of chunks
 * where an array is larger than an extension may be.
 *
 * @see https://github.com/google/flax/blob/main/flax/serialization.py
 */
import { CheckpointError } from '../checkpointError';
import {
  ArrayError,
  joinChunks,
  NATIVE_COMPLEX,
  readArray,
  sizeOf,
  type FlaxArray,
  type StoredArray,
} from './flaxArray';
import { MAX_METADATA_ENTRIES } from '../files/headerMetadata';
import type { MsgpackReader, MsgpackToken } from './msgpackReader';
import type { ProblemList } from '../problemList';
import { MAX_RANK, MAX_TENSORS } from '../elements/shape';

/** Between the keys of a name, as Flax's own tables of parameters have it. */
const SEPARATOR = '/';

/** Modules are nested a dozen levels deep at most. */
const MAX_DEPTH = 64;

/** Longest name of one tensor, with all its keys. */
const MAX_NAME_CHARACTERS = 4096;

/** All names together: nested keys repeat in every name below, so that a small file could ask for much memory. */
const MAX_CHARACTERS = 32_000_000;

/** A text that is no array: as much is shown. */
const MAX_TEXT_SHOWN = 200;

/** Chunks have 1 GiB each. */
const MAX_CHUNKS = 65536;

const CHUNKED = '__msgpack_chunked_array__';

/** What Orbax leaves in place of an array that it stores elsewhere. */
const PLACEHOLDER = 'PLACEHOLDER://';

export class FlaxTree {
  readonly arrays: FlaxArray[] = [];
  readonly metadata = new Map<string, string>();
  private readonly names = new Set<string>();
  private characters = 0;

  constructor(
    private readonly reader: MsgpackReader,
    private readonly problems: ProblemList,
  ) {}

  /**
   * Walks the file; what it found before an error stays in `arrays`.
   *
   * @throws CheckpointError `unknown-format`, `truncated`, `malformed`, `limit`, `changed`, `io`
   */
  async read(): Promise<void> {
    const root = await this.reader.next();
    if (root.kind !== 'map') throw this.reader.error('unknown-format', 'is not a map of names, as Flax writes', 0);
    await this.map('', root.count, 0);
    const rest = this.reader.size - this.reader.position;
    if (rest > 0) {
      this.problems.add('malformed', `${rest} bytes follow the tree of parameters`, { offset: this.reader.position });
    }
  }

  private async map(path: string, count: number, depth: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const key = await this.key();
      if (i === 0 && key === CHUNKED) return this.chunked(path, count);
      await this.value(depth === 0 ? key : path + SEPARATOR + key, depth + 1);
    }
  }

  private async key(): Promise<string> {
    const token = await this.reader.next();
    if (token.kind === 'plain') return String(token.value);
    if (token.kind !== 'text' && token.kind !== 'bytes') {
      throw this.reader.error('malformed', `has a key that is neither text nor a number (${token.kind})`);
    }
    if (token.length > MAX_NAME_CHARACTERS) {
      throw this.reader.error('limit', `has a key of ${token.length} bytes; at most ${MAX_NAME_CHARACTERS} are read`);
    }
    return this.reader.text(token.length);
  }

  private async value(path: string, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) throw this.reader.error('limit', `is nested deeper than ${MAX_DEPTH} levels`);
    if (path.length > MAX_NAME_CHARACTERS) {
      throw this.reader.error('limit', `has a name of more than ${MAX_NAME_CHARACTERS} characters`);
    }
    const token = await this.reader.next();
    switch (token.kind) {
      case 'map':
        return this.map(path, token.count, depth);
      case 'array':
        for (let i = 0; i < token.count; i++) await this.value(`${path}${SEPARATOR}${i}`, depth + 1);
        return;
      case 'extension':
        return this.extension(path, token);
      case 'text':
        return this.text(path, token.length);
      case 'bytes':
        this.reader.skip(token.length);
        this.tell(path, `<${token.length} bytes>`);
        return;
      case 'plain':
        this.tell(path, String(token.value));
    }
  }

  private async text(path: string, length: number): Promise<void> {
    const end = this.reader.position + length;
    const text = await this.reader.text(Math.min(length, MAX_TEXT_SHOWN));
    this.reader.skip(end - this.reader.position);
    if (text.startsWith(PLACEHOLDER)) {
      const message = 'its elements are not in the file but in an array that Orbax wrote beside it';
      this.problems.add('unsupported', message, { tensor: path });
    } else this.tell(path, length > MAX_TEXT_SHOWN ? `${text}…` : text);
  }

  private tell(path: string, text: string): void {
    if (this.metadata.size < MAX_METADATA_ENTRIES) this.metadata.set(path, text);
  }

  private async extension(path: string, token: MsgpackToken & { kind: 'extension' }): Promise<void> {
    const { reader } = this;
    const end = reader.position + token.length;
    if (token.code === NATIVE_COMPLEX) {
      reader.skip(token.length);
      this.tell(path, '<complex number>');
      return;
    }
    try {
      const { shape, dtype, piece } = await readArray(this.reader, token);
      this.add({ name: path, shape, dtype, pieces: [piece] });
    } catch (error) {
      if (error instanceof CheckpointError) throw error.ofTensor(path);
      if (!(error instanceof ArrayError)) throw error;
      this.problems.add(error.code, error.message, { tensor: path, offset: reader.position });
    }
    reader.position = end;
  }

  /** The rest of a map whose first key says that it is an array in chunks. */
  private async chunked(path: string, count: number): Promise<void> {
    await this.reader.next();
    let shape: unknown;
    const chunks: StoredArray[] = [];
    try {
      for (let i = 1; i < count; i++) {
        const key = await this.key();
        const items = await this.reader.next();
        if (items.kind !== 'map' && items.kind !== 'array') throw this.chunkError(path, `its "${key}" is no list`);
        if (key === 'shape') shape = await this.sizes(items);
        else if (key === 'chunks') await this.chunks(items, chunks);
        else throw this.chunkError(path, `has the key ${JSON.stringify(key.slice(0, MAX_TEXT_SHOWN))}`);
      }
    } catch (error) {
      if (error instanceof ArrayError) throw this.chunkError(path, `one of its chunks ${error.message}`);
      throw error instanceof CheckpointError ? error.ofTensor(path) : error;
    }
    const array = joinChunks(path, shape, chunks);
    if (typeof array === 'string') this.problems.add('malformed', array, { tensor: path });
    else this.add(array);
  }

  private async sizes(items: MsgpackToken & { kind: 'map' | 'array' }): Promise<unknown[]> {
    if (items.count > MAX_RANK) throw new ArrayError('malformed', `has ${items.count} axes`);
    const shape: unknown[] = [];
    for (let i = 0; i < items.count; i++) {
      if (items.kind === 'map') await this.key();
      shape.push(sizeOf(await this.reader.next()));
    }
    return shape;
  }

  private async chunks(items: MsgpackToken & { kind: 'map' | 'array' }, into: StoredArray[]): Promise<void> {
    if (items.count > MAX_CHUNKS) throw new ArrayError('malformed', `is one of ${items.count}`);
    for (let i = 0; i < items.count; i++) {
      if (items.kind === 'map' && (await this.key()) !== String(i))
        throw new ArrayError('malformed', 'is out of order');
      const token = await this.reader.next();
      if (token.kind !== 'extension') throw new ArrayError('malformed', 'is not an array');
      const chunk = await readArray(this.reader, token);
      into.push(chunk);
      this.reader.position = chunk.piece.offset + chunk.piece.length;
    }
  }

  private chunkError(path: string, reason: string): CheckpointError {
    return this.reader.error('malformed', `as an array in chunks, ${reason}`).ofTensor(path);
  }

  private add(array: FlaxArray): void {
    const { name } = array;
    if (this.names.has(name)) {
      this.problems.add('malformed', 'the name occurs twice, and the first one is shown', { tensor: name });
      return;
    }
    this.characters += name.length;
    if (this.arrays.length >= MAX_TENSORS || this.characters > MAX_CHARACTERS) {
      const limit = `${MAX_TENSORS} arrays or ${MAX_CHARACTERS} characters of names`;
      throw this.reader.error('limit', `holds more than ${limit}`);
    }
    this.names.add(name);
    this.arrays.push(array);
  }
}
