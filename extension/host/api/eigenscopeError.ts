/** An error as it leaves the extension: a sentence for people and assistants, and a word for programs. */
export class EigenscopeError extends Error {
  override readonly name = 'EigenscopeError';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
