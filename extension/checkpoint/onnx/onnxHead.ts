/**
 * Recognises an ONNX model by its first bytes. ONNX has no magic number: the bytes must read as the first fields of a
 * ModelProto, and be nothing that another format begins with.
 */
import { WIRE } from '../containers/protobufReader';

/** Field number → wire type of ModelProto. */
const MODEL_FIELDS: ReadonlyMap<number, number> = new Map([
  [1, WIRE.varint],
  [2, WIRE.bytes],
  [3, WIRE.bytes],
  [4, WIRE.bytes],
  [5, WIRE.varint],
  [6, WIRE.bytes],
  [7, WIRE.bytes],
  [8, WIRE.bytes],
  [14, WIRE.bytes],
  [20, WIRE.bytes],
  [25, WIRE.bytes],
  [26, WIRE.bytes],
]);

/** First bytes (tag) of a GraphProto: every field it has. */
const GRAPH_TAGS: ReadonlySet<number> = new Set(
  [1, 2, 5, 10, 11, 12, 13, 14, 15].map((number) => (number << 3) | WIRE.bytes),
);

/** Texts: producer, version, domain, documentation. */
const TEXT_FIELDS: ReadonlySet<number> = new Set([2, 3, 4, 6]);

/** ir_version is 13 in 2025 and grows by one a year. */
const MAX_IR_VERSION = 127;

const TAG_IR_VERSION = (1 << 3) | WIRE.varint;

/**
 * True for a plausible model head. Under the name `.onnx` one valid first field is enough (an empty or cut file then
 * gets ONNX's error message, not "unknown format"); under any other name the whole head must fit, `ir_version` first.
 */
export function looksLikeOnnx(path: string, head: Uint8Array): boolean {
  if (path.toLowerCase().endsWith('.onnx')) {
    return head.length === 0 || MODEL_FIELDS.get(head[0]! >> 3) === (head[0]! & 7);
  }
  if (head.length < 4 || head[0] !== TAG_IR_VERSION) return false;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < head.length && scale < 2 ** 56; scale *= 128) {
      const byte = head[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return at < head.length ? NaN : Infinity;
  };
  while (at < head.length) {
    const tag = varint();
    if (tag === Infinity) return true;
    const number = Math.floor(tag / 8);
    if (MODEL_FIELDS.get(number) !== tag % 8) return false;
    const value = varint();
    if (Number.isNaN(value)) return false;
    if (tag === TAG_IR_VERSION && !(value >= 1 && value <= MAX_IR_VERSION)) return false;
    if (tag % 8 === WIRE.varint) continue;
    const payload = head.subarray(at, at + value);
    if (TEXT_FIELDS.has(number) && payload.some((byte) => byte < 32 && byte !== 10 && byte !== 9)) return false;
    if (number === 7 && payload.length > 0 && !GRAPH_TAGS.has(payload[0]!)) return false;
    at += value;
  }
  return true;
}

/**
 * True for onnxruntime's own format, a FlatBuffer with its identifier behind the first offset.
 *
 * @see https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html
 */
export function isOrtFormat(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(4, 8)).toString('latin1') === 'ORTM';
}
