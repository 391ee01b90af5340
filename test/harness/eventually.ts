import { patience } from './machineSpeed';

/**
 * Asks again until the answer is the wanted one: pages and processes do things in their own time.
 *
 * @throws Error with the last answer where it does not come in time; what `ask` throws itself is passed on
 */
export async function eventually<T>(
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  limitMs = patience(),
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(answer)} after ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
