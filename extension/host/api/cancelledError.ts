/** Work that a token ended. Its name tells `problemOf`, which knows nothing of VS Code's own class. */
export class CancelledError extends Error {
  override readonly name = 'AbortError';
  constructor() {
    super('It was cancelled.');
  }
}
