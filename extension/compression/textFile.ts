/** Text that a person keeps (numbers, reports, overviews), written as everything else is: all of it, or nothing. */
import { writeAtomically, type AtomicWriteOptions } from './atomicFile';

/** Bytes that are written at a time. */
const BLOCK_BYTES = 1 << 20;

/** Other requests are served after this time: the text of 100 000 layers takes seconds to make. */
const SLICE_MS = 20;

/**
 * Writes the text that `pieces` makes. It makes it twice: the first time to count its bytes, so that no more than a block
 * is held of a text of hundreds of megabytes.
 *
 * @param pieces makes the same text each time
 * @returns the file written
 * @throws as `writeAtomically`, and what `pieces` throws; the target is then as it was
 */
export async function writeText(
  target: string,
  options: Omit<AtomicWriteOptions, 'size'>,
  pieces: () => Iterable<string>,
): Promise<{ path: string; bytes: number }> {
  let bytes = 0;
  for await (const block of blocks(pieces(), options.signal)) bytes += block.length;
  const path = await writeAtomically(target, { ...options, size: bytes }, async (append) => {
    for await (const block of blocks(pieces(), options.signal)) await append(block);
  });
  return { path, bytes };
}

async function* blocks(pieces: Iterable<string>, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  let gathered: Buffer[] = [];
  let room = BLOCK_BYTES;
  let last = performance.now();
  for (const piece of pieces) {
    const bytes = Buffer.from(piece);
    gathered.push(bytes);
    room -= bytes.length;
    if (performance.now() - last > SLICE_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      last = performance.now();
    }
    if (room > 0) continue;
    yield Buffer.concat(gathered);
    gathered = [];
    room = BLOCK_BYTES;
  }
  if (gathered.length > 0) yield Buffer.concat(gathered);
}
