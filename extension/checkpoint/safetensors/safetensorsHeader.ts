/**
 * The header of one safetensors file: 8 bytes of length, JSON, then the tensors' bytes. If the reference implementation
 * would refuse the whole file, the tensors that are sound are kept and the rest becomes problems.
 *
 * @see https://github.com/huggingface/safetensors (README "Format", `safetensors/src/tensor.rs`)
 */
import type { NotModel, Problem, PackedType } from '../../shared/tensors';
import type { TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { elementSize } from '../elements/dtype';
import type { FileReader } from '../files/fileReader';
import { collectMetadata, MAX_METADATA_ENTRIES } from '../files/headerMetadata';
import { jsonError } from '../files/jsonFile';
import { JsonSyntaxError, objectEntries, skipSpace, type JsonEntry } from '../files/jsonObject';
import { isLongName, longName } from '../elements/names';
import { ProblemList } from '../problemList';
import { isRefusal, parseEntry, type DataRange, type Refusal, type TensorEntry } from './safetensorsEntry';
import { MAX_TENSORS } from '../elements/shape';
import { namedState } from '../elements/trainingNames';
import { l10n } from '../../shared/language/l10n';

/** The reference implementation's `MAX_HEADER_SIZE`. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Bytes of the header's length, in front of it. */
const LENGTH_BYTES = 8;

/** A tensor and where its bytes lie. */
export interface StoredTensor extends TensorInfo {
  readonly file: string;
  /** Offset of its first byte in the file. */
  readonly offset: number;
  /** How its elements are stored, where that is in less than a byte each. */
  readonly packed?: PackedType;
}

/** While it is parsed: the metadata that decide on the layout may come last. */
type ParsedTensor = StoredTensor & { kernelLayout: TensorInfo['kernelLayout']; notModel?: NotModel };

export interface SafetensorsHeader {
  readonly tensors: readonly StoredTensor[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
}

/** Bytes of the file that an entry claims. */
interface Claim {
  readonly offset: number;
  readonly length: number;
}

/** Bytes that a tensor has in its file. */
export function storedLength({ encoding, byteLength }: TensorInfo): number {
  return encoding?.byteLength ?? byteLength;
}

/** True where the file begins as safetensors does: a plausible header length, then `{`. */
export function looksLikeSafetensors(head: Uint8Array): boolean {
  if (head.length <= LENGTH_BYTES || head[LENGTH_BYTES] !== 0x7b) return false;
  return headerLength(head) <= BigInt(MAX_HEADER_BYTES);
}

function headerLength(head: Uint8Array): bigint {
  return new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
}

/**
 * Tensors in the header's order.
 *
 * @throws CheckpointError `truncated` where the file ends in its header, `unknown-format`, `limit`, `malformed` where
 *   the header holds nothing readable
 */
export async function readSafetensorsHeader(reader: FileReader, signal?: AbortSignal): Promise<SafetensorsHeader> {
  const file = reader.path;
  const json = await readJson(reader, signal);
  const parser = new HeaderParser(file, LENGTH_BYTES + json.length, reader.size);
  try {
    parser.parse(json);
  } catch (error) {
    const broken = jsonError(error, file, 'the header', LENGTH_BYTES);
    if (parser.empty || !(broken instanceof CheckpointError)) throw broken;
    parser.problems.push(broken.toProblem());
  }
  return parser.finish();
}

async function readJson(reader: FileReader, signal?: AbortSignal): Promise<Buffer> {
  const { path: file, size } = reader;
  const head = await reader.read(0, Math.min(size, LENGTH_BYTES + 1), signal);
  if (size < LENGTH_BYTES + 1) {
    const message = l10n.english('the file has only {0} bytes, a safetensors header needs more', size);
    throw new CheckpointError('truncated', message, { file });
  }
  const length = headerLength(head);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    if (!looksLikeHeaderStart(head)) {
      const remedy = l10n.english('fetch it again, or give it the suffix of what it is');
      throw new CheckpointError('unknown-format', l10n.english('does not begin as a {0} file does', 'safetensors'), {
        ...{ file, offset: 0, remedy },
      });
    }
    const message = l10n.english(
      'declares a header of {0} bytes, safetensors allows {1}',
      length.toString(),
      MAX_HEADER_BYTES,
    );
    throw new CheckpointError('limit', message, { file, offset: 0, remedy: l10n.english('fetch it again') });
  }
  if (length > BigInt(size - LENGTH_BYTES)) {
    throw new CheckpointError(
      'truncated',
      l10n.english('declares a header of {0} bytes, but the file ends at byte {1}', length.toString(), size),
      { file, offset: 0 },
    );
  }
  if (!looksLikeHeaderStart(head)) {
    throw new CheckpointError('malformed', l10n.english('the header does not begin with "{"'), {
      file,
      offset: LENGTH_BYTES,
    });
  }
  const json = await reader.read(LENGTH_BYTES, Number(length), signal);
  return Buffer.from(json.buffer);
}

function looksLikeHeaderStart(head: Uint8Array): boolean {
  return head[LENGTH_BYTES] === 0x7b;
}

class HeaderParser {
  readonly problems: ProblemList;
  private readonly tensors = new Map<string, ParsedTensor>();
  /** Bytes claimed by entries that are not shown. */
  private readonly refusedClaims: Claim[] = [];
  private metadata: Readonly<Record<string, string>> = {};
  private hasMetadata = false;
  private seen = 0;

  constructor(
    private readonly file: string,
    private readonly dataStart: number,
    private readonly fileSize: number,
  ) {
    this.problems = new ProblemList(file);
  }

  get empty(): boolean {
    return this.tensors.size === 0;
  }

  /** @throws JsonSyntaxError after which what was read so far still holds; CheckpointError `limit` */
  parse(json: Buffer): void {
    const entries = objectEntries(json);
    for (;;) {
      const next = entries.next();
      if (next.done) {
        const rest = skipSpace(json, next.value);
        if (rest < json.length) throw new JsonSyntaxError('text after the closing "}"', rest);
        return;
      }
      if (++this.seen > MAX_TENSORS) {
        throw new CheckpointError('limit', `the header lists more than ${MAX_TENSORS} tensors`, { file: this.file });
      }
      if (next.value.key === '__metadata__') this.parseMetadata(json, next.value);
      else this.parseTensor(json, next.value);
    }
  }

  finish(): SafetensorsHeader {
    this.dropOverlapping();
    this.reportHoles();
    const layout = kernelLayouts(this.metadata['format']);
    for (const tensor of this.tensors.values()) {
      tensor.kernelLayout = layout(tensor.name);
      const notModel = namedState(tensor);
      if (notModel !== undefined) tensor.notModel = notModel;
    }
    return { tensors: [...this.tensors.values()], metadata: this.metadata, problems: this.problems.list() };
  }

  private parseMetadata(json: Buffer, entry: JsonEntry): void {
    if (this.hasMetadata) {
      const message = '"__metadata__" stands twice, and other programs refuse such a file';
      this.problems.add('malformed', message, { offset: LENGTH_BYTES + entry.keyOffset });
    }
    this.hasMetadata = true;
    // The reference parser takes null for no metadata.
    if (json.toString('latin1', entry.start, entry.end) === 'null') return;
    const pairs = new Map(Object.entries(this.metadata));
    try {
      collectMetadata(json, entry, pairs, (key, at) => {
        // The format allows text only.
        const message = isLongName(key)
          ? `in "__metadata__", ${longName(key)}: the entry is left out`
          : `"__metadata__" holds a value that is not text, under "${key}"`;
        this.problems.add('malformed', message, { offset: LENGTH_BYTES + at });
      });
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      const where = { offset: LENGTH_BYTES + error.offset };
      this.problems.add('malformed', `"__metadata__" cannot be read: ${error.message}`, where);
    }
    if (pairs.size >= MAX_METADATA_ENTRIES) {
      const message = `only the first ${MAX_METADATA_ENTRIES} entries of "__metadata__" are kept`;
      this.problems.add('limit', message, { offset: LENGTH_BYTES + entry.start });
    }
    // Own properties, whatever the keys are called.
    this.metadata = Object.fromEntries(pairs);
  }

  private parseTensor(json: Buffer, { key: tensor, keyOffset, start, end }: JsonEntry): void {
    const where = { tensor, offset: LENGTH_BYTES + keyOffset };
    const parsed = parseEntry(json, start, end);
    if (isLongName(tensor)) {
      this.problems.add('limit', `${longName(tensor)}, so the tensor is not shown`, { offset: where.offset });
      if (parsed.range) this.refusedClaims.push(this.claim(parsed.range));
      return;
    }
    const entry = isRefusal(parsed) ? parsed : this.checkInContext(tensor, parsed);
    if (isRefusal(entry)) {
      this.problems.add(entry.code, entry.message, where);
      if (entry.range) this.refusedClaims.push(this.claim(entry.range));
      return;
    }
    const { shape, dtype, packed, range } = entry;
    const { offset, length } = this.claim(range);
    const count = shape.reduce((product, size) => product * size, 1);
    this.tensors.set(tensor, {
      name: tensor,
      group: '',
      shape,
      dtype,
      byteLength: count * elementSize(dtype),
      ...(packed && { packed, encoding: { name: packed, byteLength: length } }),
      kernelLayout: 'OI…',
      file: this.file,
      offset,
    });
  }

  private checkInContext(tensor: string, entry: TensorEntry): TensorEntry | Refusal {
    const { range } = entry;
    if (this.tensors.has(tensor)) {
      return { code: 'malformed', message: 'the name occurs twice, and the first one is shown', range };
    }
    const end = this.dataStart + range.end;
    if (end <= this.fileSize) return entry;
    const message = l10n.english('its bytes go up to {0}, but the file ends at {1}', end, this.fileSize);
    return { code: 'truncated', message, range };
  }

  private claim({ begin, end }: DataRange): Claim {
    return { offset: this.dataStart + begin, length: end - begin };
  }

  /** If tensors share bytes, which the format forbids, the one that begins first is kept. */
  private dropOverlapping(): void {
    let last: StoredTensor | undefined;
    for (const tensor of inFileOrder([...this.tensors.values()].filter(({ byteLength }) => byteLength > 0))) {
      const { name, offset } = tensor;
      if (last && offset < last.offset + storedLength(last)) {
        const message = `its bytes overlap those of ${last.name}, which is shown instead`;
        this.problems.add('malformed', message, { tensor: name, offset });
        this.tensors.delete(name);
        this.refusedClaims.push(claimOf(tensor));
      } else {
        last = tensor;
      }
    }
  }

  /** Bytes that belong to no tensor: the reference refuses such files, so people should know. */
  private reportHoles(): void {
    let covered = this.dataStart;
    const claims = [...[...this.tensors.values()].map(claimOf), ...this.refusedClaims];
    for (const { offset, length } of inFileOrder(claims)) {
      this.reportHole(covered, Math.min(offset, this.fileSize));
      covered = Math.max(covered, offset + length);
    }
    this.reportHole(covered, this.fileSize);
  }

  private reportHole(begin: number, end: number): void {
    if (end <= begin) return;
    const message = `${end - begin} bytes belong to no tensor, and other programs refuse such a file`;
    this.problems.add('malformed', message, { offset: begin });
  }
}

function claimOf(tensor: StoredTensor): Claim {
  return { offset: tensor.offset, length: storedLength(tensor) };
}

function inFileOrder<Span extends Pick<Claim, 'offset'>>(spans: Span[]): Span[] {
  return spans.sort((a, b) => a.offset - b.offset);
}

/**
 * safetensors does not say which axes of a convolution kernel are which. PyTorch's order (out, in, spatial…) is the
 * rule; files that Flax or TensorFlow wrote say so in `format`, and converted TensorFlow variables keep names that no
 * PyTorch module can have: a path ending in `/kernel` (or `/kernel/part_0`), or an output number such as `:0`.
 */
function kernelLayouts(format: string | undefined): (name: string) => TensorInfo['kernelLayout'] {
  if (format === 'flax' || format === 'tf') return () => '…IO';
  return (name) => (/\/kernel(\/|$)|:0/.test(name) ? '…IO' : 'OI…');
}
