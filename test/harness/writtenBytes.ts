/** What a writer makes, through a file as in a save. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Appender, type Append } from '../../extension/compression/appender';

export async function writtenBytes(
  write: (append: Append) => Promise<void>,
  signal?: AbortSignal,
): Promise<Buffer<ArrayBuffer>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-written-'));
  const target = path.join(folder, 'written');
  try {
    const file = await open(target, 'wx');
    try {
      const appender = new Appender(file, signal);
      await write(appender.append);
      await appender.written();
    } finally {
      await file.close();
    }
    return readFileSync(target);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
