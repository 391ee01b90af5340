/**
 * How much a block changes what goes through it: 1 − the mean cosine of a token's states before and after.
 *
 * @see ShortGPT, arXiv 2403.03853
 */
export class BlockInfluence {
  private readonly sums = new Map<string, { cosines: number; tokens: number }>();

  constructor(private readonly hidden: number) {}

  /** @param before, after tokens × hidden */
  add(block: string, before: Float32Array, after: Float32Array): void {
    const { hidden } = this;
    const sum = this.sums.get(block) ?? { cosines: 0, tokens: 0 };
    this.sums.set(block, sum);
    for (let at = 0; at < before.length; at += hidden) {
      let [product, own, other] = [0, 0, 0];
      for (let i = at; i < at + hidden; i++) {
        product += before[i]! * after[i]!;
        own += before[i]! ** 2;
        other += after[i]! ** 2;
      }
      // States of zeros have no direction: they count as unchanged if both are.
      sum.cosines += own > 0 && other > 0 ? product / Math.sqrt(own * other) : Number(own === other);
      sum.tokens++;
    }
  }

  of(block: string): number {
    const { cosines, tokens } = this.sums.get(block)!;
    return 1 - cosines / tokens;
  }

  all(): Record<string, number> {
    return Object.fromEntries([...this.sums.keys()].map((block) => [block, this.of(block)]));
  }
}
