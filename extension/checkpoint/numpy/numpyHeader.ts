/**
 * What an `.npy` file, or a record of an `.npz` archive, begins with: magic, version, and a Python dictionary of element
 * type, order and shape.
 *
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { CheckpointError, type CheckpointErrorCode } from '../checkpointError';
import { isDictionary, isSequence, LiteralError, parseLiteral, type Literal } from './numpyLiteral';
import { numpyElement, type NumpyElement } from './numpyTypes';
import { elementCount, contiguousStrides } from '../elements/shape';
import type { TensorView } from '../elements/tensorView';

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');

/** Magic and the two numbers of the version. */
const PREFIX_BYTES = 8;

/** NumPy's own limit for files of unknown origin. */
const MAX_HEADER_BYTES = 10_000;

/** Characters quoted of an element type that is not known. */
const MAX_TYPE_SHOWN = 100;

/** Bytes [start, end) of the file or record, in order: no byte is asked for twice or left out. */
export type ReadBytes = (start: number, end: number) => Promise<Uint8Array>;

export interface NumpyHeader {
  readonly version: string;
  readonly fortran: boolean;
  /** On the whole file or record. */
  readonly view: TensorView;
  /** What NumPy calls the elements where that is not plainly our type. */
  readonly stored?: string;
}

export function isNumpy(head: Uint8Array): boolean {
  return MAGIC.equals(head.subarray(0, MAGIC.length));
}

/**
 * @param size bytes of the file or record
 * @throws CheckpointError without a place: `unknown-format`, `truncated`, `malformed`, `limit`, `unsupported`
 */
export async function readNumpyHeader(read: ReadBytes, size: number): Promise<NumpyHeader> {
  if (size < PREFIX_BYTES) throw error('truncated', `has ${size} bytes, too few for the beginning of a NumPy array`);
  const prefix = await read(0, PREFIX_BYTES);
  if (!isNumpy(prefix)) throw error('unknown-format', 'does not begin as a NumPy array does');
  const [major, minor] = [prefix[6]!, prefix[7]!];
  if (major < 1 || major > 3) {
    const remedy = 'load and save it with an older NumPy';
    throw new CheckpointError('unsupported', `is of version ${major}.${minor} of the NumPy format`, { remedy });
  }
  const start = PREFIX_BYTES + (major === 1 ? 2 : 4);
  if (start > size) throw error('truncated', 'ends inside the length of its header');
  const lengthField = Buffer.from(await read(PREFIX_BYTES, start));
  const length = lengthField.readUIntLE(0, lengthField.length);
  if (length > MAX_HEADER_BYTES) {
    throw error('limit', `declares a header of ${length} bytes; at most ${MAX_HEADER_BYTES} are read`);
  }
  if (start + length > size) {
    throw error('truncated', `ends at byte ${size}, inside its header of ${length} bytes`);
  }
  const text = Buffer.from(await read(start, start + length)).toString(major === 3 ? 'utf8' : 'latin1');
  const { descr, fortran, shape } = readDictionary(text);
  const { stored, ...element } = elementOf(descr);
  const view = { ...element, byteOffset: start + length, shape, strides: contiguousStrides(shape, fortran) };
  return { version: `${major}.${minor}`, fortran, view, ...(stored !== undefined && { stored }) };
}

function readDictionary(text: string): { descr: Literal | undefined; fortran: boolean; shape: number[] } {
  let header: Literal;
  try {
    header = parseLiteral(text);
  } catch (cause) {
    if (!(cause instanceof LiteralError)) throw cause;
    throw error('malformed', `its header ${cause.message} (character ${cause.at})`);
  }
  if (!isDictionary(header)) throw error('malformed', 'its header is not a dictionary');
  const fortran = header.get('fortran_order');
  if (typeof fortran !== 'boolean') throw error('malformed', 'its header does not say whether it is in Fortran order');
  const shape = header.get('shape');
  const count = elementCount(shape);
  if (typeof count === 'string') throw error('malformed', count);
  return { descr: header.get('descr'), fortran, shape: [...(shape as number[])] };
}

function elementOf(descr: Literal | undefined): NumpyElement & { stored?: string } {
  if (isSequence(descr)) {
    throw unsupported(`is structured (${names(descr)})`, 'save each field as an array of its own');
  }
  if (typeof descr !== 'string') throw error('malformed', 'its header does not say what its elements are');
  const element = numpyElement(descr);
  if (element) return descr.endsWith('f1') ? { ...element, stored: `${descr} (float8_e5m2)` } : element;
  if (descr === '<V2') {
    // NumPy's own void types have no byte order, and of those that register with it only ml_dtypes' bfloat16 has 2 bytes.
    return { dtype: 'BF16', bigEndian: false, stored: '<V2 (bfloat16)' };
  }
  const [kind = '', bytes = ''] = descr.replace(/^[<>=|]/, '');
  const quoted = JSON.stringify(descr.slice(0, MAX_TYPE_SHOWN));
  switch (kind) {
    case 'O':
      throw unsupported(`holds Python objects (${quoted}), which are a pickle and not unpickled here`);
    case 'U':
    case 'S':
    case 'a':
      throw unsupported(`holds text (${quoted}), which has no values to show`);
    case 'M':
    case 'm':
      throw unsupported(`holds times (${quoted}), which are no weights`);
    case 'V': {
      const reason =
        bytes === '1'
          ? 'which several 8-bit types of ml_dtypes are called alike'
          : 'of which the file does not say what they mean';
      throw unsupported(`holds raw bytes (${quoted}), ${reason}`, 'save it as float32 to inspect it');
    }
    default:
      throw unsupported(`has elements of the type ${quoted}, which are not read`);
  }
}

function names(fields: readonly Literal[]): string {
  const found = fields.map((field) => (isSequence(field) && typeof field[0] === 'string' ? field[0] : '?'));
  return `fields ${found.join(', ')}`.slice(0, MAX_TYPE_SHOWN);
}

function error(code: CheckpointErrorCode, reason: string): CheckpointError {
  return new CheckpointError(code, reason);
}

function unsupported(reason: string, remedy = 'save it as plain, dense numbers to inspect it'): CheckpointError {
  return new CheckpointError('unsupported', reason, { remedy });
}
