import assert from 'node:assert/strict';
import { MemoryBytes } from '../../../../extension/checkpoint/files/memoryBytes';
import { ReadWindow } from '../../../../extension/checkpoint/files/readWindow';

describe('a window on a file', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);

  it('holds what was loaded last, and gives views on it', async () => {
    const window = new ReadWindow(new MemoryBytes('model', bytes));
    assert.ok(!window.holds(0, 1));
    await window.load(10, 5);
    assert.deepEqual([window.start, window.end], [10, 15]);
    assert.deepEqual([window.holds(10, 5), window.holds(9, 2), window.holds(14, 2)], [true, false, false]);
    assert.deepEqual([...window.view(12, 3)], [12, 13, 14]);
    await window.load(50, 2);
    assert.ok(!window.holds(10, 5));
    assert.deepEqual([...window.view(50, 2)], [50, 51]);
  });

  it('gives no view on bytes that it does not hold', async () => {
    const window = new ReadWindow(new MemoryBytes('model', bytes));
    await window.load(10, 5);
    assert.throws(() => window.view(9, 1), RangeError);
    assert.throws(() => window.view(14, 2), RangeError);
  });

  it('keeps what it holds where reading fails, and reads with its signal', async () => {
    const stop = new AbortController();
    const memory = new MemoryBytes('model', bytes);
    const signals: (AbortSignal | undefined)[] = [];
    const read = (offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> => {
      signals.push(signal);
      return memory.read(offset, length);
    };
    const window = new ReadWindow({ path: 'model', size: 100, read }, stop.signal);
    await window.load(10, 5);
    await assert.rejects(window.load(98, 5), { code: 'truncated' });
    assert.deepEqual([...window.view(10, 1)], [10]);
    assert.deepEqual(signals, [stop.signal, stop.signal]);
  });
});
