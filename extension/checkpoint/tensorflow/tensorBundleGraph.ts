/**
 * The graph of objects that TensorFlow 2 stores in a checkpoint: which variable of the program is behind which key, and
 * what it was called there.
 *
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/trackable_object_graph.proto
 */
import type { FileReader } from '../files/fileReader';
import { ProtobufReader, type Span } from '../containers/protobufReader';

/** The key that it is stored under, a tensor of one text. */
export const OBJECT_GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH';

/** Ten thousand variables take 3 MB; bounds the time that names may take. */
const MAX_GRAPH_BYTES = 32_000_000;

/** A key or a name; longer ones are of no use to anybody. */
const MAX_NAME_BYTES = 65_536;

/** Behind the length of each text of a tensor, together for all of them. */
const CHECKSUM_BYTES = 4;

/**
 * Full names of variables by their keys, as far as they are told and no two variables share one.
 *
 * @param stored where the tensor is in the file
 * @param isKey selects the keys to name
 * @throws CheckpointError `malformed`, `truncated`, `limit`, …
 */
export async function readFullNames(
  file: FileReader,
  stored: Span,
  isKey: (key: string) => boolean,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const reader = new ProtobufReader(file, signal);
  reader.subject = OBJECT_GRAPH;
  const graph = await graphSpan(reader, stored);
  const names = new Map<string, string>();
  const keys = new Map<string, string | undefined>();
  await reader.walk(graph, async (node) => {
    if (node.number !== 1) return;
    await reader.walk(node, async (attribute) => {
      if (attribute.number !== 2) return;
      let [key, name] = ['', ''];
      await reader.walk(attribute, async (field) => {
        if (field.number === 2) name = await reader.text(field, MAX_NAME_BYTES);
        else if (field.number === 3) key = await reader.text(field, MAX_NAME_BYTES);
      });
      if (name === '' || !isKey(key)) return;
      keys.set(name, keys.has(name) && keys.get(name) !== key ? undefined : key);
    });
  });
  for (const [name, key] of keys) if (key !== undefined) names.set(key, name);
  return names;
}

/** The text's own bytes: behind its length and a checksum. */
async function graphSpan(reader: ProtobufReader, stored: Span): Promise<Span> {
  const size = stored.end - stored.start;
  if (size > MAX_GRAPH_BYTES) {
    const message = `has ${size} bytes; names are read from at most ${MAX_GRAPH_BYTES}`;
    throw reader.error('limit', message, stored.start);
  }
  reader.position = stored.start;
  await reader.load();
  reader.varint(stored.end);
  const start = reader.position + CHECKSUM_BYTES;
  const end = start + reader.toCount(reader.low, reader.high, stored.start);
  if (end !== stored.end) {
    throw reader.malformed(`is not one text that ends at byte ${stored.end}, as the index has it`, stored.start);
  }
  return { start, end };
}
