/**
 * llama.cpp's imatrix in its older binary form, little-endian: the number of entries; for each a name, the number of calls
 * and the sums (mean x² times that number); then, in most files, the number of chunks and the data set's name.
 *
 * @see https://github.com/ggml-org/llama.cpp/blob/master/tools/quantize/quantize.cpp (`load_legacy_imatrix`)
 */
import { CheckpointError } from '../../checkpoint/checkpointError';
import { widen } from '../../checkpoint/elements/dtype';
import { MAX_NAME } from '../../checkpoint/elements/names';
import { FileReader } from '../../checkpoint/files/fileReader';
import { ReadWindow } from '../../checkpoint/files/readWindow';
import type { Measurement, NamedStatistics, StatisticsFile } from './statisticsFile';

/** The largest models have some 2000: bounds what a hostile count can cost. */
const MAX_ENTRIES = 100_000;

/** A name's length, a name of one byte, calls, a count, one number. */
const LEAST_ENTRY_BYTES = 17;

/** Bytes of an entry that are read at once: its name and its counts are mostly among them. */
const WINDOW_BYTES = 512;

const FLOAT_BYTES = 4;

/** @throws CheckpointError `malformed`, `truncated`, `limit`; AbortError */
export async function openImatrixBinary(path: string, signal?: AbortSignal): Promise<StatisticsFile> {
  const reader = await FileReader.open(path);
  try {
    const named = await new Entries(reader, signal).read();
    return {
      format: 'imatrix',
      synthetic: false,
      named,
      blockInfluence: new Map(),
      problems: [],
      close: () => reader.close(),
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

class Entries {
  private readonly window: ReadWindow;
  private offset = 0;

  constructor(
    private readonly reader: FileReader,
    signal?: AbortSignal,
  ) {
    this.window = new ReadWindow(reader, signal);
  }

  async read(): Promise<Map<string, NamedStatistics>> {
    const count = await this.int32();
    if (count < 1) throw this.malformed(`it declares ${count} entries`);
    if (count > MAX_ENTRIES || count * LEAST_ENTRY_BYTES > this.reader.size) {
      throw this.malformed(
        `it declares ${count} entries, more than its ${this.reader.size} bytes or any model can have`,
      );
    }
    const named = new Map<string, NamedStatistics>();
    for (let i = 0; i < count; i++) {
      const [name, squareMean] = await this.entry(i);
      if (named.has(name)) throw this.malformed(`the name ${name} occurs twice`);
      named.set(name, { fields: { squareMean } });
    }
    return named;
  }

  private async entry(index: number): Promise<[string, Measurement]> {
    const length = await this.int32();
    if (length < 1 || length > MAX_NAME) throw this.malformed(`the name of entry ${index} has ${length} bytes`);
    const name = (await this.take(length)).toString('utf8');
    if (!/^[\x21-\x7e]+$/.test(name)) throw this.malformed(`entry ${index} has no name of a tensor`);
    const calls = await this.int32();
    const count = await this.int32();
    if (calls < 1) throw this.malformed(`entry ${name} is of ${calls} calls`);
    if (count < 1) throw this.malformed(`entry ${name} has ${count} numbers`);
    const start = this.offset;
    if (count * FLOAT_BYTES > this.reader.size - start) {
      throw new CheckpointError(
        'truncated',
        `entry ${name} has ${count} numbers, but the file ends before`,
        this.place,
      );
    }
    this.offset += count * FLOAT_BYTES;
    const read: Measurement['read'] = async (rows = { start: 0, end: count }, signal) => {
      const from = start + rows.start * FLOAT_BYTES;
      const bytes = await this.reader.read(from, (rows.end - rows.start) * FLOAT_BYTES, signal);
      await this.reader.assertUnchanged();
      return widen(bytes, 'F32').map((value) => value / calls);
    };
    return [name, { name, shape: [count], read }];
  }

  private async int32(): Promise<number> {
    return (await this.take(4)).readInt32LE();
  }

  private async take(length: number): Promise<Buffer> {
    const left = this.reader.size - this.offset;
    if (length > left) throw new CheckpointError('truncated', `it ends inside an entry`, this.place);
    if (!this.window.holds(this.offset, length)) {
      await this.window.load(this.offset, Math.min(left, Math.max(length, WINDOW_BYTES)));
    }
    const bytes = this.window.view(this.offset, length);
    this.offset += length;
    return bytes;
  }

  private get place(): { file: string; offset: number } {
    return { file: this.reader.path, offset: this.offset };
  }

  private malformed(reason: string): CheckpointError {
    return new CheckpointError('malformed', `as an imatrix, ${reason}`, this.place);
  }
}
