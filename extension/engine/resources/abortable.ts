/**
 * What `promise` gives, or the signal's reason as soon as it fires: a slow disk or a thread deep in a kernel ends in its
 * own time, but nobody waits for it.
 *
 * @throws what the promise rejects with, or the signal's reason
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
