/**
 * What the saving tests share: a checkpoint held in memory, and a reader of safetensors files written from the
 * format's description alone, so that it shares no code with the writer under test.
 */
import { readFileSync } from 'node:fs';
import type { Checkpoint, TensorInfo } from '../../../extension/checkpoint/checkpoint';
import type { DType, Problem } from '../../../extension/shared/tensors';

/** Bytes of one element, from the safetensors format description. */
const ELEMENT_BYTES: Partial<Record<string, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  C64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
  F8_E8M0: 1,
  F6_E2M3: 0.75,
  F6_E3M2: 0.75,
  F4: 0.5,
  I8: 1,
  U8: 1,
  BOOL: 1,
  C128: 16,
};

export interface MadeTensor {
  name: string;
  dtype: DType;
  shape: number[];
  bytes: Uint8Array;
  sharedWith?: string;
  kernelLayout?: TensorInfo['kernelLayout'];
}

/** A tensor with arbitrary but reproducible bytes. */
export function madeTensor(name: string, dtype: DType, shape: number[], seed = name.length): MadeTensor {
  const bytes = new Uint8Array(shape.reduce((a, b) => a * b, 1) * ELEMENT_BYTES[dtype]!);
  let state = (seed + 1) * 2654435761;
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return { name, dtype, shape, bytes };
}

export interface MemoryCheckpoint extends Checkpoint {
  /** Row ranges asked for so far, by tensor. */
  readonly reads: { tensor: string; start: number; end: number }[];
}

export function memoryCheckpoint(
  tensors: readonly MadeTensor[],
  more: { files?: string[]; metadata?: Record<string, string>; problems?: Problem[]; path?: string } = {},
): MemoryCheckpoint {
  const reads: MemoryCheckpoint['reads'] = [];
  const bytesOf = new Map(tensors.map((tensor) => [tensor.name, tensor.bytes]));
  return {
    path: more.path ?? more.files?.[0] ?? 'made.safetensors',
    format: 'made',
    files: more.files ?? [],
    metadata: more.metadata ?? {},
    problems: more.problems ?? [],
    tensors: tensors.map(({ name, dtype, shape, bytes, sharedWith, kernelLayout }) => ({
      name,
      group: '',
      shape,
      dtype,
      byteLength: bytes.length,
      kernelLayout: kernelLayout ?? 'OI…',
      ...(sharedWith !== undefined && { sharedWith }),
    })),
    reads,
    read({ name, shape }, rows, signal) {
      signal?.throwIfAborted();
      const count = shape[0] ?? 1;
      const { start, end } = rows ?? { start: 0, end: count };
      reads.push({ tensor: name, start, end });
      const bytes = bytesOf.get(name)!;
      const rowBytes = bytes.length / count;
      return Promise.resolve(bytes.slice(start * rowBytes, end * rowBytes));
    },
    close: () => Promise.resolve(),
  };
}

export interface ParsedTensor {
  dtype: string;
  shape: number[];
  offset: number;
  bytes: Buffer;
}

/** Every rule of the format is checked: header length, alignment, gap-free data, sizes that fit the shapes. */
export function parseSafetensors(file: string): {
  names: string[];
  tensors: Map<string, ParsedTensor>;
  metadata: Record<string, string>;
} {
  const content = readFileSync(file);
  const headerBytes = Number(content.readBigUInt64LE(0));
  if ((8 + headerBytes) % 8 !== 0) throw new Error(`header of ${headerBytes} bytes is not aligned`);
  const text = content.subarray(8, 8 + headerBytes).toString('utf8');
  if (!text.startsWith('{')) throw new Error('header does not begin with {');
  const header = JSON.parse(text) as Record<string, unknown>;
  const data = content.subarray(8 + headerBytes);
  const tensors = new Map<string, ParsedTensor>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = value as Record<string, string>;
      if (!Object.values(metadata).every((entry) => typeof entry === 'string')) throw new Error('metadata not text');
      continue;
    }
    const { dtype, shape, data_offsets } = value as { dtype: string; shape: number[]; data_offsets: [number, number] };
    const [begin, end] = data_offsets;
    if (end - begin !== shape.reduce((a, b) => a * b, 1) * ELEMENT_BYTES[dtype]!) throw new Error(`${name}: size`);
    tensors.set(name, { dtype, shape, offset: begin, bytes: data.subarray(begin, end) });
  }
  const byOffset = [...tensors.values()].sort((a, b) => a.offset - b.offset || a.bytes.length - b.bytes.length);
  const end = byOffset.reduce((at, { offset, bytes }) => {
    if (offset !== at) throw new Error(`gap or overlap at ${at}`);
    return at + bytes.length;
  }, 0);
  if (end !== data.length) throw new Error(`${data.length} data bytes, ${end} described`);
  // Keys as written: an object would list numeric names first.
  const names = [...text.matchAll(/"((?:[^"\\]|\\.)*)":\{"dtype"/g)].map(
    (match) => JSON.parse(`"${match[1]!}"`) as string,
  );
  return { names, tensors, metadata };
}
