/** Lets others of the process have their turn while much is looked through. */

/** At most this long in one go. */
const SLICE_MS = 8;

/** Each item in its turn; awaits the others of the process every few milliseconds. */
export async function* sliced<T>(items: Iterable<T>): AsyncGenerator<T> {
  let began = performance.now();
  for (const item of items) {
    yield item;
    if (performance.now() - began < SLICE_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = performance.now();
  }
}
