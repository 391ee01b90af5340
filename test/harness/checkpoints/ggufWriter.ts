/** Writes GGUF files as the format's description says, sound ones and others, in either byte order. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { ggufFormat } from '../../../extension/checkpoint/gguf/gguf';
import { temporaryFolder } from '../temporaryFolder';

/** Numbers of value types. */
export const VALUE = {
  ...{ U8: 0, I8: 1, U16: 2, I16: 3, U32: 4, I32: 5, F32: 6, BOOL: 7, TEXT: 8, ARRAY: 9, U64: 10, I64: 11, F64: 12 },
} as const;

const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

export interface GgufPair {
  key: string;
  type: number;
  /** Already in the file's byte order. */
  value: Uint8Array;
}

export interface WrittenTensor {
  name: string;
  /** In GGUF's order: neighbours first. */
  dims: (number | bigint)[];
  /** Number of ggml's type. */
  type: number;
  bytes: Uint8Array;
  /** In place of the one where its bytes are put. */
  offset?: number | bigint;
  /** In place of the number of `dims`. */
  rank?: number;
}

export interface GgufFile {
  pairs?: GgufPair[];
  tensors?: WrittenTensor[];
  version?: number;
  alignment?: number;
  /** In place of the numbers that are written. */
  pairCount?: number | bigint;
  tensorCount?: number | bigint;
}

export class GgufWriter {
  constructor(private readonly bigEndian = false) {}

  integer(value: number | bigint, size: number): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
    const own = Buffer.from(bytes.subarray(0, size));
    return this.bigEndian ? own.reverse() : own;
  }

  text(text: string): Buffer {
    const bytes = Buffer.from(text, 'utf8');
    return Buffer.concat([this.integer(bytes.length, 8), bytes]);
  }

  number(type: number, value: number | bigint): Buffer {
    const size = SIZES[type]!;
    if (type !== VALUE.F32 && type !== VALUE.F64) return this.integer(value, size);
    const bytes = Buffer.alloc(size);
    if (type === VALUE.F32) bytes.writeFloatLE(Number(value));
    else bytes.writeDoubleLE(Number(value));
    return this.bigEndian ? bytes.reverse() : bytes;
  }

  pair(key: string, type: number, value: number | bigint | string): GgufPair {
    return { key, type, value: typeof value === 'string' ? this.text(value) : this.number(type, value) };
  }

  /** @param length in place of the number of items */
  array(type: number, items: readonly Uint8Array[], length: number | bigint = items.length): Buffer {
    return Buffer.concat([this.integer(type, 4), this.integer(length, 8), ...items]);
  }

  file({ pairs = [], tensors = [], version = 3, alignment = 32, ...counts }: GgufFile): Buffer {
    const header = [
      Buffer.from('GGUF'),
      this.integer(version, 4),
      this.integer(counts.tensorCount ?? tensors.length, 8),
      this.integer(counts.pairCount ?? pairs.length, 8),
      ...pairs.flatMap(({ key, type, value }) => [this.text(key), this.integer(type, 4), value]),
    ];
    const data: Uint8Array[] = [];
    let at = 0;
    for (const { name, dims, type, bytes, offset, rank } of tensors) {
      header.push(this.text(name), this.integer(rank ?? dims.length, 4));
      header.push(...dims.map((size) => this.integer(size, 8)), this.integer(type, 4), this.integer(offset ?? at, 8));
      const padding = (alignment - (bytes.length % alignment)) % alignment;
      data.push(bytes, new Uint8Array(padding));
      at += bytes.length + padding;
    }
    const bytes = Buffer.concat(header);
    const padding = (alignment - (bytes.length % alignment)) % alignment;
    return Buffer.concat([bytes, new Uint8Array(padding), ...data]);
  }
}

/** 0.5, 1.5, … as float32. */
export function floats(count: number, first = 0): Uint8Array {
  return new Uint8Array(Float32Array.from({ length: count }, (_, i) => first + i + 0.5).buffer);
}

/** A tensor of float32; `shape` as PyTorch has it. */
export function floatTensor(name: string, shape: number[], first = 0): WrittenTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return { name, dims: [...shape].reverse(), type: 0, bytes: floats(count, first) };
}

interface GgufFiles {
  readonly save: (bytes: Uint8Array, name?: string) => string;
  readonly opened: <T>(bytes: Uint8Array, task: (checkpoint: Checkpoint) => T | Promise<T>) => Promise<T>;
  /** Names of what is shown, and codes of problems behind the tensor they are about. */
  readonly outcome: (bytes: Uint8Array) => Promise<{ shown: string[]; problems: string[] }>;
}

/** Opens files that are written into a folder of their own. Call inside `describe`. */
export function ggufFiles(): GgufFiles {
  const root = temporaryFolder();
  let count = 0;
  const save = (bytes: Uint8Array, name = 'model.gguf'): string => {
    const folder = path.join(root, String(count++));
    mkdirSync(folder);
    writeFileSync(path.join(folder, name), bytes);
    return path.join(folder, name);
  };
  const opened = async <T>(bytes: Uint8Array, task: (checkpoint: Checkpoint) => T | Promise<T>): Promise<T> => {
    const checkpoint = await ggufFormat.open(save(bytes));
    try {
      return await task(checkpoint);
    } finally {
      await checkpoint.close();
    }
  };
  const outcome = (bytes: Uint8Array): Promise<{ shown: string[]; problems: string[] }> =>
    opened(bytes, ({ tensors, problems }) => ({
      shown: tensors.map(({ name }) => name),
      problems: problems.map(({ code, tensor }) => (tensor === undefined ? code : `${tensor}: ${code}`)),
    }));
  return { save, opened, outcome };
}
