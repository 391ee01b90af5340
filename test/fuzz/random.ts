/** Reproducible random choices: the same words give the same case on every machine. */
export class Random {
  private state: number;

  /** @param words for instance seed, format and case number */
  constructor(...words: readonly (string | number)[]) {
    // FNV-1a over the text, then mulberry32 below.
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(words.join('\n'))) hash = Math.imul(hash ^ byte, 0x01000193);
    this.state = hash >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Uniform integer in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}
