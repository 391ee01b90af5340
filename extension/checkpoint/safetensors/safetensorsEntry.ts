/**
 * One tensor's entry in a safetensors header: `{"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}`, checked as
 * the reference implementation does.
 *
 * @see https://github.com/huggingface/safetensors (`safetensors/src/tensor.rs`, `Metadata::validate`)
 */
import type { DType, PackedType } from '../../shared/tensors';
import { dtypes, elementSize, isDType } from '../elements/dtype';
import { JsonSyntaxError, objectEntries, parseValue } from '../files/jsonObject';
import { decodedType, isPackedType, packedBits } from '../elements/packedElements';
import { elementCount, isCount } from '../elements/shape';

/** An entry is about 100 bytes; bounds what parsing one can build. */
const MAX_ENTRY_BYTES = 65536;

const COLON = 0x3a;

/** Bytes [begin, end) of the data section. */
export interface DataRange {
  readonly begin: number;
  readonly end: number;
}

export interface TensorEntry {
  /** Type of the elements as they are read. */
  readonly dtype: DType;
  /** How they are stored, where that is in less than a byte each. */
  readonly packed?: PackedType;
  readonly shape: readonly number[];
  readonly range: DataRange;
}

/** Why a tensor is not shown. */
export interface Refusal {
  readonly code: 'malformed' | 'unsupported' | 'truncated' | 'limit';
  readonly message: string;
  /** Known even so. */
  readonly range?: DataRange;
}

export function isRefusal(entry: TensorEntry | Refusal): entry is Refusal {
  return 'code' in entry;
}

/** The entry in bytes [start, end) of the header. `range` may still leave the file. */
export function parseEntry(json: Buffer, start: number, end: number): TensorEntry | Refusal {
  if (end - start > MAX_ENTRY_BYTES) {
    return { code: 'limit', message: `its header entry is longer than ${MAX_ENTRY_BYTES} bytes` };
  }
  let fields: unknown;
  try {
    fields = parseValue(json, start, end);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return { code: 'malformed', message: `its header entry ${error.message}` };
  }
  if (typeof fields !== 'object' || fields === null) {
    return { code: 'malformed', message: 'its header entry is not an object' };
  }
  const repeated = repeatedField(json, start, end, Object.keys(fields).length);
  if (repeated !== undefined) {
    const message = `its header entry gives ${quote(repeated)} twice, and other programs refuse such a file`;
    return { code: 'malformed', message };
  }
  const { dtype, shape, data_offsets: offsets } = fields as Record<string, unknown>;
  const range = parseRange(offsets);
  if (!range) return { code: 'malformed', message: `"data_offsets" is ${quote(offsets)}, not a begin and an end` };
  if (!isStoredType(dtype)) {
    const message = `has the element type ${quote(dtype)}, known are ${[...dtypes, ...PACKED].join(', ')}`;
    return { code: 'unsupported', message, range };
  }
  const count = elementCount(shape);
  if (typeof count === 'string') return { code: 'malformed', message: count, range };
  const needed = isPackedType(dtype) ? (count * packedBits(dtype)) / 8 : count * elementSize(dtype);
  if (needed !== range.end - range.begin) {
    const message = `shape [${String(shape)}] of ${dtype} needs ${needed} bytes, "data_offsets" gives ${range.end - range.begin}`;
    return { code: 'malformed', message, range };
  }
  const sizes = shape as number[];
  return isPackedType(dtype)
    ? { dtype: decodedType(dtype), packed: dtype, shape: sizes, range }
    : { dtype, shape: sizes, range };
}

/** A key that stands twice in an object of `distinct` keys: nothing says which of its two values is meant. */
function repeatedField(json: Buffer, start: number, end: number, distinct: number): string | undefined {
  let colons = 0;
  for (let at = start; at < end; at++) if (json[at] === COLON) colons += 1;
  // As in every file but a damaged one: each key has a colon.
  if (colons <= distinct) return undefined;
  const seen = new Set<string>();
  for (const { key } of objectEntries(json.subarray(start, end))) {
    if (seen.has(key)) return key;
    seen.add(key);
  }
  return undefined;
}

/** Those of the packed types that the format knows. */
const PACKED: readonly PackedType[] = ['F4', 'F6_E2M3', 'F6_E3M2'];

function isStoredType(name: unknown): name is DType | PackedType {
  return isDType(name) || PACKED.some((type) => type === name);
}

function parseRange(value: unknown): DataRange | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [begin, end] = value as [unknown, unknown];
  return isCount(begin) && isCount(end) && begin <= end ? { begin, end } : undefined;
}

/** A value as a message quotes it: short. */
function quote(value: unknown): string {
  const text = value === undefined ? 'missing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
