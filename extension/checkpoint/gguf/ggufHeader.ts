/**
 * The header of one GGUF file: magic and version, key/value pairs, tensor entries; the tensors' bytes follow at the next
 * multiple of the alignment. What ggml refuses whole files for costs its own tensor only, where the rest can be found.
 *
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import type { Problem } from '../../shared/tensors';
import { CheckpointError } from '../checkpointError';
import type { FileReader } from '../files/fileReader';
import { GgufCursor } from './ggufCursor';
import { readValue } from './ggufMetadata';
import { SHAPE_PREFIX } from './ggufShapes';
import { placeTensor, readEntries, type GgufEntry, type GgufTensor } from './ggufTensor';
import { MAX_METADATA_ENTRIES } from '../files/headerMetadata';
import { ProblemList } from '../problemList';
import { l10n } from '../../shared/language/l10n';

const MAGIC = 'GGUF';

/** A hundred times the largest models' count, whose experts are stacked; bounds time and memory. */
const MAX_TENSORS = 200_000;

const VERSIONS: readonly [number, number] = [2, 3];

/** Magic, version, number of tensors, number of pairs. */
const PREAMBLE_BYTES = 24;

/** A key's length, a type, a value of one byte. */
const LEAST_PAIR_BYTES = 13;

/** A name's length, a rank, a type, an offset. */
const LEAST_ENTRY_BYTES = 24;

/** The format's own limit. */
const MAX_KEY_BYTES = 65_535;

/** Characters of a key that a message shows. */
const KEY_SHOWN = 100;

/** All values together, as text: bounds what goes to the view. */
const MAX_METADATA_CHARACTERS = 4_000_000;

/** `general.alignment` of files that do not say. */
const DEFAULT_ALIGNMENT = 32;

export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, string>;
  /** Tensors that it lists, those that cannot be shown too. */
  readonly declaredTensors: number;
  /** In the header's order. */
  readonly tensors: readonly GgufTensor[];
  readonly problems: readonly Problem[];
}

export function looksLikeGguf(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, MAGIC.length)).toString('latin1') === MAGIC;
}

/**
 * @throws CheckpointError `unknown-format`, `unsupported` for other versions; `truncated` where the file ends in its
 *   header; `malformed`, `limit` where the header leads nowhere
 */
export async function readGgufHeader(reader: FileReader, signal?: AbortSignal): Promise<GgufHeader> {
  const { path: file } = reader;
  const cursor = new GgufCursor(reader, signal);
  const counts = await readPreamble(cursor);
  const problems = new ProblemList(file);
  const metadata = await readMetadata(cursor, counts.pairs, problems);
  const alignment = alignmentOf(metadata, file);
  const entries = await readEntries(cursor, counts.tensors);
  const dataStart = Math.ceil(cursor.offset / alignment) * alignment;
  const data = { file, fileSize: reader.size, dataStart, alignment, bigEndian: cursor.bigEndian };
  const tensors = placeTensors(entries, data, problems);
  return { metadata, declaredTensors: counts.tensors, tensors, problems: problems.list() };
}

/** How many tensors and pairs follow. @throws CheckpointError as `readGgufHeader` */
export async function readPreamble(cursor: GgufCursor): Promise<{ tensors: number; pairs: number }> {
  const { file } = cursor;
  await cursor.need(Math.min(cursor.left, MAGIC.length));
  if (!looksLikeGguf(cursor.take(MAGIC.length))) {
    const remedy = l10n.english('fetch it again, or give it the suffix of what it is');
    throw new CheckpointError('unknown-format', l10n.english('does not begin as a {0} file does', 'GGUF'), {
      file,
      offset: 0,
      remedy,
    });
  }
  await cursor.need(PREAMBLE_BYTES - MAGIC.length);
  const little = cursor.uint32();
  // A version below 65536 has its zeros in front when it is written the other way round.
  cursor.bigEndian = (little & 0xffff) === 0;
  const version = cursor.bigEndian ? Buffer.from(Uint32Array.of(little).buffer).readUInt32BE() : little;
  if (!VERSIONS.includes(version)) {
    const message = l10n.english('is GGUF version {0}, {1} and {2} are read', version, ...VERSIONS);
    const remedy = l10n.english('convert the original anew');
    throw new CheckpointError('unsupported', message, { file, offset: MAGIC.length, remedy });
  }
  const tensors = cursor.uint64();
  const pairs = cursor.uint64();
  const needed = tensors * LEAST_ENTRY_BYTES + pairs * LEAST_PAIR_BYTES;
  if (needed > cursor.left) {
    const message = `declares ${tensors} tensors and ${pairs} key/value pairs, which need ${needed} bytes at least, but ${cursor.left} follow`;
    throw new CheckpointError('truncated', message, { file, offset: 8 });
  }
  if (tensors > MAX_TENSORS) {
    const message = `the header lists ${tensors} tensors; more than ${MAX_TENSORS} are not read`;
    throw new CheckpointError('limit', message, { file, offset: 8 });
  }
  if (pairs > MAX_METADATA_ENTRIES) {
    const message = `the header has ${pairs} key/value pairs; more than ${MAX_METADATA_ENTRIES} are not read`;
    throw new CheckpointError('limit', message, { file, offset: 16 });
  }
  return { tensors, pairs };
}

/** Walks all pairs, since the tensors come after them; keeps as much as a person may read. */
async function readMetadata(cursor: GgufCursor, pairs: number, problems: ProblemList): Promise<Map<string, string>> {
  const metadata = new Map<string, string>();
  const count = { arrays: 0 };
  let characters = 0;
  let left = 0;
  for (let i = 0; i < pairs; i++) {
    const offset = cursor.offset;
    const key = await cursor.text(MAX_KEY_BYTES);
    const value = await readValue(cursor, key, count);
    if (metadata.has(key)) {
      const message = `the key ${key.slice(0, KEY_SHOWN)} occurs twice, and the first one counts`;
      problems.add('malformed', message, { offset });
    } else if (characters > MAX_METADATA_CHARACTERS && !key.startsWith(SHAPE_PREFIX)) {
      left++;
    } else {
      metadata.set(key, value);
      characters += key.length + value.length;
    }
  }
  if (left > 0) problems.add('limit', `${left} of ${pairs} key/value pairs are too long to be shown with the others`);
  return metadata;
}

/** @throws CheckpointError `malformed`: without it nothing can be found */
function alignmentOf(metadata: ReadonlyMap<string, string>, file: string): number {
  const text = metadata.get('general.alignment');
  const alignment = text === undefined ? DEFAULT_ALIGNMENT : Number(text);
  if (Number.isInteger(alignment) && alignment >= 1 && Number.isInteger(Math.log2(alignment))) return alignment;
  const message = `"general.alignment" is ${text}, not a power of two, so that no tensor can be found`;
  throw new CheckpointError('malformed', message, { file });
}

interface DataSection {
  readonly file: string;
  readonly fileSize: number;
  readonly dataStart: number;
  readonly alignment: number;
  readonly bigEndian: boolean;
}

function placeTensors(entries: readonly GgufEntry[], data: DataSection, problems: ProblemList): GgufTensor[] {
  const tensors = new Map<string, GgufTensor>();
  const ends = entries.some(({ type }) => 'unreadable' in type) ? endsOf(entries, data) : undefined;
  for (const entry of entries) {
    const { name, offset, at } = entry;
    const where = { tensor: name, offset: at };
    const begin = data.dataStart + offset;
    const room = Math.max(0, (ends?.get(offset) ?? data.fileSize) - begin);
    const placed = placeTensor(entry, { ...data, room });
    if ('code' in placed) {
      problems.add(placed.code, placed.message, where);
    } else if (tensors.has(name)) {
      problems.add('malformed', 'the name occurs twice, and the first one is shown', where);
    } else {
      if (offset % data.alignment !== 0) {
        const message = `its bytes begin at ${offset} of the data, not at a multiple of ${data.alignment}, and other programs refuse such a file`;
        problems.add('malformed', message, where);
      }
      tensors.set(name, placed);
    }
  }
  dropOverlapping(tensors, problems);
  return [...tensors.values()];
}

/** The start of the next tensor's bytes in the file, by the offset of each. */
function endsOf(entries: readonly GgufEntry[], { dataStart, fileSize }: DataSection): Map<number, number> {
  const offsets = [...new Set(entries.map(({ offset }) => offset))].sort((a, b) => a - b);
  return new Map(offsets.map((offset, i) => [offset, Math.min(fileSize, dataStart + (offsets[i + 1] ?? Infinity))]));
}

/** If tensors share bytes, which GGUF does not know, the one that begins first is kept. */
function dropOverlapping(tensors: Map<string, GgufTensor>, problems: ProblemList): void {
  const readable = [...tensors.values()].filter(({ storedBytes, unreadable }) => storedBytes > 0 && !unreadable);
  let last: GgufTensor | undefined;
  for (const tensor of readable.sort((a, b) => a.offset - b.offset)) {
    const { name, offset } = tensor;
    if (last && offset < last.offset + last.storedBytes) {
      const message = `its bytes overlap those of ${last.name}, which is shown instead`;
      problems.add('malformed', message, { tensor: name, offset });
      tensors.delete(name);
    } else {
      last = tensor;
    }
  }
}
