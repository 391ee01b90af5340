import assert from 'node:assert/strict';
import type { FileHandle } from 'node:fs/promises';
import { Appender } from '../../../extension/compression/appender';

/** Takes writes only when told to, at most `most` bytes of each. */
class SlowFile {
  readonly content: number[] = [];
  private readonly waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(private readonly most = Infinity) {}

  get underWay(): number {
    return this.waiting.length;
  }

  readonly handle = {
    write: async (bytes: Uint8Array, offset: number, length: number, position: number) => {
      await new Promise<void>((resolve, reject) => this.waiting.push({ resolve, reject }));
      const bytesWritten = Math.min(length, this.most);
      for (let i = 0; i < bytesWritten; i++) this.content[position + i] = bytes[offset + i]!;
      return { bytesWritten, buffer: bytes };
    },
  } as unknown as FileHandle;

  /** Ends the write that is under way. */
  async next(error?: Error): Promise<void> {
    const { resolve, reject } = this.waiting.shift()!;
    if (error) reject(error);
    else resolve();
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('appending to a file', () => {
  it('takes the next bytes while the last are written, and no more', async () => {
    const file = new SlowFile();
    const appender = new Appender(file.handle, undefined);
    await appender.append(Uint8Array.of(1, 2));
    assert.deepEqual([file.content, file.underWay], [[], 1]);
    let taken = false;
    const second = appender.append(Uint8Array.of(3)).then(() => (taken = true));
    await settled();
    assert.deepEqual([taken, file.underWay], [false, 1]);
    await file.next();
    await second;
    assert.deepEqual(file.content, [1, 2]);
    let done = false;
    const end = appender.written().then(() => (done = true));
    await settled();
    assert.equal(done, false);
    await file.next();
    await end;
    assert.deepEqual(file.content, [1, 2, 3]);
  });

  it('copies in its turn, behind what was appended before', async () => {
    const file = new SlowFile();
    const appender = new Appender(file.handle, undefined);
    const copied: number[] = [];
    const copy = {
      length: 3,
      copyTo: (_: unknown, position: number) => Promise.resolve(void copied.push(position)),
    };
    await appender.append(Uint8Array.of(1, 2));
    const second = appender.append(copy);
    await settled();
    assert.deepEqual(copied, []);
    await file.next();
    await second;
    await appender.append(Uint8Array.of(9));
    assert.deepEqual(copied, [2]);
    await settled();
    await file.next();
    await appender.written();
    assert.deepEqual([file.content.slice(0, 2), file.content[5]], [[1, 2], 9]);
  });

  it('goes on where the system took only some of the bytes', async () => {
    const file = new SlowFile(2);
    const appender = new Appender(file.handle, undefined);
    await appender.append(Uint8Array.of(1, 2, 3));
    const second = appender.append(Uint8Array.of(4));
    for (let write = 0; write < 3; write++) {
      await settled();
      await file.next();
    }
    await second;
    await appender.written();
    assert.deepEqual(file.content, [1, 2, 3, 4]);
  });

  it('tells a write that failed to the next call and at the end, and writes nothing more', async () => {
    const file = new SlowFile();
    const appender = new Appender(file.handle, undefined);
    await appender.append(Uint8Array.of(1));
    await file.next(new Error('the disk is full'));
    await assert.rejects(appender.append(Uint8Array.of(2)), /the disk is full/);
    await assert.rejects(appender.append(Uint8Array.of(3)), /the disk is full/);
    await assert.rejects(appender.written(), /the disk is full/);
    assert.deepEqual([file.content, file.underWay], [[], 0]);
  });

  it('stops between two writes', async () => {
    const file = new SlowFile(1);
    const abort = new AbortController();
    const appender = new Appender(file.handle, abort.signal);
    await appender.append(Uint8Array.of(1, 2));
    abort.abort();
    await file.next();
    await assert.rejects(appender.written(), { name: 'AbortError' });
    assert.deepEqual(file.content, [1]);
  });
});
