/** What a person typed cannot be meant, in words that tell what can. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
