/**
 * The header of a safetensors file: 8 bytes little-endian length, JSON padded with spaces to a multiple of 8, then
 * the tensors' bytes without gaps.
 *
 * @see https://github.com/huggingface/safetensors (format section; `serialize` of the reference implementation)
 */
import { elementSize, isDType } from '../checkpoint/elements/dtype';
import { packedBytes } from '../checkpoint/elements/packedElements';
import { product } from '../shared/matrixAxes';
import type { DType, PackedType } from '../shared/tensors';
import { CompressionError } from './compressionError';

/** Readers of the reference implementation refuse longer headers. */
const MAX_HEADER_BYTES = 100_000_000;

/** The key that holds the file's own metadata; no tensor may use it. */
const METADATA_KEY = '__metadata__';

/** Types of this program that the format has no name for. */
const NOT_STORABLE: ReadonlySet<string> = new Set<DType | PackedType>(['C128', 'I4', 'U4', 'I2', 'U2']);

export interface HeaderEntry {
  readonly name: string;
  readonly dtype: DType | PackedType;
  readonly shape: readonly number[];
}

export interface SafetensorsLayout<Entry extends HeaderEntry> {
  /** Length, JSON and padding: the first bytes of the file. */
  readonly header: Uint8Array;
  /** The entries in the order in which their bytes follow, without gaps. */
  readonly order: readonly Entry[];
  /** Bytes of the whole file. */
  readonly fileBytes: number;
}

/**
 * Header and order of the data for these tensors. The data keep the entries' order, unless that would put a tensor at
 * an offset that is no multiple of its element size: then larger elements come first, as the reference implementation
 * always writes them. The header lists the entries in their own order either way.
 *
 * @throws CompressionError `unsupported` for what the format cannot hold, `name-collision` for two equal names
 */
export function layOut<Entry extends HeaderEntry>(
  entries: readonly Entry[],
  metadata: Readonly<Record<string, string>>,
): SafetensorsLayout<Entry> {
  assertStorable(entries);
  const order = isAligned(entries) ? entries : [...entries].sort((a, b) => alignment(b) - alignment(a));
  const offsets = new Map<string, [number, number]>();
  let end = 0;
  for (const entry of order) {
    const begin = end;
    end += byteLength(entry);
    offsets.set(entry.name, [begin, end]);
  }
  // Written by hand: an object's keys would be reordered where a tensor's name is a number.
  const members = entries.map(({ name, dtype, shape }) => {
    const [begin, stop] = offsets.get(name)!;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, stop] })}`;
  });
  const pairs = Object.entries(metadata).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  if (pairs.length > 0) members.unshift(`"${METADATA_KEY}":{${pairs.join(',')}}`);
  const json = Buffer.from(`{${members.join(',')}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  if (padded > MAX_HEADER_BYTES) {
    throw new CompressionError(
      'unsupported',
      `a header of ${padded} bytes is over the ${MAX_HEADER_BYTES} that safetensors readers accept: too many tensors or metadata`,
    );
  }
  const header = new Uint8Array(8 + padded).fill(0x20, 8);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, 8);
  return { header, order, fileBytes: header.length + end };
}

/** Bytes of a tensor's elements. */
export function byteLength({ shape, dtype }: HeaderEntry): number {
  const count = product(shape);
  return isDType(dtype) ? count * elementSize(dtype) : packedBytes(dtype, count);
}

function alignment({ dtype }: HeaderEntry): number {
  return isDType(dtype) ? elementSize(dtype) : 1;
}

function isAligned(entries: readonly HeaderEntry[]): boolean {
  let offset = 0;
  return entries.every((entry) => {
    const aligned = offset % alignment(entry) === 0;
    offset += byteLength(entry);
    return aligned;
  });
}

function assertStorable(entries: readonly HeaderEntry[]): void {
  const unstorable = entries.filter(({ dtype }) => NOT_STORABLE.has(dtype));
  if (unstorable.length > 0) {
    const { name, dtype } = unstorable[0]!;
    const others = unstorable.length > 1 ? ` (and ${unstorable.length - 1} more)` : '';
    throw new CompressionError(
      'unsupported',
      `tensor ${name}${others} is of type ${dtype}, which safetensors cannot hold; convert it before compressing`,
    );
  }
  const names = new Set<string>();
  for (const { name } of entries) {
    // A half of a surrogate pair has no UTF-8 form.
    if (name === METADATA_KEY || /\p{Surrogate}/u.test(name)) {
      throw new CompressionError('unsupported', `safetensors cannot hold a tensor of the name ${JSON.stringify(name)}`);
    }
    if (names.has(name)) {
      throw new CompressionError(
        'name-collision',
        `two tensors would be called ${name}; rename the checkpoint's own, or save the reconstructed matrix instead`,
      );
    }
    names.add(name);
  }
}
