/**
 * The finished pieces of a run: of each, its elements in a safetensors file, and beside it a record of everything else. The
 * record is written last, so that a piece with a record is whole.
 */
import { mkdir, readFile, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { FileReader, isErrno } from '../../checkpoint/files/fileReader';
import { writeAtomically } from '../atomicFile';
import { byteLength, layOut } from '../safetensorsLayout';
import type { NewTensor } from '../safetensorsWriter';
import type { Piece, PieceReader } from '../writers/writer';
import { writeError } from '../writeError';

/** Handles kept open: a layer's tensors are read one after the other. */
const MOST_OPEN = 4;

export class PieceStore implements PieceReader {
  /** By `Piece.of`. */
  private readonly places = new Map<string, { file: string; offsets: Map<string, readonly [number, number]> }>();
  private readonly readers = new Map<string, Promise<FileReader>>();

  constructor(private readonly folder: string) {}

  async create(): Promise<void> {
    await mkdir(this.folder, { recursive: true }).catch((error: unknown) => {
      throw writeError(error, this.folder);
    });
  }

  /** The piece of that number, if it is finished. @throws the system's errors */
  async find(index: number, of: string): Promise<Piece | undefined> {
    const piece = await this.record(index);
    if (piece?.of !== of) return undefined;
    this.place(index, piece);
    return piece;
  }

  /** False once the elements were removed, or if they are not all there. */
  async hasElements(index: number, { tensors }: Pick<Piece, 'tensors'>): Promise<boolean> {
    const stats = await stat(this.elements(index)).catch(() => undefined);
    return stats?.size === layOut(tensors, {}).fileBytes;
  }

  /** Writes the elements, then the record. @throws as `writeAtomically` */
  async write(index: number, piece: Piece, tensors: readonly NewTensor[], signal: AbortSignal): Promise<void> {
    const layout = layOut(tensors, {});
    await writeAtomically(
      this.elements(index),
      { size: layout.fileBytes, protect: [], overwrite: true, signal },
      async (append) => {
        await append(layout.header);
        for (const { bytes } of layout.order) await append(bytes);
      },
    );
    const text = Buffer.from(`${JSON.stringify(piece)}\n`);
    await writeAtomically(
      this.recordFile(index),
      { size: text.length, protect: [], overwrite: true, signal },
      (append) => append(text),
    );
    this.place(index, piece);
  }

  async read(piece: string, tensor: string, start = 0, end?: number): Promise<Uint8Array> {
    const place = this.places.get(piece);
    const range = place?.offsets.get(tensor);
    if (!place || !range) throw new RangeError(`the piece ${piece} has no tensor ${tensor}`);
    const [from, to] = range;
    const last = end === undefined ? to : from + end;
    return (await this.reader(place.file)).read(from + start, last - from - start);
  }

  /** The elements are in the files that need them. */
  async removeElements(index: number): Promise<void> {
    const file = this.elements(index);
    await this.closeReader(file);
    await unlink(file).catch((error: unknown) => {
      if (!isErrno(error, 'ENOENT')) throw writeError(error, file);
    });
  }

  async close(): Promise<void> {
    for (const file of [...this.readers.keys()]) await this.closeReader(file);
  }

  private place(index: number, { of, tensors }: Piece): void {
    const { header, order } = layOut(tensors, {});
    const offsets = new Map<string, readonly [number, number]>();
    let at = header.length;
    for (const tensor of order) {
      const end = at + byteLength(tensor);
      offsets.set(tensor.name, [at, end]);
      at = end;
    }
    this.places.set(of, { file: this.elements(index), offsets });
  }

  private async record(index: number): Promise<Piece | undefined> {
    const text = await readFile(this.recordFile(index), 'utf8').catch((error: unknown) => {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    });
    return text === undefined ? undefined : (JSON.parse(text) as Piece);
  }

  private async reader(file: string): Promise<FileReader> {
    const open = this.readers.get(file);
    if (open) return open;
    const [oldest] = this.readers.keys();
    if (this.readers.size >= MOST_OPEN && oldest !== undefined) await this.closeReader(oldest);
    const opening = FileReader.open(file);
    this.readers.set(file, opening);
    return opening;
  }

  private async closeReader(file: string): Promise<void> {
    const reader = this.readers.get(file);
    this.readers.delete(file);
    await (await reader?.catch(() => undefined))?.close();
  }

  private elements(index: number): string {
    return path.join(this.folder, `${numbered(index)}.safetensors`);
  }

  private recordFile(index: number): string {
    return path.join(this.folder, `${numbered(index)}.json`);
  }
}

function numbered(index: number): string {
  return String(index + 1).padStart(5, '0');
}
