/**
 * LZF, the compression that h5py brings along: runs of bytes as they are, and copies of what came before.
 *
 * @see http://oldhome.schmorp.de/marc/liblzf.html
 */

/** A control byte below this begins a run. */
const COPY = 32;

/** A copy has two bytes more than it says; one of 7 says the rest in a further byte. */
const SHORTEST = 2;
const LONG = 7;

/**
 * @param maxLength of the result, which is cut off where there is more
 * @returns undefined where the bytes are not LZF
 */
export function decompressLzf(packed: Uint8Array, maxLength: number): Uint8Array | undefined {
  const result = new Uint8Array(maxLength);
  let length = 0;
  for (let at = 0; at < packed.length && length < maxLength;) {
    const control = packed[at++]!;
    if (control < COPY) {
      const run = packed.subarray(at, at + control + 1);
      if (run.length <= control) return undefined;
      result.set(run.subarray(0, maxLength - length), length);
      at += run.length;
      length += run.length;
      continue;
    }
    let copied = control >> 5;
    if (copied === LONG) copied += packed[at++] ?? 0;
    const low = packed[at++];
    if (low === undefined) return undefined;
    let from = length - ((control & 31) << 8) - low - 1;
    if (from < 0) return undefined;
    // Byte by byte: a copy may go on into itself. What is beyond the end is not kept.
    for (const end = length + copied + SHORTEST; length < end;) result[length++] = result[from++]!;
  }
  return result.subarray(0, Math.min(length, maxLength));
}
