/** What an ONNX ModelProto says of itself beside its graphs: where it comes from, its versions, its own properties. */
import { MAX_METADATA_ENTRIES } from '../files/headerMetadata';
import { MAX_NAME_BYTES, readEntry } from './onnxTensor';
import { type Field, type ProtobufReader, WIRE } from '../containers/protobufReader';

/** Exporters keep label lists and configurations in metadata_props: kilobytes. */
const MAX_VALUE_BYTES = 1024 * 1024;
const MAX_METADATA_BYTES = 16 * 1024 * 1024;

/** Text fields of ModelProto, and what they are called here. */
const TEXTS: ReadonlyMap<number, string> = new Map([
  [2, 'producer_name'],
  [3, 'producer_version'],
  [4, 'domain'],
  [6, 'doc_string'],
]);

const NUMBERS: ReadonlyMap<number, string> = new Map([
  [1, 'ir_version'],
  [5, 'model_version'],
]);

/** Keys that metadata_props may not replace. */
const RESERVED: ReadonlySet<string> = new Set([...TEXTS.values(), ...NUMBERS.values(), 'opset_import', 'graph']);

export class OnnxMetadata {
  private readonly values = new Map<string, string>();
  private readonly opsets: string[] = [];
  private bytes = 0;
  /** True once there was more than is kept: told once, and the rest is passed over. */
  private full = false;

  constructor(private readonly reader: ProtobufReader) {}

  /** In file order, the operator sets behind the others. */
  entries(): ReadonlyMap<string, string> {
    return this.opsets.length > 0 ? new Map([...this.values, ['opset_import', this.opsets.join(', ')]]) : this.values;
  }

  /**
   * Takes a field of the ModelProto; those that are none of its own are left alone.
   *
   * @throws CheckpointError `malformed`, `truncated`, `limit`
   */
  async add(field: Field): Promise<void> {
    if (this.full) return;
    const text = TEXTS.get(field.number);
    const number = NUMBERS.get(field.number);
    if (text !== undefined) this.set(text, await this.reader.text(field, MAX_VALUE_BYTES));
    else if (number !== undefined) this.set(number, String(this.reader.unsigned(field)));
    else if (field.number === 8) await this.addOpset(field);
    else if (field.number === 14) await this.addProperty(field);
  }

  async addGraphName(field: Field): Promise<void> {
    this.set('graph', await this.reader.text(field, MAX_VALUE_BYTES));
  }

  private async addProperty(field: Field): Promise<void> {
    this.reader.expectWire(field, WIRE.bytes);
    if (this.values.size >= MAX_METADATA_ENTRIES) {
      this.full = true;
      throw this.reader.error('limit', `has more than ${MAX_METADATA_ENTRIES} entries of metadata`, field.offset);
    }
    const { key, value } = await readEntry(this.reader, field, MAX_VALUE_BYTES);
    this.set(RESERVED.has(key) ? `metadata_props.${key}` : key, value);
  }

  private async addOpset(span: Field): Promise<void> {
    this.reader.expectWire(span, WIRE.bytes);
    let [domain, version] = ['', 0];
    await this.reader.walk(span, async (field) => {
      if (field.number === 1) domain = await this.reader.text(field, MAX_NAME_BYTES);
      else if (field.number === 2) version = this.reader.unsigned(field);
    });
    const opset = `${domain || 'ai.onnx'} ${version}`;
    this.count(opset.length);
    this.opsets.push(opset);
  }

  private set(key: string, value: string): void {
    this.count(key.length + value.length);
    if (value !== '') this.values.set(key, value);
  }

  private count(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > MAX_METADATA_BYTES) {
      this.full = true;
      throw this.reader.error('limit', `has more than ${MAX_METADATA_BYTES} bytes of metadata`, this.reader.position);
    }
  }
}
